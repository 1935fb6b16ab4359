"""TokenStore: what its port promises, of the fake and of the DynamoDB adapter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_tokens import DynamoTokens
from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import TokenId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Author, User
from chalicelib.domain.secret import SecretHash
from chalicelib.ports import TokenStore
from infra.local.stack import EmulatedAws
from tests.integration.pages import pages, rows
from tests.support.builders import ALICE, ALICE_ID, BOB_ID, BOBS, NOW, a_token, a_user, new_id


@pytest.fixture
def tokens(ports: World) -> TokenStore:
    return ports.tokens


def made(tokens: TokenStore, count: int) -> list[ApiToken]:
    """A minute apart, newest first."""
    listed = [a_token(created_at=NOW + timedelta(minutes=minute)) for minute in range(count)][::-1]
    for token in listed:
        tokens.add(token)
    return listed


def listing(tokens: TokenStore, limit: int) -> Callable[[Position | None], Page[ApiToken]]:
    return lambda after: tokens.list_of(ALICE_ID, limit, after)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"expires_at": NOW + timedelta(days=1, microseconds=5)},
        {"last_used_at": NOW, "scopes": frozenset({Scope.FILES_READ}), "name": "ünï 🔑"},
    ],
)
def test_a_token_comes_back_as_it_was(tokens: TokenStore, changes: dict[str, Any]) -> None:
    token = a_token(**changes)
    tokens.add(token)
    assert tokens.find(token.secret_hash) == token


def test_an_unknown_secret_finds_nothing(tokens: TokenStore) -> None:
    tokens.add(a_token())
    assert tokens.find(a_token().secret_hash) is None


def test_the_whole_hash_must_match(tokens: TokenStore) -> None:
    """The id, which is the key, holds only a half of it."""
    token = a_token()
    tokens.add(token)
    other = SecretHash(token.secret_hash[:32] + "0" * 32)
    assert replace(token, secret_hash=other).id == token.id
    assert tokens.find(other) is None


def test_adding_never_replaces(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    with pytest.raises((ClientError, RuntimeError)):
        tokens.add(replace(token, user_id=BOB_ID))
    assert tokens.find(token.secret_hash) == token


# -- the copy of its user ----------------------------------------------------------------------------------------------


def enrolled(ports: World) -> tuple[User, ApiToken]:
    """Alice and her first token."""
    user, token = a_user(), a_token()
    ports.users.add(user, None, token)
    return user, token


def author_in(ports: World, token: ApiToken) -> Author:
    found = ports.tokens.find(token.secret_hash)
    assert found
    return found.author


def test_a_new_name_is_in_every_token_of_the_user(ports: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.adapters.dynamo_tokens.BATCH_KEYS", 2)  # so that there are pages
    user, first = enrolled(ports)
    others, bobs = [a_token() for _ in range(4)], a_token(user_id=BOB_ID, account_id=BOBS)
    for token in (*others, bobs):
        ports.tokens.add(token)
    renamed = ports.users.save(user, replace(user, name="Alice Adams", timezone="Asia/Tokyo"))
    ports.tokens.copy_author(renamed, first.id)
    assert {author_in(ports, token) for token in (first, *others)} == {renamed.author}
    assert author_in(ports, bobs) == ALICE, "as it was made"


def test_what_the_user_was_called_before_is_copied_no_more(ports: World) -> None:
    """Whoever changed the user meanwhile copies that."""
    user, token = enrolled(ports)
    first = ports.users.save(user, replace(user, name="First"))
    second = ports.users.save(first, replace(first, name="Second"))
    ports.tokens.copy_author(second, token.id)
    ports.tokens.copy_author(first, token.id)
    assert author_in(ports, token) == second.author


def test_a_token_that_is_revoked_stays_so(ports: World) -> None:
    user, token = enrolled(ports)
    other = a_token()
    ports.tokens.add(other)
    ports.tokens.revoke(token.id, ALICE_ID, NOW)
    renamed = ports.users.save(user, replace(user, name="Alice Adams"))
    ports.tokens.copy_author(renamed, token.id)
    assert ports.tokens.find(token.secret_hash) is None
    assert author_in(ports, other) == renamed.author


def test_no_token_is_made_with_a_name_that_was_changed_meanwhile(ports: World) -> None:
    user, _ = enrolled(ports)
    ports.users.save(user, replace(user, name="Alice Adams"))
    late = a_token()
    with pytest.raises(Conflict):
        ports.tokens.add(late)
    assert ports.tokens.find(late.secret_hash) is None


def test_a_token_that_the_list_does_not_show_yet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index lags. That by which the change is made is known without it."""
    user, token = enrolled(world)
    monkeypatch.setattr(DynamoTokens, "list_of", lambda *_: Page([], None))
    renamed = world.users.save(user, replace(user, name="Alice Adams"))
    world.tokens.copy_author(renamed, token.id)
    assert author_in(world, token) == renamed.author


