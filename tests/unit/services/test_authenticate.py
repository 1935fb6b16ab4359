"""(A1) One answer for every kind of wrong token; (A2) a token does what it was made for and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import MissingScope, Unauthenticated
from chalicelib.domain.secret import hash_secret, token_text
from chalicelib.services.authenticate import authenticate
from tests.support.builders import NOW, a_token
from tests.support.fakes import FakeTokens

TEXT = token_text(bytes(range(32)))
TOKEN = a_token(secret_hash=hash_secret(TEXT), scopes=frozenset({Scope.FILES_READ}))


@pytest.fixture
def tokens() -> FakeTokens:
    tokens = FakeTokens()
    tokens.add(TOKEN)
    return tokens


@pytest.mark.parametrize("header", [f"Bearer {TEXT}", f"bearer {TEXT}", f"BEARER   {TEXT} "])
def test_a_live_token_with_the_scope(tokens, header: str) -> None:
    assert authenticate(header, Scope.FILES_READ, NOW, tokens=tokens) == TOKEN


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "no bearer token"),
        ("", "no bearer token"),
        ("Bearer", "no bearer token"),
        ("Bearer ", "no bearer token"),
        (TEXT, "no bearer token"),
        (f"Basic {TEXT}", "no bearer token"),
        ("Bearer sdt_short", "malformed token"),
        (f"Bearer {TEXT}x", "malformed token"),
        (f"Bearer {TEXT} {TEXT}", "malformed token"),
        (f"Bearer {TEXT[:-1]}\u00e9", "malformed token"),
        (f"Bearer {token_text(bytes(32))}", "unknown token"),
    ],
)
def test_a1_every_wrong_token_is_refused_alike(tokens, header, reason) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        authenticate(header, Scope.FILES_READ, NOW, tokens=tokens)
    assert refusal.value.reason == reason
    assert refusal.value.message == Unauthenticated.default_message


def test_a1_a_mistyped_token_costs_no_look_up(tokens) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {TEXT[:-1]}{'0' if TEXT[-1] != '0' else '1'}", Scope.FILES_READ, NOW, tokens=tokens)
    assert "find" not in tokens.calls


def test_a1_an_expired_token(tokens) -> None:
    tokens.records[TOKEN.id] = replace(TOKEN, expires_at=NOW)
    assert authenticate(f"Bearer {TEXT}", Scope.FILES_READ, NOW - timedelta(microseconds=1), tokens=tokens)
    with pytest.raises(Unauthenticated) as refusal:
        authenticate(f"Bearer {TEXT}", Scope.FILES_READ, NOW, tokens=tokens)
    assert refusal.value.reason == "expired token"


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.FILES_READ])
def test_a2_another_scope(tokens, scope: Scope) -> None:
    with pytest.raises(MissingScope, match=str(scope)):
        authenticate(f"Bearer {TEXT}", scope, NOW, tokens=tokens)


def test_a5_a_revoked_token_is_refused_at_once(tokens) -> None:
    assert tokens.remove(TOKEN.id, TOKEN.user_id)
    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {TEXT}", Scope.FILES_READ, NOW, tokens=tokens)
