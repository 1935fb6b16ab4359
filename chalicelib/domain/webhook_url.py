"""The address of a webhook: where it leads, read the same way when it is stored and when it is sent to."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from chalicelib.domain.public_address import is_loopback

MAX_URL_LENGTH = 2000
_HOST = re.compile(
    r"(?=.{4,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE
)
_PRINTABLE = re.compile(r"[!-~]+")
_PORTS_OF_OTHERS = range(1024)  # where mail, names and directories are served; 443 is ours, 0 is none
_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Target:
    is_secure: bool
    host: str
    port: int
    path: str  # with the query


def target_of(url: str, *, to_loopback: bool = False) -> Target:
    """(H2) `to_loopback`: on a developer's machine, http to 127.0.0.1 is taken as well. Raises ValueError in words."""
    parts, host, port = _read(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if to_loopback and parts.scheme == "http" and is_loopback(host) and port:
        return Target(False, host, port, path)
    if parts.scheme != "https":
        raise _refused("it must begin with https://")
    if not _HOST.fullmatch(host):
        raise _refused("the host must be a name with a dot in it, not an IP address")
    if port is not None and port != _HTTPS and port in _PORTS_OF_OTHERS:
        raise _refused("the port must be 443, or 1024 or higher")
    return Target(True, host, _HTTPS if port is None else port, path)


def _read(url: str) -> tuple[SplitResult, str, int | None]:
    """Its parts, the host and the port."""
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise _refused(
            "only printable ASCII and no backslash: write other characters as %C3%A9, and in a host's name as xn--"
        )
    if len(url) > MAX_URL_LENGTH:
        raise _refused(f"it may have {MAX_URL_LENGTH} characters at most")
    try:
        parts = urlsplit(url)
        read = parts, parts.hostname or "", parts.port
    except ValueError:
        raise _refused("its host or port is malformed") from None
    if "@" in parts.netloc or "#" in url:
        raise _refused("it must not hold a user name or a fragment (#…)")
    return read


def _refused(rule: str) -> ValueError:
    return ValueError(f"Write an address as in https://example.com/hooks: {rule}.")
