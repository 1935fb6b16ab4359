"""Files that are for their owner alone."""

import os
import tempfile
from pathlib import Path
from typing import TextIO


def create_privately(path: Path) -> TextIO:
    """Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")


def write_privately(path: Path, text: str) -> None:
    """Whole or not at all. mkstemp makes files with mode 0600."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
