"""Cursors: what comes back is what went out, for the same list; everything else is refused as invalid."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cursor import MAX_CURSOR_LENGTH, Cursors
from chalicelib.domain.errors import Invalid
from chalicelib.domain.page import Position, text_value

KEY = bytes(range(32))
LIST = ("files", "an account", "by size")
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60).map(text_value)
IDS = st.uuids().map(str)
PLACES = st.builds(Position, VALUES, IDS)
PLACE = Position("2026-03-01T12:00:00.000000Z", "b0b00000-0000-4000-8000-00000000000b")


def cursors(*identity: str, key: bytes = KEY) -> Cursors:
    return Cursors(lambda: key, identity or LIST)


def in_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def refused(cursor: str, by: Cursors) -> None:
    with pytest.raises(Invalid) as refusal:
        by.read(cursor)
    assert set(refusal.value.errors or {}) == {"cursor"}


def made(place: Position = PLACE, by: Cursors | None = None) -> str:
    cursor = (by or cursors()).make(place)
    assert cursor is not None
    return cursor


@given(PLACES)
def test_round_trip(place: Position) -> None:
    assert cursors().read(made(place)) == place


@given(PLACES)
def test_a_cursor_is_safe_in_a_query(place: Position) -> None:
    assert set(made(place)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_the_longest_fits() -> None:
    assert len(made(Position(text_value("語" * 5000), PLACE.id))) < MAX_CURSOR_LENGTH


def test_no_place_no_cursor_and_no_key() -> None:
    def no_key() -> bytes:
        raise AssertionError("the key is asked for without need")

    idle = Cursors(no_key, LIST)
    assert idle.make(None) is None
    assert idle.read(None) is None


@given(PLACES, st.integers(0, 10_000), st.integers(1, 255))
def test_an_altered_one_is_refused(place: Position, where: int, change: int) -> None:
    cursor = made(place)
    sealed = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    sealed[where % len(sealed)] ^= change
    refused(in_base64(bytes(sealed)), cursors())


@pytest.mark.parametrize(
    "change", [lambda c: c + "=", lambda c: c + "\n", lambda c: " " + c, lambda c: c[:-1], lambda c: c + "A"]
)
def test_one_spelling(change) -> None:
    refused(change(made()), cursors())


def test_bits_that_base64_leaves_over_are_no_second_spelling() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for length in range(3):
        cursor = made(Position("x" * length, PLACE.id))
        for last in alphabet:
            if last != cursor[-1]:
                refused(cursor[:-1] + last, cursors())


@pytest.mark.parametrize(
    "other",
    [
        ("tokens", *LIST[1:]),
        (LIST[0], "another account", LIST[2]),
        (*LIST[:2], "by name"),
        LIST[:2],
        (*LIST, ""),
        (LIST[0] + LIST[1], LIST[2]),
        (LIST[0], LIST[1] + LIST[2], ""),
        (LIST[0] + '", "' + LIST[1], LIST[2]),
    ],
)
def test_another_list_refuses_it(other: tuple[str, ...]) -> None:
    refused(made(), cursors(*other))


def test_another_key_refuses_it() -> None:
    refused(made(), cursors(key=bytes(32)))


@given(st.one_of(st.text(max_size=80), st.binary(max_size=120).map(in_base64)))
def test_any_text_is_refused_and_nothing_else_goes_wrong(text: str) -> None:
    refused(text, cursors())
