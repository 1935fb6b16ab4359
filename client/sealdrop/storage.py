"""Bytes to and from the object store by presigned address. The token never comes here."""

import re
import threading
from typing import IO, cast
from urllib.parse import SplitResult

import urllib3
from urllib3.exceptions import HTTPError

from sealdrop.channel import connection_error
from sealdrop.errors import StorageError
from sealdrop.flow import Body
from sealdrop.http import STORAGE_TIMEOUT, proxied_pool, storage_address
from sealdrop.retry import asked_seconds
from sealdrop.transfers import Target

MOST_ERROR_BYTES = 8 << 10
CONNECTIONS = 8
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,60})</Code>")


class Storage:
    """Single attempts at single requests; who calls decides what to repeat. Safe to use from several threads."""

    def __init__(self, api_url: str) -> None:
        """`api_url`: of the service whose addresses these are, see `storage_address`."""
        self._api_url = api_url
        self._pools: dict[tuple[str, str], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def put(self, target: Target, body: Body) -> None:
        """Send `target.size` bytes. Raises Unreachable, LostAnswer, StorageError, and what reading `body` raises."""
        address = storage_address(target.url, self._api_url)
        try:
            response = self._pool(address).request(
                "PUT",
                target.url,
                body=cast("IO[bytes]", body),  # all that urllib3 asks of it is `read`
                headers={**target.headers, "content-length": str(target.size)},  # else urllib3 sends chunks
                redirect=False,
                preload_content=False,
            )
            raw = response.read(MOST_ERROR_BYTES)
            response.drain_conn()
        except HTTPError as error:
            raise connection_error(error, address.netloc) from None
        if response.status not in (200, 201, 204):
            raise _refusal(response, raw)

    def get(self, url: str, start: int) -> urllib3.BaseHTTPResponse:
        """An open answer with the bytes from `start` on; the caller checks what it says of itself and closes it.

        Raises Unreachable, LostAnswer, StorageError.
        """
        address = storage_address(url, self._api_url)
        headers = {"accept-encoding": "identity"}  # what is counted and checked are the stored bytes
        if start:
            headers["range"] = f"bytes={start}-"
        try:
            response = self._pool(address).request(
                "GET", url, headers=headers, redirect=False, preload_content=False, decode_content=False
            )
            if response.status in (200, 206):
                return response
            raw = response.read(MOST_ERROR_BYTES)
            response.close()
        except HTTPError as error:
            raise connection_error(error, address.netloc) from None
        raise _refusal(response, raw)

    def _pool(self, address: SplitResult) -> urllib3.PoolManager:
        host = (address.scheme, address.netloc)
        with self._lock:
            if host not in self._pools:
                self._pools[host] = proxied_pool(address, STORAGE_TIMEOUT, CONNECTIONS)
            return self._pools[host]


def _refusal(response: urllib3.BaseHTTPResponse, raw: bytes) -> StorageError:
    found = _CODE.search(raw)
    error = StorageError(response.status, found.group(1).decode() if found else "")
    error.retry_after_seconds = asked_seconds(response.headers)
    return error
