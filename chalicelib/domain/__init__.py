"""Nouns and rules, pure Python: no I/O, no clock, no third-party imports. `now` is always an argument."""
