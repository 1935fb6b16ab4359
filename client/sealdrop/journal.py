"""What an upload leaves on this machine, so that the same command can take it up again after it was cut off.

One small file per (service, path, size, time of change, name, mode) in the XDG state directory. It holds no key and
no digest: which parts have arrived, with their digests, is the service's to say. Sealed uploads are never continued,
since that would mean to use a key and message id again (docs/format.md); their entry only names the file to withdraw.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import IO

from sealdrop import fields
from sealdrop.errors import BadAnswer
from sealdrop.models import EncryptionMode, encryption_mode
from sealdrop.source import Source
from sealdrop.state import locked

MOST_ENTRY_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Entry:
    """An upload that was begun and not finished."""

    file_id: str
    encryption_mode: EncryptionMode
    part_size: int
    part_count: int


class Journal:
    """The entry of one upload; the file is locked while this object is in use."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file = file

    @property
    def keeps(self) -> bool:
        """Whether what is written will be there for another run."""
        return self._file is not None

    def read(self) -> Entry | None:
        """The entry, None where there is none or it makes no sense."""
        if self._file is None:
            return None
        self._file.seek(0)
        return parse_entry(self._file.read(MOST_ENTRY_BYTES))

    def write(self, entry: Entry | None) -> None:
        """Keep an entry, or with None forget it."""
        if self._file is None:
            return
        self._file.seek(0)
        self._file.truncate()
        if entry is not None:
            self._file.write(json.dumps(asdict(entry)).encode())
            self._file.flush()
            os.fsync(self._file.fileno())


def parse_entry(raw: bytes) -> Entry | None:
    try:
        record = fields.parse_object(raw)
        return Entry(
            file_id=fields.take(record, "file_id", str),
            encryption_mode=encryption_mode(record),
            part_size=fields.size(record, "part_size"),
            part_count=fields.size(record, "part_count"),
        )
    except BadAnswer:
        return None


@contextmanager
def open_journal(source: Source, *wish: str) -> Iterator[Journal]:
    """The journal of this source under this wish: the service's address, name, mode. It keeps nothing where the source
    has no path, where no directory can be written, or where another upload of the same file is under way.
    """
    with ExitStack() as stack:
        yield Journal(_file_of(source, wish, stack))


def _file_of(source: Source, wish: tuple[str, ...], stack: ExitStack) -> IO[bytes] | None:
    if source.path is None or source.stamp is None:
        return None
    try:
        identity: tuple[str | int, ...] = (*wish, str(source.path), source.stamp.size, source.stamp.mtime_ns)
        return stack.enter_context(locked("uploads", *identity))
    except OSError:
        return None
