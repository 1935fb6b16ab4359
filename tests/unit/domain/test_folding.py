"""Folding: what counts as the same text, over all of Unicode."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.folding import fold

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("INVOICE", "invoice"),
        ("STRASSE", "straße"),
        ("ΑΣ", "ας"),  # final sigma
        ("É", "e\u0301"),
        ("ﬁle", "file"),
        ("\uff32eport", "report"),
        ("①", "1"),
        ("\u1e9b\u0323", "\u1e69"),
        ("Å", "\u212b"),
    ],
)
def test_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("e", "é"), ("o", "ø"), ("i", "\u0131"), ("a b", "ab"), ("и", "й")])
def test_not_the_same(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_folding_twice_changes_nothing_for_any_character() -> None:
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    assert [character for character in characters if fold(fold(character)) != fold(character)] == []


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(TEXTS)
def test_case_counts_for_nothing(text: str) -> None:
    assert fold(text.upper().lower()) == fold(text.upper())
    assert fold(text.casefold()) == fold(text)
