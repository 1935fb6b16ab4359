"""The form of a text in which two spellings of the same words are the same text."""

import unicodedata


def fold(text: str) -> str:
    """Unicode's compatibility caseless matching (the Unicode Standard, 3.13, D146), composed: NFKC and case folding.

    Full-width letters, ligatures and ß count as what they stand for; an accent counts. Folding twice changes nothing.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", decomposed.casefold())