# -- list_of -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
def test_newest_first_in_pages(tokens: TokenStore, limit: int) -> None:
    newest_first = made(tokens, 3)
    walked = pages(listing(tokens, limit))
    assert [token for page in walked for token in page] == newest_first
    assert all(len(page) == limit for page in walked[: 3 // limit])


def test_ties_are_ordered_by_id(tokens: TokenStore) -> None:
    twins = [a_token() for _ in range(5)]
    for token in twins:
        tokens.add(token)
    assert rows(listing(tokens, 2)) == sorted(twins, key=lambda token: token.id, reverse=True)


def test_a_cursor_outlives_its_record_and_newer_ones(tokens: TokenStore) -> None:
    newest_first = made(tokens, 4)
    first = tokens.list_of(ALICE_ID, 2, None)
    tokens.revoke(newest_first[1].id, ALICE_ID, NOW)
    tokens.add(a_token(created_at=NOW + timedelta(days=1)))
    assert tokens.list_of(ALICE_ID, 10, first.next).rows == newest_first[2:]


def test_a_list_is_the_users_own(tokens: TokenStore) -> None:
    hers, his = a_token(), a_token(user_id=BOB_ID, account_id=BOBS)
    tokens.add(hers)
    tokens.add(his)
    assert rows(listing(tokens, 10)) == [hers]


# -- remove ------------------------------------------------------------------------------------------------------------


def test_a_revoked_token_is_gone_at_once(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    assert tokens.revoke(token.id, ALICE_ID, NOW) is True
    assert tokens.find(token.secret_hash) is None
    assert rows(listing(tokens, 10)) == []
    assert tokens.revoke(token.id, ALICE_ID, NOW) is False


def test_nobody_removes_another_users_token(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    assert tokens.revoke(token.id, BOB_ID, NOW) is False
    assert tokens.find(token.secret_hash) == token


def test_an_unknown_token_cannot_be_removed(tokens: TokenStore) -> None:
    assert tokens.revoke(TokenId(new_id()), ALICE_ID, NOW) is False


# -- note_use ----------------------------------------------------------------------------------------------------------


def test_the_time_of_use_is_remembered(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    tokens.note_use(token.secret_hash, NOW + timedelta(hours=2))
    used = replace(token, last_used_at=NOW + timedelta(hours=2))
    assert tokens.find(token.secret_hash) == used
    assert rows(listing(tokens, 10)) == [used]


def test_noting_the_use_of_a_revoked_token_writes_nothing(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    tokens.revoke(token.id, ALICE_ID, NOW)
    tokens.note_use(token.secret_hash, NOW)
    assert tokens.find(token.secret_hash) is None
    assert rows(listing(tokens, 10)) == []


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def items(aws: EmulatedAws) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    return found


def test_noting_leaves_no_fragment_behind(world: World, aws: EmulatedAws) -> None:
    world.tokens.note_use(a_token().secret_hash, NOW)
    assert items(aws) == []


def test_ttl_is_the_expiry_and_absent_without_one(world: World, aws: EmulatedAws) -> None:
    world.tokens.add(a_token(name="ends", expires_at=NOW + timedelta(days=1)))
    world.tokens.add(a_token(name="stays"))
    ttl = {item["name"]["S"]: item.get("ttl") for item in items(aws)}
    assert ttl == {"ends": {"N": str(int(NOW.timestamp()) + 86_400)}, "stays": None}


def test_the_secret_is_not_in_the_record(world: World, aws: EmulatedAws) -> None:
    """Only its hash; and the id cannot be turned back into it."""
    token = a_token()
    world.tokens.add(token)
    (item,) = items(aws)
    assert item["secret_hash"] == {"S": token.secret_hash}
    assert item["pk"] == {"S": f"TOKEN#{token.id}"}
