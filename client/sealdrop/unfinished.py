"""What a download leaves on this machine from the moment its use is spent until its files are there, so that the same
command goes on after it was cut off (docs/decisions/0043-an-interrupted-download.md).

One file per service and download. Its first line holds what the service tells once: the session, and the files with
their data keys. A line follows for each temporary file and for each file that has arrived. Lines are only added: of one
that was cut short, the file that it told of is fetched again, and no more is lost.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sealdrop import fields
from sealdrop.errors import BadAnswer, LocalFileError
from sealdrop.fields import Json
from sealdrop.state import locked, locked_path, state_directory
from sealdrop.transfers import Performed, PerformedFile

KIND = "downloads"
MOST_BYTES = 8 << 20  # a hundred files with long names, received many times
_PART = re.compile(r"\.sealdrop-[0-9a-f]{16}\.part")


@dataclass(frozen=True, slots=True)
class Begun:
    """A download whose use was spent. `arrived` says where files are by their ids, `parts` what may lie beside them."""

    key: str = field(repr=False)
    performed: Performed
    arrived: dict[str, Path]
    parts: tuple[Path, ...]

    def still_there(self, file: PerformedFile) -> Path | None:
        """Where a file is that has arrived, and is as long as it was."""
        path = self.arrived.get(file.id)
        return path if path and path.is_file() and path.stat().st_size == file.size else None


class Unfinished:
    """What is kept of one download. `until` is when its session ends, None where nothing is kept."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file = file
        self.until: datetime | None = None

    def read(self) -> Begun | None:
        """What an earlier run left, None where there is nothing. Raises BadAnswer where it must not be used."""
        if self._file is None:
            return None
        self._file.seek(0)
        first, *others = self._file.read(MOST_BYTES).strip().split(b"\n")
        if not first:
            return None
        if not self._is_private():
            raise BadAnswer("others on this machine could read or write it")
        record, notes = fields.parse_object(first), list(_readable(others))
        begun = Begun(
            key=fields.take(record, "key", str),
            performed=Performed.parse(record),
            arrived={note["id"]: Path(note["path"]) for note in notes if note.keys() == {"id", "path"}},
            parts=tuple(Path(note["part"]) for note in notes if note.keys() == {"part"}),
        )
        self.until = begun.performed.session_expires_at
        return begun

    def begin(self, key: str, performed: Performed) -> None:
        """Keep a download that has just been performed. Where that cannot be done it is received all the same."""
        if not self._is_private():
            self._file = None  # somebody put it there before us, to read what comes
        try:
            self._add({"key": key, **performed.record()})
            self.until = performed.session_expires_at if self._file else None
        except OSError:
            self.forget()

    def arrived(self, file_id: str, path: Path) -> None:
        with suppress(OSError):  # it would be fetched once more
            self._add({"id": file_id, "path": str(path.absolute())})

    def began(self, part: Path) -> None:
        """A temporary file that a crash would leave behind."""
        with suppress(OSError):
            self._add({"part": str(part.absolute())})

    def forget(self) -> None:
        self.until = None
        if self._file is not None:
            self._file.truncate(0)

    def _is_private(self) -> bool:
        if self._file is None or os.name != "posix":
            return True
        status = os.fstat(self._file.fileno())
        return status.st_uid == os.geteuid() and not status.st_mode & 0o077

    def _add(self, record: Json) -> None:
        if self._file is None:
            return
        line = b"\n%s\n" % json.dumps(record).encode()  # whatever became of the one before
        if self._file.write(line) != len(line):
            raise OSError("the disk is full")
        os.fsync(self._file.fileno())


@contextmanager
def open_unfinished(url: str, name: str) -> Iterator[Unfinished]:
    """What is kept of the download of this name at this service; it keeps nothing where no directory can be written.

    Raises LocalFileError where another command receives this very download: both would spend a use.
    """
    with ExitStack() as stack:
        yield Unfinished(_file_of(url, name, stack))


def _file_of(url: str, name: str, stack: ExitStack) -> IO[bytes] | None:
    try:
        file = stack.enter_context(locked(KIND, url, name))
    except BlockingIOError:
        raise LocalFileError(
            "another command on this machine is receiving this download",
            hint="Wait for its end. Run this one again if files are missing then.",
        ) from None
    except OSError:
        return None
    _tidy(Path(file.name))
    return file


def remove_parts(parts: Iterable[Path]) -> None:
    """Temporary files that a crash left; nothing else, whatever a file says."""
    for part in parts:
        if _PART.fullmatch(part.name):
            with suppress(OSError, ValueError):  # its directory may be gone, no longer ours, or no path at all
                part.unlink(missing_ok=True)


def _tidy(mine: Path) -> None:
    """Remove what sessions that have ended left here: it holds data keys."""
    for path in set(state_directory(KIND).glob("*.json")) - {mine}:
        with suppress(OSError):  # another command may have removed it, or be using it
            if _has_ended(path):
                with locked_path(path) as file:
                    file.truncate(0)


def _has_ended(path: Path) -> bool:
    """Or cannot be used. An empty one is just being begun."""
    with path.open("rb") as file:
        try:
            begun = Unfinished(file).read()
        except BadAnswer:
            return True
    return begun is not None and begun.performed.session_expires_at <= datetime.now(UTC)


def _readable(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
    for line in lines:
        with suppress(BadAnswer):  # see above: cut short
            yield fields.strings({"line": fields.parse_object(line)}, "line")
