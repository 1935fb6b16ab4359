"""TokenStore: what its port promises, of the fake and of the DynamoDB adapter."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_table import to_dynamo
from chalicelib.adapters.dynamo_token_tree import tree_item
from chalicelib.adapters.dynamo_tokens import DynamoTokens, token_item
from chalicelib.bootstrap import World
from chalicelib.domain import token_tree
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import Conflict, Unauthenticated
from chalicelib.domain.ids import TokenId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Author, User
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import MAX_TOKENS, Branch, TokenTree
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


def test_a_new_name_is_in_every_token_of_the_user(ports: World) -> None:
    user, first = enrolled(ports)
    others, bobs = [a_token() for _ in range(4)], a_token(user_id=BOB_ID, account_id=BOBS)
    for token in (*others, bobs):
        ports.tokens.add(token)
    renamed = ports.users.save(user, replace(user, name="Alice Adams", timezone="Asia/Tokyo"))
    ports.tokens.copy_author(renamed)
    assert {author_in(ports, token) for token in (first, *others)} == {renamed.author}
    assert author_in(ports, bobs) == ALICE, "as it was made"


def test_what_the_user_was_called_before_is_copied_no_more(ports: World) -> None:
    """Whoever changed the user meanwhile copies that."""
    user, token = enrolled(ports)
    first = ports.users.save(user, replace(user, name="First"))
    second = ports.users.save(first, replace(first, name="Second"))
    ports.tokens.copy_author(second)
    ports.tokens.copy_author(first)
    assert author_in(ports, token) == second.author


def test_a_token_that_is_revoked_stays_so(ports: World) -> None:
    user, token = enrolled(ports)
    other = a_token()
    ports.tokens.add(other)
    ports.tokens.revoke(token.id, ALICE_ID, NOW)
    renamed = ports.users.save(user, replace(user, name="Alice Adams"))
    ports.tokens.copy_author(renamed)
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
    """The index lags. The tree does not."""
    user, token = enrolled(world)
    monkeypatch.setattr(DynamoTokens, "list_of", lambda *_: Page([], None))
    renamed = world.users.save(user, replace(user, name="Alice Adams"))
    world.tokens.copy_author(renamed)
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


def test_it_takes_with_it_what_was_made_with_it(tokens: TokenStore) -> None:
    stolen, kept = a_token(), a_token()
    child = a_token(maker_id=stolen.id, expires_at=NOW + timedelta(days=1))
    grandchild, spared = a_token(maker_id=child.id), a_token(maker_id=child.id)
    for token in (stolen, kept, child, grandchild, spared):
        tokens.add(token)
    assert tokens.revoke(stolen.id, ALICE_ID, NOW, spared=spared.id)
    found = [tokens.find(token.secret_hash) for token in (stolen, child, grandchild, kept, spared)]
    assert found == [None, None, None, kept, spared]
    assert {token.id for token in rows(listing(tokens, 10))} == {kept.id, spared.id}


def test_a_token_is_made_with_one_that_stands(tokens: TokenStore) -> None:
    maker = a_token()
    tokens.add(maker)
    child = a_token(maker_id=maker.id)
    tokens.add(child)
    assert tokens.find(child.secret_hash) == child
    tokens.revoke(maker.id, ALICE_ID, NOW)
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
    tokens.revoke(second.id, ALICE_ID, NOW)
    tokens.add(a_token(maker_id=first.id))


def test_as_many_as_there_may_be_end_at_once(world: World, aws: EmulatedAws) -> None:
    """DynamoDB takes 100 writes at once. They are put there without the tree's help, which takes moto long."""
    tokens = [a_token()]
    tokens += [a_token(maker_id=tokens[0].id) for _ in range(MAX_TOKENS - 1)]
    tree = TokenTree({token.id: Branch(token.maker_id, None) for token in tokens})
    dynamodb = aws.clients("dynamodb")
    for item in (tree_item(ALICE_ID, tree), *map(token_item, tokens)):
        dynamodb.put_item(TableName=aws.metadata_table, Item=to_dynamo(item))
    assert world.tokens.revoke(tokens[0].id, ALICE_ID, NOW)
    assert len(items(aws, "TOKEN#")) == len(tokens)
    assert all("revoked_at" in item for item in items(aws, "TOKEN#"))


def test_one_that_has_gone_by_itself_keeps_nothing_else_from_going(world: World, aws: EmulatedAws) -> None:
    """DynamoDB removes expired tokens when it likes, and tells nobody."""
    stolen = a_token()
    child = a_token(maker_id=stolen.id, expires_at=NOW + timedelta(days=1))
    for token in (stolen, child):
        world.tokens.add(token)
    key = {"pk": {"S": f"TOKEN#{child.id}"}, "sk": {"S": "TOKEN"}}
    aws.clients("dynamodb").delete_item(TableName=aws.metadata_table, Key=key)
    assert world.tokens.revoke(stolen.id, ALICE_ID, NOW)
    assert [item["pk"]["S"] for item in items(aws, "TOKEN#")] == [f"TOKEN#{stolen.id}"], "and nothing comes back"
    assert world.tokens.find(stolen.secret_hash) is None


# -- revoke_all --------------------------------------------------------------------------------------------------------


def test_all_end_whoever_made_them_and_nobody_elses(tokens: TokenStore) -> None:
    first, bobs = a_token(), a_token(user_id=BOB_ID, account_id=BOBS)
    child = a_token(maker_id=first.id, expires_at=NOW + timedelta(days=1))
    for token in (first, bobs, child):
        tokens.add(token)
    assert tokens.revoke_all(ALICE_ID, NOW) == {first.id, child.id}
    assert [tokens.find(token.secret_hash) for token in (first, child, bobs)] == [None, None, bobs]
    assert rows(listing(tokens, 10)) == []
    assert tokens.revoke_all(ALICE_ID, NOW) == frozenset()
    with pytest.raises(Unauthenticated):
        tokens.add(a_token(maker_id=child.id))
    tokens.add(a_token())


def test_those_that_have_gone_by_themselves_are_not_among_them(world: World, aws: EmulatedAws) -> None:
    first, child = a_token(), a_token(expires_at=NOW + timedelta(days=1))
    for token in (first, child):
        world.tokens.add(token)
    key = {"pk": {"S": f"TOKEN#{child.id}"}, "sk": {"S": "TOKEN"}}
    aws.clients("dynamodb").delete_item(TableName=aws.metadata_table, Key=key)
    assert world.tokens.revoke_all(ALICE_ID, NOW) == {first.id}
    assert [item["pk"]["S"] for item in items(aws, "TOKEN#")] == [f"TOKEN#{first.id}"], "and nothing comes back"


# -- find_own ----------------------------------------------------------------------------------------------------------


def test_a_token_is_found_by_its_id_by_its_user_alone(tokens: TokenStore) -> None:
    token = a_token()
    tokens.add(token)
    assert tokens.find_own(token.id, ALICE_ID) == token
    assert tokens.find_own(token.id, BOB_ID) is None
    assert tokens.find_own(TokenId(new_id()), ALICE_ID) is None
    tokens.revoke(token.id, ALICE_ID, NOW)
    assert tokens.find_own(token.id, ALICE_ID) is None


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
