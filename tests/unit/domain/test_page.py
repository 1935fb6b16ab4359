"""Orders and places: the stored form of a value stands where the value stands."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.page import Order, Position, number_value, text_value, time_value

ZONES = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001 - given a zone
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
IDS = st.uuids().map(str)


@given(TEXTS, TEXTS)
def test_text_stands_by_code_point_of_its_lower_case(one: str, other: str) -> None:
    assert (text_value(one) < text_value(other)) == (one.lower() < other.lower())


@given(st.tuples(TEXTS, IDS), st.tuples(TEXTS, IDS))
def test_equal_values_stand_by_id_and_a_prefix_before_what_it_begins(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    places = [Position(text_value(text), row_id) for text, row_id in (one, other)]
    assert (places[0].key < places[1].key) == ((one[0].lower(), one[1]) < (other[0].lower(), other[1]))


@given(TEXTS, IDS)
def test_a_key_is_read_back(text: str, row_id: str) -> None:
    place = Position(text_value(text), row_id)
    assert Position.of_key(place.key) == place


@pytest.mark.parametrize("character", ["x", "é", "Ⱥ", "İ", "語", "🗂"])
def test_the_longest_text_fits_in_an_index_and_keeps_its_beginning(character: str) -> None:
    for length in (0, 1, 449, 450, 900, 901, 5000):
        text = character * length
        value = text_value(text)
        assert text.lower().startswith(value)
        assert len(Position(value, "0" * 36).key.encode()) <= 1024
        assert len(value.encode()) == len(text.lower().encode()) or len(value.encode()) > 890


@given(st.integers(0, 10**15 - 1), st.integers(0, 10**15 - 1))
def test_numbers_stand_by_size(one: int, other: int) -> None:
    assert (number_value(one) < number_value(other)) == (one < other)


@pytest.mark.parametrize("number", [-1, 10**15])
def test_a_number_that_would_stand_in_the_wrong_place_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="digits"):
        number_value(number)


@given(MOMENTS, MOMENTS)
def test_times_stand_in_time_whatever_their_zone(one: datetime, other: datetime) -> None:
    assert (time_value(one) < time_value(other)) == (one < other)
    assert datetime.fromisoformat(time_value(one)) == one


def test_a_time_has_one_form() -> None:
    assert time_value(datetime(2026, 3, 1, 12, tzinfo=UTC)) == "2026-03-01T12:00:00.000000Z"


def test_orders_are_spelt_with_a_minus_for_descending() -> None:
    assert Order.of("size") == Order("size", descending=False)
    assert Order.of("-size") == Order("size", descending=True)


def test_the_place_of_a_row() -> None:
    @dataclass(frozen=True)
    class Thing:
        id: str
        name: str

    sorts = {"name": lambda thing: text_value(thing.name)}
    assert Position.of_row(sorts, "name", Thing("7", "Ab")) == Position("ab", "7")
