"""Lines of text from people."""

import pytest

from chalicelib.domain.text import BIDI_CONTROLS, LINE_BREAKS, one_line


@pytest.mark.parametrize("text", ["Invoice", "Grüße, 签署", "👩‍👩‍👧 family", "سلام", "a\u00adb"])
def test_what_is_one_line(text: str) -> None:
    assert one_line(text) == text


def test_it_is_composed_and_trimmed() -> None:
    assert one_line(" Gru\u0308\u00dfe ") == "Gr\u00fc\u00dfe"


@pytest.mark.parametrize("odd", ["\r", "\n", "\t", "\x00", "\x1b", "\x7f", "\x85", "\ud800", *sorted(LINE_BREAKS)])
def test_what_is_not(odd: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        one_line(f"a{odd}b")


@pytest.mark.parametrize("odd", sorted(BIDI_CONTROLS))
def test_what_turns_the_line_around(odd: str) -> None:
    with pytest.raises(ValueError, match="direction"):
        one_line(f"a{odd}b")
