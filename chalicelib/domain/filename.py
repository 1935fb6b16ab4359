"""File names: what is accepted, how they are split, how they travel in a header."""

import mimetypes
import unicodedata
from urllib.parse import quote

from chalicelib.domain.text import BIDI_CONTROLS, LINE_BREAKS

MAX_NAME_BYTES = 255  # what the usual file systems take
DEFAULT_TYPE = "application/octet-stream"

# Types that nothing runs by itself. S3 sends no `nosniff`, and lists of what is active are never complete.
_PASSIVE_TYPES = frozenset(
    f"{kind}/{name}"
    for kind, names in {
        "application": (
            "gzip json msword pdf rtf vnd.ms-excel vnd.ms-powerpoint zip x-7z-compressed x-bzip2 x-tar "
            "vnd.oasis.opendocument.presentation vnd.oasis.opendocument.spreadsheet vnd.oasis.opendocument.text "
            "vnd.openxmlformats-officedocument.presentationml.presentation "
            "vnd.openxmlformats-officedocument.spreadsheetml.sheet "
            "vnd.openxmlformats-officedocument.wordprocessingml.document"
        ),
        "audio": "aac flac mp4 mpeg ogg wav webm x-wav",
        "image": "avif bmp gif heic heif jpeg png tiff webp",
        "text": "csv plain",
        "video": "mp4 mpeg ogg quicktime webm",
    }.items()
    for name in names.split()
)


def clean_filename(name: str) -> str:
    """The name in Unicode's composed form. Raises ValueError with the reason why it cannot be taken."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise ValueError("The file name is empty.")
    if name in {".", ".."}:
        raise ValueError("This file name means a folder: send a file's own.")
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
    """(D6) The type under which bytes are handed out: its own where nothing would run it, else none in particular."""
    return media_type if media_type in _PASSIVE_TYPES else DEFAULT_TYPE


def content_disposition(name: str) -> str:
    """An attachment under this name (RFC 6266, with RFC 8187 for what ASCII cannot say)."""
    ascii_name = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
