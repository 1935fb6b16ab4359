"""Cursors: what comes back is what went out, and a forged one is refused with ValueError, never anything else."""

import base64
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.page import Position, cursor_of, position_of
from tests.support.builders import NOW

ZONES = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001 - given a zone
IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=50)


def in_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def forged(text: str) -> str:
    return in_base64(text.encode())


@given(MOMENTS, IDS)
def test_round_trip(created_at: datetime, row_id: str) -> None:
    position = position_of(cursor_of(Position(created_at, row_id)))
    assert position == Position(created_at, row_id)


@given(MOMENTS, IDS)
def test_a_cursor_is_safe_in_a_query(created_at: datetime, row_id: str) -> None:
    cursor = cursor_of(Position(created_at, row_id))
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "====",
        "a",
        "not a cursor",
        "\u00e9",
        forged("#id"),
        forged("2026-03-01T12:00:00#id"),  # no zone
        forged("2026-03-01T12:00:00Z#id"),  # another spelling of a zone
        forged("2026-03-01T13:00:00+01:00#id"),  # another zone
        forged("2026-03-01#id"),
        forged("0001-01-01T00:00:00+14:00#id"),  # before the first year, in UTC
        forged("9999-12-31T23:59:59-14:00#id"),  # after the last one
        forged("2026-03-01T12:00:00+00:00"),  # no id
        forged("2026-03-01T12:00:00+00:00#\u00e9"),
        cursor_of(Position(NOW, "id")) + "=",
        cursor_of(Position(NOW, "id")) + "\n",
    ],
)
def test_what_the_service_did_not_make(cursor: str) -> None:
    with pytest.raises(ValueError, match="Not a cursor of this list"):
        position_of(cursor)


@given(st.one_of(st.text(max_size=80), st.text(max_size=60).map(forged), st.binary(max_size=60).map(in_base64)))
def test_any_text_is_a_cursor_or_a_value_error(text: str) -> None:
    try:
        position = position_of(text)
    except ValueError:
        return
    assert cursor_of(position) == text


@given(st.datetimes(timezones=ZONES), IDS)
def test_any_moment_in_any_zone(moment: datetime, row_id: str) -> None:
    try:
        position = position_of(forged(f"{moment.isoformat()}#{row_id}"))
    except ValueError:
        return
    assert position.created_at == moment
