"""Small files that a command leaves for its next run: private, locked while in use, below the XDG state directory."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # not on Windows: two commands about the same thing at the same time are not told apart there
    fcntl = None  # type: ignore[assignment]


def state_directory(kind: str) -> Path:
    """Where files of one kind lie: `uploads`, `downloads`."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "sealdrop" / kind


@contextmanager
def locked(kind: str, *identity: str | int) -> Iterator[IO[bytes]]:
    """The file of this identity, which its name does not tell, to read and to append to; empty where there was none,
    and gone afterwards where it is empty then.

    Raises BlockingIOError where another command has it, OSError where none can be kept.
    """
    name = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    with locked_path(state_directory(kind) / f"{name}.json") as file:
        yield file


@contextmanager
def locked_path(path: Path) -> Iterator[IO[bytes]]:
    """The same, by its path."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(path) as file:
        try:
            yield file
        finally:
            if not file.seek(0, os.SEEK_END):
                path.unlink(missing_ok=True)


def _opened(path: Path) -> IO[bytes]:
    while True:
        file = open(path, "a+b", buffering=0, opener=_private)  # noqa: SIM115 - closed by who asked for it
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_nlink:
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # whoever had it removed it between our two steps


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
