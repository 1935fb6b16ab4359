"""Names that come from other people: as file names, and on a terminal."""

import os
import unicodedata
from pathlib import Path

from sealdrop.errors import LocalFileError

# Categories of what moves the cursor, turns around or hides the text beside it, or is half a character.
_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # emoji and several scripts cannot be written without them
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_RESERVED = frozenset({"", ".", ".."})
_ON_WINDOWS = os.name == "nt"
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
)


def safe_filename(name: str) -> str:
    """The last component of a name that the service gave, its leading dot replaced by `_`: shells and programs read
    `.bash_profile` and its like unasked. Raises LocalFileError where it cannot be a file name.
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    unusable = last in _RESERVED or Path(last).name != last or (_ON_WINDOWS and _means_more_on_windows(last))
    if unusable or any(_misleads(character) for character in last):
        raise LocalFileError(
            f"the file's name cannot be used on this machine: {printable(name)}", hint="Name a path with -o."
        )
    return f"_{last[1:]}" if last.startswith(".") else last


def check_text(name: str) -> None:
    """A name whose bytes are not UTF-8, which a file system allows, cannot be sent. Raises LocalFileError."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise LocalFileError(
            f"the file's name is not text in UTF-8: {printable(name)}",
            hint="Send it under another name: sealdrop put FILE --name NAME",
        ) from None


def _means_more_on_windows(name: str) -> bool:
    """A drive or a second stream of a file (`:`), a device whatever its extension, or a name that loses its end."""
    return ":" in name or name.endswith((" ", ".")) or name.partition(".")[0].strip().upper() in _DEVICES


def _misleads(character: str) -> bool:
    """Control characters, line breaks, and what shows `exe.pdf` as `fdp.exe`."""
    return unicodedata.category(character) in _CONTROLS or unicodedata.bidirectional(character) in _TURNS


def printable(text: str) -> str:
    """Text that cannot move the cursor, change colours, or read in another order than it is written."""
    return "".join(_escaped(character) if _is_dangerous(character) else character for character in text)


def _is_dangerous(character: str) -> bool:
    return unicodedata.category(character) in _DANGEROUS and character not in _JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
