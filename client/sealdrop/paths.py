"""Ids and keys as parts of an address."""

import re
from urllib.parse import quote

from sealdrop.errors import UsageError

_SEGMENT = re.compile(r"[0-9A-Za-z_-]{1,200}")


def segment(text: str) -> str:
    """An id or key as one segment of a path: `..` or a slash would address something else."""
    if not _SEGMENT.fullmatch(text):
        raise UsageError("that is neither an id nor a key")
    return quote(text, safe="")
