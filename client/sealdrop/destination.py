"""Where received files go: chosen before a use is spent, written beside, moved into place when all of it is right."""

import errno
import os
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from sealdrop.errors import LocalFileError
from sealdrop.names import safe_filename
from sealdrop.units import human_size

MOST_NAME_BYTES = 255  # what the usual file systems take
MOST_LINKS = 40  # as Linux has it
_DESCRIPTORS = ("/proc/", "/dev/fd/")
_SEPARATORS = ("/", os.sep)
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Destination:
    """A path to write, whether a file that is there may be replaced, and whether its directory may be missing."""

    path: Path
    overwrite: bool
    make_folder: bool = False

    @property
    def is_special(self) -> bool:
        """A device or pipe: written into, never replaced."""
        return (self.path.exists() and not self.path.is_file()) or _is_handed_down(self.path)


def choose(
    names: Sequence[str],
    output: str | None,
    *,
    overwrite: bool,
    numbered: bool = False,
    beside: Collection[Path] = (),
) -> list[Destination]:
    """One destination per name that the service gave. Only a path that the caller named may replace a file unasked.
    `output` is a directory where it is one, ends like one, or there are several files. `beside`: files of the same
    download that are there already, which none of these may replace.

    Raises LocalFileError, before anything is downloaded, where something is in the way; where it is too late for that,
    `numbered` goes round it: `invoice (2).pdf`.
    """
    into_folder = output is None or len(names) > 1 or output.endswith(_SEPARATORS) or Path(output).is_dir()
    if output is not None and not into_folder:
        chosen = [Destination(_followed(Path(output)), overwrite=True)]
    else:
        folder = Path(output or ".")
        if folder.exists() and not folder.is_dir():
            if not numbered:
                raise LocalFileError(f"several files need a directory, and {folder} is a file")
            folder = folder.with_name(_told_apart([folder.name], folder.parent)[0])
        there = folder if numbered and not overwrite else None
        taken = {path.name for path in beside if path.parent.resolve() == folder.resolve()}
        chosen = [Destination(folder / name, overwrite, make_folder=True) for name in _told_apart(names, there, taken)]
    for destination in chosen:
        _check_free(destination)
        if len(os.fsencode(destination.path.name)) > MOST_NAME_BYTES:
            raise LocalFileError("the file's name is too long for this machine", hint="Name a path with -o.")
    return chosen


def check_spool(size: int) -> None:
    """Raises LocalFileError where a stream's bytes, which wait in a temporary file until verified, do not fit there."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < size:
        raise LocalFileError(
            f"{folder} has {human_size(free)} left, and {human_size(size)} wait there until they are verified",
            hint="Set TMPDIR, or name a file with -o.",
        )


def check_room(destinations: Sequence[Destination], size: int) -> None:
    """Raises LocalFileError where the files cannot be written, or certainly do not fit."""
    if any(destination.is_special for destination in destinations):
        check_spool(size)
    for folder in {_existing_folder(destination) for destination in destinations if not destination.is_special}:
        probe = _temporary(folder)
        try:
            os.close(_create(probe))
            probe.unlink()
            free = shutil.disk_usage(folder).free
        except OSError as error:
            raise _local(error, f"cannot write into {folder}") from error
        if free < size:
            raise LocalFileError(f"{folder} has {human_size(free)} left, {human_size(size)} are needed")


@contextmanager
def landing(destination: Destination, began: Callable[[Path], None]) -> Iterator[BinaryIO]:
    """A file to write. It appears at the destination when the block ends well; otherwise nothing does. `began` is told
    the path of the temporary file, which only a crash leaves behind.
    """
    path = destination.path
    temporary = _temporary(path.parent)
    made_folder = destination.make_folder and not path.parent.exists()
    try:
        if made_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        began(temporary)
        with os.fdopen(_create(temporary), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the use is spent: a power cut must not take what it bought
        _move(temporary, destination)
    except OSError as error:
        raise _local(error, f"cannot write {path}") from error
    finally:
        temporary.unlink(missing_ok=True)
        if made_folder:
            with suppress(OSError):
                path.parent.rmdir()  # succeeds only where nothing has arrived


def _move(temporary: Path, destination: Destination) -> None:
    if destination.overwrite:
        temporary.replace(destination.path)
        return
    try:
        os.link(temporary, destination.path)  # unlike a rename, fails where somebody was quicker
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _check_free(destination)
        temporary.rename(destination.path)


def _followed(path: Path) -> Path:
    """Where a link leads, so that it stays a link. What leads to an open descriptor (`/dev/stdout`) is left as it is:
    the file behind it is somebody's already, and is written into.
    """
    at = path
    for _ in range(MOST_LINKS):
        if _is_handed_down(at) or not at.is_symlink():
            return at
        at = Path(os.path.normpath(at.parent.resolve() / at.readlink()))
    raise LocalFileError(f"{path} is a link that leads to itself")


def _is_handed_down(path: Path) -> bool:
    return os.path.normpath(path.parent.resolve() / path.name).startswith(_DESCRIPTORS)


def _check_free(destination: Destination) -> None:
    if not destination.overwrite and os.path.lexists(destination.path):
        raise LocalFileError(
            f"{destination.path} exists", hint="Name another path with -o, or replace it with --force."
        )


def _told_apart(names: Sequence[str], there: Path | None = None, but: Iterable[str] = ()) -> list[str]:
    """File names of which no two are the same, even where case or composition do not count, nor one of those in `but`,
    nor one in use in `there`.
    """
    taken = {_folded(name) for name in but}
    result = []
    for name in map(safe_filename, names):
        free = (it for it in _numbered(name) if _folded(it) not in taken)
        candidate = next(it for it in free if there is None or not os.path.lexists(there / it))
        taken.add(_folded(candidate))
        result.append(candidate)
    return result


def _numbered(name: str) -> Iterator[str]:
    """`a.txt`, `a (2).txt`, `a (3).txt` and so on."""
    stem, dot, extension = name.rpartition(".")
    base, suffix = (stem, dot + extension) if stem else (name, "")
    yield name
    for number in count(2):
        mark = f" ({number}){suffix}"
        while base and len(os.fsencode(base + mark)) > MOST_NAME_BYTES:
            base = base[:-1]
        yield base + mark


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _existing_folder(destination: Destination) -> Path:
    folder = destination.path.parent
    while destination.make_folder and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _temporary(folder: Path) -> Path:
    return folder / f".sealdrop-{secrets.token_hex(8)}.part"


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)


def _local(error: OSError, what: str) -> LocalFileError:
    return LocalFileError(f"{what}: {error.strerror or error}")
