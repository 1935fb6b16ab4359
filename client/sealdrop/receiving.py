"""Bytes on their way in: one stream per stored object that goes on where a broken transfer ended."""

import io
import re
from collections.abc import Callable
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from sealdrop.channel import connection_error
from sealdrop.errors import LostAnswer, NotAuthentic, StorageError, Unreachable
from sealdrop.flow import Flow
from sealdrop.retry import Retry
from sealdrop.storage import Storage

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


class StoredBytes(io.RawIOBase):
    """The stored bytes of one object, exactly `size` of them. `renew` answers a fresh address for the same object.

    Reading raises NotAuthentic where the object has another size, else what the last attempt raised.
    """

    def __init__(
        self, storage: Storage, retry: Retry, flow: Flow, *, url: str, size: int, renew: Callable[[], str]
    ) -> None:
        super().__init__()
        self._storage = storage
        self._retry = retry
        self._flow = flow
        self._url = url
        self._size = size
        self._renew = renew
        self._at = 0
        self._response: urllib3.BaseHTTPResponse | None = None
        self._attempts = retry.attempts(flow.sleep)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, none at the end."""
        left = self._size - self._at
        wanted = left if size < 0 else min(size, left)
        if not left:
            self._check_end()
        if not wanted:
            return b""
        while True:
            self._flow.check()
            try:
                data = self._some(wanted)
            except (Unreachable, StorageError) as error:
                self.close_response()
                self._prepare_again(error)
                continue
            self._at += len(data)
            self._flow.add(len(data))
            return data

    def close_response(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def close(self) -> None:
        self.close_response()
        super().close()

    def _some(self, wanted: int) -> bytes:
        if self._response is None:
            self._response = self._open()
        try:
            data = self._response.read(wanted)
        except HTTPError as error:
            raise connection_error(error, "the storage") from None
        if not data:
            raise LostAnswer("the storage ended the transfer early")
        self._attempts = self._retry.attempts(self._flow.sleep)  # it goes on: the next break starts anew
        return data

    def _open(self) -> urllib3.BaseHTTPResponse:
        response = self._storage.get(self._url, self._at)
        try:
            check_extent(response.status, response.headers, self._at, self._size)
        except NotAuthentic:
            response.close()
            raise
        return response

    def _prepare_again(self, error: Unreachable | StorageError) -> None:
        """Wait before the next attempt, and have a fresh address for it where this one has expired."""
        if isinstance(error, StorageError):
            again, asked = error.passes or error.may_have_expired, error.retry_after_seconds
        else:
            again, asked = error.repeatable, None
        if not again or not self._attempts.wait(asked):
            raise error
        if isinstance(error, StorageError) and error.may_have_expired:
            self._url = self._renew()

    def _check_end(self) -> None:
        try:
            if self._response is not None and self._response.read(1):
                raise NotAuthentic("more bytes are stored than the service says")
        except HTTPError:
            return  # all that was announced is here; how the connection ends matters no more
        finally:
            self.close_response()


def check_extent(status: int, headers: Any, start: int, size: int) -> None:
    """Whether an answer holds just the bytes from `start` to the end of an object of `size` bytes."""
    if start:
        found = _RANGE.fullmatch(headers.get("content-range", ""))
        if status != 206 or found is None or tuple(map(int, found.groups())) != (start, size - 1, size):
            raise NotAuthentic("the storage answered another part of the file than was asked for")
    elif status != 200:
        raise NotAuthentic("the storage answered a part of the file instead of the whole")
    length = headers.get("content-length")
    if length is not None and length != str(size - start):
        raise NotAuthentic("the stored file has another size than the service says")
