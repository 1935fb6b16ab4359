"""What an upload leaves on this machine, so that the same command can take it up again after it was cut off.

One small file per (service, path, size, time of change, name, mode) in the XDG state directory. It holds no key and
no digest: which parts have arrived, with their digests, is the service's to say. Sealed uploads are never continued,
since that would mean to use a key and message id again (docs/format.md); their entry only names the file to withdraw.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from sealdrop import fields
from sealdrop.errors import BadAnswer
from sealdrop.models import EncryptionMode, encryption_mode
from sealdrop.source import Source

try:
    import fcntl
except ImportError:  # not on Windows: two uploads of one file at the same time are not told apart there
    fcntl = None  # type: ignore[assignment]

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
    file = _locked_file(source, wish)
    if file is None:
        yield Journal(None)
        return
    with file:
        try:
            yield Journal(file)
        finally:
            if not file.seek(0, os.SEEK_END):
                Path(file.name).unlink(missing_ok=True)


def _locked_file(source: Source, wish: tuple[str, ...]) -> IO[bytes] | None:
    if source.path is None or source.stamp is None:
        return None
    identity = json.dumps([*wish, str(source.path), source.stamp.size, source.stamp.mtime_ns])
    path = state_directory() / f"{hashlib.sha256(identity.encode()).hexdigest()}.json"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = open(path, "a+b", opener=_private)  # noqa: SIM115 - closed by open_journal
    except OSError:
        return None
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def state_directory() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "sealdrop" / "uploads"
