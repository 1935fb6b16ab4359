"""What `get` is given: the id of an own file, a download key, or a link that holds one."""

import re
from dataclasses import dataclass, field

from sealdrop.errors import UsageError
from sealdrop.http import api_base

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY = re.compile(r"[0-9A-Za-z_-]{20,200}")
_LINK = re.compile(r"(https?://[^?#]+)/public/downloads/([0-9A-Za-z_-]{20,200})/?")


@dataclass(frozen=True, slots=True)
class FileId:
    """A file of the caller's own account."""

    id: str


@dataclass(frozen=True, slots=True)
class Key:
    """A download key; `api_url` says where it is good, None where the configured service is meant."""

    key: str = field(repr=False)
    api_url: str | None = None


def parse_target(text: str) -> FileId | Key:
    """Raises UsageError. What looks like a secret is not repeated in the message."""
    text = text.strip()
    if _ID.fullmatch(text.lower()):
        return FileId(text.lower())
    if link := _LINK.fullmatch(text):
        return Key(link.group(2), api_base(link.group(1)))
    if _KEY.fullmatch(text):
        return Key(text)
    raise UsageError(
        "that is neither a file id, nor a download key, nor a link to a download",
        hint="Ids are listed by: sealdrop ls. A link looks like https://HOST/api/public/downloads/KEY",
    )
