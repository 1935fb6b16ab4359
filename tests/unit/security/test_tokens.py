"""Checks A of docs/threat-model.md: tokens."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import Invalid, MissingScope, Unauthenticated
from chalicelib.services.authenticate import authenticate
from chalicelib.services.manage_tokens import create_token, revoke_token
from infra.tokens import end_all
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
    world.tokens.add(maker)
    assert issued(world, maker, Scope.ACCOUNT)
    with pytest.raises(MissingScope):
        issued(world, maker, Scope.ACCOUNT, Scope.FILES_READ)


def test_a3_a_token_makes_none_that_lives_longer(world: FakeWorld) -> None:
    maker = a_token(expires_at=NOW + timedelta(hours=1))
    world.tokens.add(maker)
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


@pytest.mark.parametrize("generations", [1, 2, 5])
def test_a6_what_was_made_with_a_stolen_token_ends_with_it(
    api: AppClient, world: FakeWorld, alice: Caller, generations: int
) -> None:
    stolen = issued(world, alice.token, *Scope)
    latest = stolen
    for _ in range(generations):
        latest = issued(world, latest.token, *Scope)
    mine = api.with_token(alice.text)
    assert api.get("/files", token=latest.text).status == 200
    assert mine.delete(f"/tokens/{stolen.token.id}").status == 204
    assert [api.get("/files", token=text).status for text in (stolen.text, latest.text)] == [401, 401]
    assert [token["name"] for token in mine.get("/tokens").data] == ["first token"]


def test_a6_none_is_made_with_a_token_while_it_is_revoked(world: FakeWorld, alice: Caller) -> None:
    stolen = issued(world, alice.token, *Scope)
    world.tokens.before("add", lambda: revoke_token(alice.token, stolen.token.id, NOW, tokens=world.tokens))
    with pytest.raises(Unauthenticated):
        issued(world, stolen.token, Scope.ACCOUNT)
    assert set(world.tokens.records) == {alice.token.id}


def test_a6_nobody_outruns_the_operator(world: FakeWorld, alice: Caller) -> None:
    """A leaked token makes another, which ends it and is spared: whoever ends them one by one knows the old one."""
    held = [alice.token]

    def rotate() -> None:
        held.append(issued(world, held[-1], *Scope).token)
        revoke_token(held[-1], held[-2].id, NOW, tokens=world.tokens)

    for call in ("revoke", "revoke_all"):
        world.tokens.before(call, rotate)
    end_all(world.users.users[alice.user_id], NOW, tokens=world.tokens)
    assert len(held) > 1
    assert world.tokens.records == {}
    with pytest.raises(Unauthenticated):
        rotate()


def test_a6_a_revocation_is_one_write(table: Any) -> None:
    """Nobody sees a half of it, and it cannot stop half-way. What is made meanwhile is met by a second attempt."""
    from chalicelib.adapters.dynamo_tokens import DynamoTokens

    tokens, stolen = DynamoTokens(table), a_token()
    child = a_token(maker_id=stolen.id)
    late = a_token(maker_id=child.id)
    for token in (stolen, child):
        tokens.add(token)
    rivals = [late]

    def act(**_: Any) -> None:
        if rivals:
            tokens.add(rivals.pop())

    table.client.meta.events.register("before-call.dynamodb.TransactWriteItems", act)
    assert tokens.revoke(stolen.id, stolen.user_id, NOW)
    assert [tokens.find(token.secret_hash) for token in (stolen, child, late)] == [None] * 3
    with pytest.raises(Unauthenticated):
        tokens.add(a_token(maker_id=late.id))


def test_a7_a_narrow_token_does_not_end_a_wide_one(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    """Else whoever steals one that may only manage tokens could end all the others."""
    narrow = api.with_token(issued(world, alice.token, Scope.TOKENS).text)
    other = issued(world, alice.token, Scope.TOKENS, Scope.FILES_READ)
    for token_id in (alice.token.id, other.token.id):
        answer = narrow.delete(f"/tokens/{token_id}")
        assert (answer.status, answer.json["code"]) == (403, "missing_scope")
    assert api.get("/files", token=other.text).status == 200
    mine = narrow.get("/tokens").data
    assert narrow.delete(f"/tokens/{next(it['id'] for it in mine if it['scopes'] == ['tokens'])}").status == 204
