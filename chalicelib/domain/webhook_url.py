"""The address of a webhook: where it leads, read the same way when it is stored and when it is sent to."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from chalicelib.domain.public_address import is_loopback

MAX_URL_LENGTH = 2000
NOT_A_URL = "Write an address as in https://example.com/hooks: https, the name of a host, no user, no fragment."
_HOST = re.compile(
    r"(?=.{4,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE
)
_PRINTABLE = re.compile(r"[!-~]+")
_PORTS_OF_OTHERS = range(1, 1024)  # where mail, names and directories are served; 443 is ours
_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Target:
    is_secure: bool
    host: str
    port: int
    path: str  # with the query


def target_of(url: str, *, to_loopback: bool = False) -> Target:
    """(H2) `to_loopback`: on a developer's machine, http to 127.0.0.1 is taken as well. Raises ValueError in words."""
    if not _PRINTABLE.fullmatch(url) or len(url) > MAX_URL_LENGTH or "\\" in url:
        raise ValueError(NOT_A_URL)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(NOT_A_URL) from None
    if "@" in parts.netloc or "#" in url:
        raise ValueError(NOT_A_URL)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if to_loopback and parts.scheme == "http" and is_loopback(host) and port:
        return Target(False, host, port, path)
    if parts.scheme != "https" or not _HOST.fullmatch(host):
        raise ValueError(NOT_A_URL)
    if port is not None and port != _HTTPS and port in _PORTS_OF_OTHERS:
        raise ValueError("Name port 443, or one from 1024 up.")
    return Target(True, host, port or _HTTPS, path)
