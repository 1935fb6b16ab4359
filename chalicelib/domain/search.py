"""Keyword search: what is compared with what.

A keyword is found in a text when the folded text holds the folded keyword anywhere. The index has every suffix of a
text: what holds a keyword has a suffix that begins with it.
"""

import unicodedata
from collections.abc import Iterable

from chalicelib.domain.folding import fold

MAX_KEYWORD_LENGTH = 255
SUFFIX_LENGTH = 64  # characters that the index has of each; the rest of a longer keyword is looked for in the record
MAX_TEXT_LENGTH = 255  # folded characters that a text is found by. Only what folding made longer has more
BETWEEN_TEXTS = "\n"  # in no keyword, so none is found across two texts

_IN_NO_KEYWORD = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, lone surrogates, line and paragraph ends


def usable_keyword(text: str) -> str:
    """Raises ValueError for what no text is searched for."""
    if any(unicodedata.category(character) in _IN_NO_KEYWORD for character in text):
        raise ValueError("Write the keyword in one line, without control characters.")
    return text


def search_text(texts: Iterable[str]) -> str:
    """All that a record can be found by, folded, as one text.

    (P5) One character can stand for eighteen: without an end a short name would be thousands of entries.
    """
    return BETWEEN_TEXTS.join(fold(text)[:MAX_TEXT_LENGTH] for text in texts)


def suffixes(text: str) -> set[str]:
    """Of each of the texts that `search_text` joined, from each of its characters on."""
    parts = text.split(BETWEEN_TEXTS)
    return {part[start : start + SUFFIX_LENGTH] for part in parts for start in range(len(part))}
