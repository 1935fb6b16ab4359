"""TokenStore: what its port promises, of the fake and of the DynamoDB adapter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.ids import TokenId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.secret import SecretHash
from chalicelib.ports import TokenStore
from infra.local.stack import EmulatedAws
from tests.integration.pages import pages, rows
from tests.support.builders import ALICE_ID, BOB_ID, BOBS, NOW, a_token, new_id


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
