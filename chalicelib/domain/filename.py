"""File names: what is accepted, how they are split, how they travel in a header."""

import mimetypes
import unicodedata
from urllib.parse import quote

from chalicelib.domain.text import BIDI_CONTROLS, LINE_BREAKS

MAX_NAME_BYTES = 255  # what the usual file systems take
DEFAULT_TYPE = "application/octet-stream"

# Types that a browser runs rather than shows: always handed out as plain bytes.
_ACTIVE_TYPES = frozenset({"text/html", "text/xml", "application/xml", "text/javascript", "application/javascript"})


def clean_filename(name: str) -> str:
    """The name in Unicode's composed form. Raises ValueError with the reason why it cannot be taken."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or name in {".", ".."}:
        raise ValueError("The file name is empty.")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        raise ValueError("The file name holds half a character (a lone surrogate).")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"The file name is longer than {MAX_NAME_BYTES} bytes in UTF-8.")
    if "/" in name or "\\" in name:
        raise ValueError("The file name holds a slash or backslash: send the name without folders.")
    if any(unicodedata.category(character) == "Cc" for character in name) or LINE_BREAKS & set(name):
        raise ValueError("The file name holds a control character.")
    if BIDI_CONTROLS & set(name):
        raise ValueError("The file name holds a character that changes the direction of writing.")
    return name


def split_filename(name: str) -> tuple[str, str]:
    """("invoice", "pdf") of "invoice.pdf"; a leading dot starts no extension."""
    stem, dot, extension = name.rpartition(".")
    return (stem, extension) if dot and stem else (name, "")


def guess_type(name: str) -> str:
    return mimetypes.guess_type(name, strict=True)[0] or DEFAULT_TYPE


def download_type(media_type: str) -> str:
    """The type under which bytes are handed out: never one that a browser would run."""
    active = media_type in _ACTIVE_TYPES or media_type.endswith("+xml")
    return DEFAULT_TYPE if active else media_type


def content_disposition(name: str) -> str:
    """An attachment under this name (RFC 6266, with RFC 8187 for what ASCII cannot say)."""
    ascii_name = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
