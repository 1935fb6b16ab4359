"""UserStore: what its port promises, of the fake and of the DynamoDB adapter."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.people import Account, User
from tests.support.builders import NOW, a_token, new_id


def an_account(**changes: Any) -> Account:
    return Account(**{"id": AccountId(new_id()), "name": "Archer & Co", "created_at": NOW} | changes)


def a_user(account: Account, **changes: Any) -> User:
    fields: dict[str, Any] = {
        "id": UserId(new_id()),
        "account_id": account.id,
        "email": "alice@example.com",
        "name": "Alice Archer",
        "timezone": "Europe/Vienna",
        "created_at": NOW,
    }
    return User(**fields | changes)


def first_token(user: User) -> ApiToken:
    return a_token(user_id=user.id, account_id=user.account_id)


def test_user_account_and_token_are_there_together(ports: World) -> None:
    account = an_account()
    user = a_user(account, name="Älice 🏹")
    token = first_token(user)

    ports.users.add(user, account, token)

    assert ports.users.find(user.id) == user
    assert ports.users.find_account(account.id) == account
    assert ports.tokens.find(token.secret_hash) == token


def test_a_second_user_joins_an_account_and_leaves_it_as_it_is(ports: World) -> None:
    account = an_account()
    alice, anna = a_user(account), a_user(account, email="anna@example.com", name="Anna")
    ports.users.add(alice, account, first_token(alice))
    ports.users.add(anna, None, first_token(anna))
    assert ports.users.find(anna.id) == anna
    assert ports.users.find_account(account.id) == account


def test_unknown_ids_find_nothing(ports: World) -> None:
    assert ports.users.find(UserId(new_id())) is None
    assert ports.users.find_account(AccountId(new_id())) is None


@pytest.mark.parametrize("spelling", ["alice@example.com", "Alice@Example.COM", " ALICE@example.com "])
def test_an_address_has_one_user_and_a_refusal_writes_nothing(ports: World, spelling: str) -> None:
    account, other = an_account(), an_account(name="Another")
    alice = a_user(account)
    ports.users.add(alice, account, first_token(alice))
    twin = a_user(other, email=spelling)
    token = first_token(twin)

    with pytest.raises(Conflict):
        ports.users.add(twin, other, token)

    assert ports.users.find(twin.id) is None
    assert ports.users.find_account(other.id) is None
    assert ports.tokens.find(token.secret_hash) is None
    assert ports.users.find(alice.id) == alice


def test_the_address_is_kept_as_it_was_written(ports: World) -> None:
    account = an_account()
    user = replace(a_user(account), email="Alice@Example.com")
    ports.users.add(user, account, first_token(user))
    found = ports.users.find(user.id)
    assert found is not None
    assert found.email == "Alice@Example.com"
