"""The public contract: what comes in is parsed here once, what goes out has its shape from here."""
