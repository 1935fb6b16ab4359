"""What `get` is given: the id of an own file or of a mail received, a download key, or a link that holds one."""

import re
from dataclasses import dataclass, field

from sealdrop.errors import UsageError
from sealdrop.http import api_base
from sealdrop.paths import is_id

_KEY = re.compile(r"[0-9A-Za-z_-]{20,200}")
_WEB_LINK = re.compile(r"(https?://[^?#]+/)d#([0-9A-Za-z_-]{20,200})")  # as e-mails have it; the API is beside
_LINK = re.compile(r"(https?://[^?#]+)/public/downloads/([0-9A-Za-z_-]{20,200})/?")


@dataclass(frozen=True, slots=True)
class Id:
    """A file of the caller's own account, or else a mail in the caller's inbox."""

    id: str


@dataclass(frozen=True, slots=True)
class Key:
    """A download key; `api_url` says where it is good, None where the configured service is meant."""

    key: str = field(repr=False)
    api_url: str | None = None


def parse_target(text: str) -> Id | Key:
    """Raises UsageError. What looks like a secret is not repeated in the message."""
    text = text.strip()
    if is_id(text.lower()):
        return Id(text.lower())
    if link := _LINK.fullmatch(text):
        return Key(link.group(2), api_base(link.group(1)))
    if link := _WEB_LINK.fullmatch(text):
        return Key(link.group(2), api_base(f"{link.group(1)}api"))
    if _KEY.fullmatch(text):
        return Key(text)
    raise UsageError(
        "that is neither a file id, nor a download key, nor a link to a download",
        hint="Ids are listed by: sealdrop ls, sealdrop inbox. A link looks like https://HOST/d#KEY",
    )


def link_to(api_url: str, key: str) -> str:
    """The link that opens the receiving page, as e-mails have it. Raises UsageError where the API has none beside."""
    web_url = api_url.removesuffix("/api")
    if web_url == api_url:
        raise UsageError(
            "a link needs the service's web address, which ends where /api begins",
            hint="Set SEALDROP_URL to https://HOST/api, the host that e-mails of the service name.",
        )
    return f"{web_url}/d#{key}"
