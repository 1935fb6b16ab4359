from datetime import timedelta

import pytest

from chalicelib.domain.api_token import LAST_USE_RESOLUTION, token_id
from chalicelib.domain.ids import uuid_from_digest
from chalicelib.domain.people import Author, email_key
from tests.support.builders import NOW, a_token

MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Alice Archer", "AA"), ("alice", "A"), ("Ludwig van Beethoven", "LB"), ("", ""), ("  ", ""), ("éric ü", "ÉÜ")],
)
def test_initials(name: str, initials: str) -> None:
    assert Author(name=name, email="x@example.com", timezone="UTC").initials == initials


@pytest.mark.parametrize(
    ("one", "other"),
    [("Alice@Example.COM", "alice@example.com"), (" a@b.c ", "a@b.c"), ("STRASSE@b.c", "straße@b.c")],
)
def test_two_spellings_of_one_address(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


def test_a_token_lives_until_its_expiry_and_not_at_it() -> None:
    token = a_token(expires_at=NOW)
    assert token.is_live(NOW - MOMENT)
    assert not token.is_live(NOW)
    assert a_token(expires_at=None).is_live(NOW)


def test_its_use_is_noted_at_most_hourly() -> None:
    token = a_token(last_used_at=NOW)
    assert a_token(last_used_at=None).use_is_stale(NOW)
    assert not token.use_is_stale(NOW + LAST_USE_RESOLUTION - MOMENT)
    assert token.use_is_stale(NOW + LAST_USE_RESOLUTION)


def test_its_id_comes_from_its_hash() -> None:
    token = a_token(secret_hash="ab" * 32)
    assert token.id == token_id(token.secret_hash) == uuid_from_digest(b"\xab" * 32)
