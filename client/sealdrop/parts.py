"""Cutting an upload into parts: from a file that can be read again, or from a sealed stream that comes by once."""

import base64
import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sealdrop.flow import Readable
from sealdrop.source import COPY_BYTES, Source

MEMORY_BYTES = 16 << 20  # a sealed part larger than this (files beyond 160 GB) waits on disk


@dataclass(frozen=True, slots=True)
class Part:
    """A part ready to go. `open` gives its bytes from the start, once per attempt; `close` lets go of them."""

    number: int
    size: int
    checksum_sha256: str | None  # base64; None where the upload does not have its parts checked
    open: Callable[[], Readable]
    close: Callable[[], None]


def file_parts(source: Source, numbers: Iterable[int], part_size: int) -> Iterator[Part]:
    """Parts of a file as they lie in it. Each is read twice: here for its digest, and when it is sent."""
    for number in numbers:
        offset = (number - 1) * part_size
        size = min(part_size, source.size - offset)

        def open_part(offset: int = offset, size: int = size) -> Readable:
            return source.slice(offset, size)

        yield Part(number, size, digest_of(open_part()), open_part, close=_nothing)


def sealed_parts(pieces: Iterable[bytes], part_size: int) -> Iterator[Part]:
    """Parts cut out of a stream; each is kept until it has been sent."""
    incoming, leftover, number = iter(pieces), b"", 1
    while True:
        store, size = tempfile.SpooledTemporaryFile(MEMORY_BYTES), 0  # noqa: SIM115 - closed by who sends it
        try:
            while size < part_size and (piece := leftover or next(incoming, b"")):
                taken, leftover = piece[: part_size - size], piece[part_size - size :]
                store.write(taken)
                size += len(taken)
        except BaseException:
            store.close()
            raise
        if not size:
            return store.close()
        yield Part(number, size, None, _rewinding(store), close=store.close)
        number += 1


def digest_of(source: Readable) -> str:
    """SHA-256 of a stream, in base64."""
    digest = hashlib.sha256()
    while piece := source.read(COPY_BYTES):
        digest.update(piece)
    return base64.b64encode(digest.digest()).decode()


def _rewinding(store: "tempfile.SpooledTemporaryFile[bytes]") -> Callable[[], Readable]:
    def rewind() -> Readable:
        store.seek(0)
        return store

    return rewind


def _nothing() -> None:
    """A part that lies in a file holds nothing to let go of."""
