"""What every line of text has to satisfy that comes from a person and is shown to another."""

import unicodedata

# Text must not turn its own direction around on the reader's screen (exe.fdp shown as pdf.exe).
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_BREAKS = frozenset("\u2028\u2029")


def one_line(text: str) -> str:
    """The text in Unicode's composed form, without spaces at its ends. Raises ValueError: not one plain line."""
    text = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text) or LINE_BREAKS & set(text):
        raise ValueError("Write it in one line, without control characters.")
    if BIDI_CONTROLS & set(text):
        raise ValueError("This holds a character that changes the direction of writing.")
    return text
