"""Client of a Sealdrop service."""
