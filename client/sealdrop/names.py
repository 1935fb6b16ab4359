"""Names that come from other people: as file names, and on a terminal."""

import unicodedata

from sealdrop.errors import LocalFileError

# Control characters, and those that turn around or hide the text beside them.
_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED = frozenset({"", ".", ".."})


def safe_filename(name: str) -> str:
    """The last component of a name that the service gave. Raises LocalFileError where it cannot be a file name."""
    last = name.replace("\\", "/").rpartition("/")[2]
    if last in _RESERVED or any(unicodedata.category(character) in ("Cc", "Cs") for character in last):
        raise LocalFileError(
            f"the file's name cannot be used on this machine: {printable(name)}", hint="Name a path with -o."
        )
    return last


def printable(text: str) -> str:
    """Text that cannot move the cursor, change colours, or read in another order than it is written."""
    return "".join(_escaped(character) if _is_dangerous(character) else character for character in text)


def _is_dangerous(character: str) -> bool:
    return unicodedata.category(character) in _DANGEROUS and character not in _JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


_JOINERS = frozenset("\u200c\u200d")  # emoji and several scripts cannot be written without them
