"""TokenStore: what its port promises, of the fake and of the DynamoDB adapter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_people import token_item
from chalicelib.adapters.dynamo_table import to_dynamo
from chalicelib.adapters.dynamo_token_tree import tree_item
from chalicelib.bootstrap import World
from chalicelib.domain import token_tree
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import Conflict, Unauthenticated
from chalicelib.domain.ids import TokenId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import MAX_TOKENS, Branch, TokenTree
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
    tokens.remove(newest_first[1].id, ALICE_ID)
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
    assert tokens.remove(token.id, ALICE_ID) is True
    assert tokens.find(token.secret_hash) is None
    assert rows(listing(tokens, 10)) == []
    assert tokens.remove(token.id, ALICE_ID) is False


def test_nobody_removes_another_users_token(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    assert tokens.remove(token.id, BOB_ID) is False
    assert tokens.find(token.secret_hash) == token


def test_an_unknown_token_cannot_be_removed(tokens: TokenStore) -> None:
    assert tokens.remove(TokenId(new_id()), ALICE_ID) is False


def test_it_takes_with_it_what_was_made_with_it(tokens: TokenStore) -> None:
    stolen, kept = a_token(), a_token()
    child = a_token(maker_id=stolen.id, expires_at=NOW + timedelta(days=1))
    grandchild, spared = a_token(maker_id=child.id), a_token(maker_id=child.id)
    for token in (stolen, kept, child, grandchild, spared):
        tokens.add(token)
    assert tokens.remove(stolen.id, ALICE_ID, spared=spared.id)
    found = [tokens.find(token.secret_hash) for token in (stolen, child, grandchild, kept, spared)]
    assert found == [None, None, None, kept, spared]
    assert {token.id for token in rows(listing(tokens, 10))} == {kept.id, spared.id}


def test_a_token_is_made_with_one_that_stands(tokens: TokenStore) -> None:
    maker = a_token()
    tokens.add(maker)
    child = a_token(maker_id=maker.id)
    tokens.add(child)
    assert tokens.find(child.secret_hash) == child
    tokens.remove(maker.id, ALICE_ID)
    late = a_token(maker_id=maker.id)
    with pytest.raises(Unauthenticated):
        tokens.add(late)
    assert tokens.find(late.secret_hash) is None


def test_a_user_may_have_so_many(tokens: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_tree, "MAX_TOKENS", 3)
    first, second, third = a_token(), a_token(), a_token()
    for token in (first, second, third):
        tokens.add(token)
    with pytest.raises(Conflict):
        tokens.add(a_token(maker_id=first.id))
    tokens.add(a_token(user_id=BOB_ID, account_id=BOBS))
    tokens.remove(second.id, ALICE_ID)
    tokens.add(a_token(maker_id=first.id))


def test_as_many_as_there_may_be_end_at_once(world: World, aws: EmulatedAws) -> None:
    """DynamoDB takes 100 writes at once. They are put there without the tree's help, which takes moto long."""
    tokens = [a_token()]
    tokens += [a_token(maker_id=tokens[0].id) for _ in range(MAX_TOKENS - 1)]
    tree = TokenTree({token.id: Branch(token.maker_id, None) for token in tokens})
    dynamodb = aws.clients("dynamodb")
    for item in (tree_item(ALICE_ID, tree), *map(token_item, tokens)):
        dynamodb.put_item(TableName=aws.metadata_table, Item=to_dynamo(item))
    assert world.tokens.remove(tokens[0].id, ALICE_ID)
    assert items(aws, "TOKEN#") == []


def test_one_that_has_gone_by_itself_keeps_nothing_else_from_going(world: World, aws: EmulatedAws) -> None:
    """DynamoDB removes expired tokens when it likes, and tells nobody."""
    stolen = a_token()
    child = a_token(maker_id=stolen.id, expires_at=NOW + timedelta(days=1))
    for token in (stolen, child):
        world.tokens.add(token)
    key = {"pk": {"S": f"TOKEN#{child.id}"}, "sk": {"S": "TOKEN"}}
    aws.clients("dynamodb").delete_item(TableName=aws.metadata_table, Key=key)
    assert world.tokens.remove(stolen.id, ALICE_ID)
    assert items(aws, "TOKEN#") == []


# -- find_own ----------------------------------------------------------------------------------------------------------


def test_a_token_is_found_by_its_id_by_its_user_alone(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    assert tokens.find_own(token.id, ALICE_ID) == token
    assert tokens.find_own(token.id, BOB_ID) is None
    assert tokens.find_own(TokenId(new_id()), ALICE_ID) is None


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
    tokens.remove(token.id, ALICE_ID)
    tokens.note_use(token.secret_hash, NOW)
    assert tokens.find(token.secret_hash) is None
    assert rows(listing(tokens, 10)) == []


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def items(aws: EmulatedAws, prefix: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    return [item for item in found if item["pk"]["S"].startswith(prefix)]


def test_noting_leaves_no_fragment_behind(world: World, aws: EmulatedAws) -> None:
    world.tokens.note_use(a_token().secret_hash, NOW)
    assert items(aws) == []


def test_ttl_is_the_expiry_and_absent_without_one(world: World, aws: EmulatedAws) -> None:
    world.tokens.add(a_token(name="ends", expires_at=NOW + timedelta(days=1)))
    world.tokens.add(a_token(name="stays"))
    ttl = {item["name"]["S"]: item.get("ttl") for item in items(aws, "TOKEN#")}
    assert ttl == {"ends": {"N": str(int(NOW.timestamp()) + 86_400)}, "stays": None}


def test_the_secret_is_not_in_the_record(world: World, aws: EmulatedAws) -> None:
    """Only its hash; and the id cannot be turned back into it."""
    token = a_token()
    world.tokens.add(token)
    (item,) = items(aws, "TOKEN#")
    assert item["secret_hash"] == {"S": token.secret_hash}
    assert item["pk"] == {"S": f"TOKEN#{token.id}"}
