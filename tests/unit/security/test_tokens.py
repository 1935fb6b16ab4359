"""Checks A of docs/threat-model.md: tokens."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import Invalid, MissingScope, Unauthenticated
from chalicelib.services.authenticate import authenticate
from chalicelib.services.manage_tokens import create_token
from tests.support.app_client import AppClient
from tests.support.builders import BOB_ID, NOW, Caller, a_token
from tests.support.clock import Clock
from tests.support.fakes import FakeWorld


def refusal(world: FakeWorld, header: str | None) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        authenticate(header, Scope.ACCOUNT, NOW, tokens=world.tokens)
    return caught.value


def issued(world: FakeWorld, maker: ApiToken, *scopes: Scope, lifetime: timedelta | None = None) -> Any:
    until = NOW + lifetime if lifetime else None
    return create_token(maker, "for a test", set(scopes), until, NOW, tokens=world.tokens)


def test_a1_a_good_token_is_needed(world: FakeWorld, alice: Caller) -> None:
    assert authenticate(f"Bearer {alice.text}", Scope.ACCOUNT, NOW, tokens=world.tokens) == alice.token
    for header in (None, "", "Bearer", f"Basic {alice.text}", alice.text):
        refusal(world, header)


def test_a1_a_mistyped_token_is_not_looked_up(world: FakeWorld, alice: Caller) -> None:
    world.tokens.calls.clear()
    refusal(world, f"Bearer {alice.text[:-1]}")
    refusal(world, f"Bearer {alice.text.swapcase()}")
    assert world.tokens.calls == []


def test_a1_an_expired_token_is_none(world: FakeWorld, alice: Caller) -> None:
    token = issued(world, alice.token, Scope.ACCOUNT, lifetime=timedelta(hours=1))
    header = f"Bearer {token.text}"
    last = NOW + timedelta(hours=1) - timedelta(microseconds=1)
    assert authenticate(header, Scope.ACCOUNT, last, tokens=world.tokens)
    with pytest.raises(Unauthenticated):
        authenticate(header, Scope.ACCOUNT, NOW + timedelta(hours=1), tokens=world.tokens)


def test_a1_whatever_is_wrong_the_answer_is_one(api: AppClient, world: FakeWorld, alice: Caller, clock: Clock) -> None:
    expired = issued(world, alice.token, Scope.ACCOUNT, lifetime=timedelta(hours=1)).text
    unknown = issued(world, alice.token, Scope.ACCOUNT)
    world.tokens.revoke(unknown.token.id, alice.token.user_id, NOW)
    clock.tick(hours=1)
    answers = [api.get("/user", token=text) for text in (None, "mistyped", unknown.text, expired)]
    assert [answer.status for answer in answers] == [401] * 4
    assert len({(answer.json["message"], answer.json["code"]) for answer in answers}) == 1


def test_a2_a_token_does_what_its_scope_says(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    narrow = api.with_token(issued(world, alice.token, Scope.FILES_READ).text)
    assert narrow.get("/files").status == 200
    refused = [
        narrow.post("/files", {"filename": "a", "size": 1}),
        narrow.get("/tokens"),
        narrow.get("/user"),
        narrow.post("/downloads", {"files": ["x"]}),
    ]
    assert [answer.status for answer in refused] == [403] * 4
    with pytest.raises(MissingScope):
        authenticate(f"Bearer {narrow.token}", Scope.ACCOUNT, NOW, tokens=world.tokens)


def test_a3_a_token_makes_none_that_may_do_more(world: FakeWorld) -> None:
    maker = a_token(scopes=frozenset({Scope.TOKENS, Scope.ACCOUNT}))
    assert issued(world, maker, Scope.ACCOUNT)
    with pytest.raises(MissingScope):
        issued(world, maker, Scope.ACCOUNT, Scope.FILES_READ)


def test_a3_a_token_makes_none_that_lives_longer(world: FakeWorld) -> None:
    maker = a_token(expires_at=NOW + timedelta(hours=1))
    assert issued(world, maker, Scope.ACCOUNT, lifetime=timedelta(hours=1))
    for longer in (None, timedelta(hours=2)):
        with pytest.raises(Invalid):
            issued(world, maker, Scope.ACCOUNT, lifetime=longer)


def test_a4_nobody_revokes_anothers_token(table: Any) -> None:
    from chalicelib.adapters.dynamo_tokens import DynamoTokens

    tokens, token = DynamoTokens(table), a_token()
    tokens.add(token)
    assert not tokens.revoke(token.id, BOB_ID, NOW)
    assert tokens.find(token.secret_hash) == token
    assert tokens.revoke(token.id, token.user_id, NOW)


def test_a5_a_revoked_token_is_not_found(table: Any) -> None:
    from chalicelib.adapters.dynamo_tokens import DynamoTokens

    tokens, token = DynamoTokens(table), a_token()
    tokens.add(token)
    assert tokens.revoke(token.id, token.user_id, NOW)
    assert tokens.find(token.secret_hash) is None
    assert not tokens.revoke(token.id, token.user_id, NOW + timedelta(seconds=1))


def test_a5_every_look_up_sees_a_revocation(table: Any) -> None:
    """moto knows no lag, so what is asked of DynamoDB is looked at."""
    asked: list[Any] = []
    for operation in ("GetItem", "BatchGetItem"):
        name = f"provide-client-params.dynamodb.{operation}"
        table.client.meta.events.register(name, lambda params, **_: asked.append(params))
    table.get(("TOKEN#x", "TOKEN"))
    table.get_many([("FILE#x", "FILE")])
    one, many = asked
    assert one["ConsistentRead"] is True
    assert many["RequestItems"]["metadata"]["ConsistentRead"] is True


def test_a5_a_token_is_looked_up_on_every_request(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    assert api.get("/user", token=alice.text).status == 200
    world.tokens.revoke(alice.token.id, alice.token.user_id, NOW)
    assert api.get("/user", token=alice.text).status == 401
