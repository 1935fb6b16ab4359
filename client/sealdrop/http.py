"""Connections: which addresses may be spoken to, and one pool for the API and one for the storage.

Nothing here follows a redirect, retries, or puts an address into an error: signed addresses and download keys are
secrets, and urllib3's own messages carry them.
"""

import ipaddress
import logging
import os
import urllib.request
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.util import Timeout

from sealdrop.errors import BadAnswer, UsageError

BLOCK_BYTES = 1 << 20  # what one send takes from a body: urllib3's own 16 KiB costs a third of the throughput
API_TIMEOUT = Timeout(connect=10, read=60)  # API Gateway itself gives up after 29 seconds
STORAGE_TIMEOUT = Timeout(connect=10, read=120)

# At DEBUG urllib3 logs each path: download keys and signed queries. A library user's log must not collect those.
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)


def new_pool(timeout: Timeout, connections: int) -> urllib3.PoolManager:
    options: dict[str, Any] = {
        "timeout": timeout,
        "maxsize": connections,
        "blocksize": BLOCK_BYTES,
        "retries": False,
    }
    return urllib3.PoolManager(**options)


def proxied_pool(url: SplitResult, timeout: Timeout, connections: int) -> urllib3.PoolManager:
    """A pool that honours HTTPS_PROXY and NO_PROXY, as every other tool on the machine does."""
    proxy = urllib.request.getproxies().get(url.scheme)
    if not proxy or is_loopback(url.hostname or "") or urllib.request.proxy_bypass(url.hostname or ""):
        return new_pool(timeout, connections)
    return urllib3.ProxyManager(proxy, timeout=timeout, maxsize=connections, blocksize=BLOCK_BYTES, retries=False)


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def plain_http_allowed(host: str) -> bool:
    """Plain http shows tokens and keys to the network: this machine only, or where somebody insists."""
    return is_loopback(host) or os.environ.get("SEALDROP_INSECURE") == "1"


def api_base(url: str) -> str:
    """The API's address, checked and without a slash at its end; a bare host gets the path it always has."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"not an address of a Sealdrop API: {url!r}", hint="It looks like https://HOST/api")
    if parts.scheme == "http" and not plain_http_allowed(parts.hostname or ""):
        raise UsageError(
            f"{parts.netloc} is addressed by plain http, which would show your token to the network",
            hint="Use https://. To insist, for a test network: SEALDROP_INSECURE=1",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/api'}"


def storage_address(url: str, api_url: str) -> SplitResult:
    """A presigned address that the API answered, checked by the same rule; and only a service on this machine may
    name plain http on this machine, or a stranger's link would send requests to whatever listens here.
    """
    parts = _split(url)
    if parts is None or parts.username or parts.scheme not in ("http", "https"):
        raise BadAnswer("the service answered a storage address that is none")
    if parts.scheme == "http" and not plain_http_allowed(parts.hostname or ""):
        raise BadAnswer("the service answered a storage address without encryption (http)")
    api = urlsplit(api_url)
    api_is_here = api.scheme == "http" and is_loopback(api.hostname or "")
    if parts.scheme == "http" and is_loopback(parts.hostname or "") and not api_is_here:
        raise BadAnswer("the service answered a storage address on this machine, and is not on it itself")
    return parts


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and (parts.port is None or parts.port) else None
    except ValueError:
        return None
