"""The operator's act."""

import pytest

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict, Invalid
from chalicelib.domain.secret import hash_secret, looks_like_token
from chalicelib.services.create_user import NewUser, create_user
from tests.support.builders import ALICES, NOW
from tests.support.fakes import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def create(world: FakeWorld, **changes):
    fields = {"email": "alice@example.com", "name": "Alice Archer", "timezone": "Europe/Vienna"}
    new = NewUser(**fields | {"account_id": None, "account_name": None} | changes)
    return create_user(new, NOW, users=world.users)


def test_a_user_an_account_and_a_token_that_may_do_everything(world) -> None:
    user, issued = create(world, account_name="Archer & Co")
    assert looks_like_token(issued.text)
    token = world.tokens.find(hash_secret(issued.text))
    assert (token.user_id, token.account_id, token.author) == (user.id, user.account_id, user.author)
    assert (token.scopes, token.expires_at) == (frozenset(Scope), None)
    assert world.users.find_account(user.account_id).name == "Archer & Co"
    assert world.users.find(user.id) == user


def test_s2_the_token_itself_is_stored_nowhere(world) -> None:
    _, issued = create(world)
    assert issued.text not in repr(vars(world.tokens)) + repr(vars(world.users))


def test_an_account_without_a_name_has_the_users(world) -> None:
    user, _ = create(world)
    assert world.users.find_account(user.account_id).name == "Alice Archer"


def test_a_second_user_joins_the_account(world) -> None:
    alice, _ = create(world)
    adam, _ = create(world, email="adam@example.com", account_id=alice.account_id)
    assert adam.account_id == alice.account_id
    assert len(world.users.accounts) == 1


def test_an_account_that_does_not_exist(world) -> None:
    with pytest.raises(Invalid) as refusal:
        create(world, account_id=ALICES)
    assert list(refusal.value.errors) == ["account_id"]
    assert world.users.users == {}


@pytest.mark.parametrize("again", ["alice@example.com", "Alice@Example.COM", " alice@example.com"])
def test_an_address_that_has_a_user_whatever_its_spelling(world, again: str) -> None:
    create(world)
    with pytest.raises(Conflict):
        create(world, email=again)
    assert len(world.users.users) == len(world.tokens.records) == 1
