"""A local file on its way out: opened once, its size fixed, read from any offset by any thread."""

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from sealdrop.errors import FileChanged, LocalFileError

COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a change of a file shows in."""

    size: int  # bytes
    mtime_ns: int


@dataclass(slots=True)
class Source:
    """An open file and what it was when it was opened."""

    stream: BinaryIO
    size: int  # bytes, from `start` on
    name: str | None  # None where the bytes came from no file with a name
    path: Path | None = None  # absolute; None where an upload of it cannot be resumed
    stamp: Stamp | None = None
    start: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read_at(self, offset: int, size: int) -> bytes:
        with self._lock:
            self.stream.seek(self.start + offset)
            return self.stream.read(size)

    def slice(self, offset: int, size: int) -> "Slice":
        return Slice(self, offset, size)

    def check_unchanged(self) -> None:
        """Raises FileChanged where the file is not what it was."""
        if self.stamp is not None and _stamp(os.fstat(self.stream.fileno())) != self.stamp:
            raise FileChanged("the file changed while it was read")


class Slice(io.RawIOBase):
    """A part of a source as a stream that ends where the part does."""

    def __init__(self, source: Source, offset: int, size: int) -> None:
        super().__init__()
        self._source = source
        self._next = offset
        self._end = offset + size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = self._end - self._next
        wanted = left if size < 0 else min(size, left)
        if not wanted:
            return b""
        data = self._source.read_at(self._next, wanted)
        if not data:
            raise FileChanged("the file shrank while it was read")
        self._next += len(data)
        return data


@contextmanager
def open_source(what: str | os.PathLike[str] | BinaryIO) -> Iterator[Source]:
    """Open what is to be sent. Pipes and other streams without an end in sight are copied to a temporary file first,
    since sizes are declared before the first byte is sent. Raises LocalFileError.
    """
    with ExitStack() as stack:
        try:
            source = _opened(what, stack)
        except IsADirectoryError as error:
            pack = "Send its files, or pack it: tar cz DIR | sealdrop put - --name DIR.tar.gz"
            raise LocalFileError(f"{what} is a directory", hint=pack) from error
        except OSError as error:
            raise LocalFileError(f"cannot read {what}: {error.strerror or error}") from error
        yield source


def _opened(what: str | os.PathLike[str] | BinaryIO, stack: ExitStack) -> Source:
    if isinstance(what, str | os.PathLike):
        return _open_path(Path(what), stack)
    return _open_stream(what, stack)


def _open_path(path: Path, stack: ExitStack) -> Source:
    stream = stack.enter_context(path.open("rb"))
    status = os.fstat(stream.fileno())
    if not S_ISREG(status.st_mode):
        return _spooled(stream, path.name, stack)
    stamp = _stamp(status)
    return Source(stream, stamp.size, path.name, path.resolve(), stamp)


def _open_stream(stream: BinaryIO, stack: ExitStack) -> Source:
    if not isinstance(stream.read(0), bytes):
        raise TypeError("the file object must be opened in binary mode")
    if not stream.seekable():
        return _spooled(stream, None, stack)
    start = stream.tell()
    size = stream.seek(0, os.SEEK_END) - start
    return Source(stream, size, _name_of(stream), start=start)


def _spooled(stream: BinaryIO, name: str | None, stack: ExitStack) -> Source:
    copy = stack.enter_context(tempfile.TemporaryFile(prefix="sealdrop-"))  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(stream, copy, COPY_BYTES)
    return Source(copy, copy.tell(), name)


def _name_of(stream: BinaryIO) -> str | None:
    name = getattr(stream, "name", None)  # an integer where it was opened by descriptor
    return Path(name).name if isinstance(name, str) else None


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns)
