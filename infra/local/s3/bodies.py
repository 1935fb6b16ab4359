"""Bytes of objects, on disk without a name, shared and read in pieces: gigabytes never stand in memory."""

import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from infra.local.s3.errors import S3Error

CHUNK = 1 << 20
_SMALL = 256 * 1024  # stays in memory


class Feeds(Protocol):
    def update(self, chunk: bytes) -> None: ...


class Disk:
    """A nameless temporary file that many writers extend and many readers read; gone with its last reference."""

    def __init__(self) -> None:
        self._fd = -1  # opened by the first writer: many uploads come to nothing
        self._end, self._lock = 0, threading.Lock()

    def reserve(self, size: int) -> int:
        """Room of one's own; answers its offset."""
        with self._lock:
            if self._fd < 0:
                self._fd, name = tempfile.mkstemp(prefix="local-s3-")
                os.unlink(name)  # noqa: PTH108 - mkstemp speaks of names
            offset, self._end = self._end, self._end + size
            return offset

    def write(self, offset: int, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            written = os.pwrite(self._fd, view, offset)
            view, offset = view[written:], offset + written

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._fd, size, offset)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


@dataclass(frozen=True)
class Segment:
    source: Disk | bytes
    offset: int
    size: int

    def read(self, start: int, size: int) -> bytes:
        if isinstance(self.source, bytes):
            return self.source[self.offset + start : self.offset + start + size]
        return self.source.read(self.offset + start, size)


class Body:
    """Immutable bytes. Copies share what they are made of."""

    def __init__(self, segments: tuple[Segment, ...] = ()) -> None:
        self.segments = segments
        self._size = sum(segment.size for segment in segments)

    @classmethod
    def of(cls, data: bytes) -> "Body":
        return cls((Segment(data, 0, len(data)),))

    @classmethod
    def joined(cls, bodies: "list[Body]") -> "Body":
        return cls(tuple(segment for body in bodies for segment in body.segments))

    def __len__(self) -> int:
        return self._size

    def __bool__(self) -> bool:
        return True  # an empty body is still one

    def __deepcopy__(self, memo: dict[int, Any]) -> "Body":
        return self

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Pieces of [start, end)."""
        end = self._size if end is None else end
        position = 0
        for segment in self.segments:
            begin, stop = max(start, position) - position, min(end, position + segment.size) - position
            while begin < stop:
                piece = segment.read(begin, min(CHUNK, stop - begin))
                yield piece
                begin += len(piece)
            position += segment.size

    def all(self) -> bytes:
        return b"".join(self.read())


def receive(stream: Any, size: int, digests: Feeds, disk: Disk | None = None) -> Body:
    """Read a request's body. Raises S3Error IncompleteBody when the client stops short of its Content-Length."""
    if size <= _SMALL:
        data = _exactly(stream, size)
        digests.update(data)
        return Body.of(data)
    disk = disk or Disk()
    offset, left = disk.reserve(size), size
    while left:
        chunk = _exactly(stream, min(CHUNK, left))
        digests.update(chunk)
        disk.write(offset + size - left, chunk)
        left -= len(chunk)
    return Body((Segment(disk, offset, size),))


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size) if size else b""
    if len(data) != size:
        message = "You did not provide the number of bytes specified by the Content-Length HTTP header"
        raise S3Error(400, "IncompleteBody", message)
    return data
