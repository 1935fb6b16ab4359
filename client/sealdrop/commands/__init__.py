"""The verbs of the command line, one module each, every one with a click command named `command`."""
