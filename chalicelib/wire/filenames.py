"""File names and media types on the wire."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from chalicelib.domain.filename import MAX_NAME_BYTES, clean_filename
from chalicelib.wire.base import Shape, doc

# What clean_filename takes, for readers of the schema; a property test holds the two together.
FILENAME_PATTERN = (
    r"^(?=.*\S)(?!\s*\.{1,2}\s*$)"
    r"[^/\\\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+$"
)
FileName = Annotated[
    str,
    StringConstraints(max_length=1000),
    AfterValidator(clean_filename),
    doc(
        "The name with its extension and without folders: at most 255 bytes in UTF-8, no slash, no backslash, no "
        "control characters, none that turn the direction of writing. Space around it is dropped, and it is kept in "
        "Unicode's composed form (NFC).",
        "invoice.txt",
        maxLength=MAX_NAME_BYTES,
        pattern=FILENAME_PATTERN,
    ),
]
MediaType = Annotated[
    str,
    StringConstraints(max_length=127, to_lower=True),
    Shape(r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$", "Write a media type, as in application/pdf."),
    doc("The media type, kept in lower case. Guessed from the file name when it is left out.", "text/plain"),
]
