"""Verbs: one module per use case. A signature lists its effects: ports come as keyword arguments."""
