"""Ids and keys: what an id looks like, and both as parts of an address."""

import re
from urllib.parse import quote

from sealdrop.errors import UsageError

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEGMENT = re.compile(r"[0-9A-Za-z_-]{1,200}")


def is_id(text: str) -> bool:
    """True for the one spelling that the service has: lower case."""
    return _ID.fullmatch(text) is not None


def segment(text: str) -> str:
    """An id or key as one segment of a path: `..` or a slash would address something else."""
    if not _SEGMENT.fullmatch(text):
        raise UsageError("that is neither an id nor a key")
    return quote(text, safe="")
