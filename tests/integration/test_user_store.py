"""UserStore: what its port promises, of the fake and of the DynamoDB adapter."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Conflict, PinLocked
from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.people import Account, User
from tests.support.builders import NOW, a_token, a_verifier, new_id


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


# -- save --------------------------------------------------------------------------------------------------------------


def added(ports: World, **changes: Any) -> User:
    account = an_account()
    user = a_user(account, **changes)
    ports.users.add(user, account, first_token(user))
    return user


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Älice Adams 🏹"},
        {"timezone": "Asia/Tokyo"},
        {"pin": a_verifier(mac=bytes(range(256)))},
        {"pin": None},
        {"name": "Alice Adams", "timezone": "Asia/Tokyo", "pin": a_verifier()},
        {"name": "Alice Adams", "pin": None},
    ],
)
@pytest.mark.parametrize("had", [None, a_verifier()], ids=["had none", "had one"])
def test_what_differs_is_stored(ports: World, had: Any, changes: dict[str, Any]) -> None:
    before = added(ports, pin=had)
    after = replace(before, **changes)
    if after != before:
        assert ports.users.save(before, after) == after
    assert ports.users.find(before.id) == after


def test_what_does_not_differ_is_left_as_it_stands(ports: World) -> None:
    """Two changes from one reading: both stand, and the second is answered both."""
    before = added(ports, pin=a_verifier())
    ports.users.save(before, replace(before, name="Alice Adams"))
    ports.users.save(before, replace(before, pin=None))
    answered = ports.users.save(before, replace(before, timezone="Asia/Tokyo"))
    assert answered == replace(before, name="Alice Adams", timezone="Asia/Tokyo", pin=None)
    assert ports.users.find(before.id) == answered


@pytest.mark.parametrize("had", [None, a_verifier()], ids=["had none", "had one"])
@pytest.mark.parametrize("wish", [a_verifier(), None], ids=["another", "none"])
def test_a_pin_is_put_in_the_place_of_the_one_before_alone(ports: World, had: Any, wish: Any) -> None:
    before = added(ports, pin=had)
    stands = ports.users.save(before, replace(before, pin=a_verifier()))
    if wish == had:
        return
    with pytest.raises(Conflict):
        ports.users.save(before, replace(before, pin=wish, name="Mallory"))
    assert ports.users.find(before.id) == stands


def test_a_new_pin_has_no_tries_against_it(ports: World) -> None:
    before = added(ports, pin=a_verifier())
    for _ in range(5):
        ports.pin_tries.count(before.pin_holder, new_id(), NOW)
    after = ports.users.save(before, replace(before, pin=a_verifier()))
    assert ports.pin_tries.count(before.pin_holder, new_id(), NOW) == after.pin


def test_a_new_name_does_not_forget_tries(ports: World) -> None:
    before = added(ports, pin=a_verifier())
    for _ in range(5):
        ports.pin_tries.count(before.pin_holder, new_id(), NOW)
    ports.users.save(before, replace(before, name="Alice Adams"))
    with pytest.raises(PinLocked):
        ports.pin_tries.count(before.pin_holder, new_id(), NOW)


@pytest.mark.parametrize("changes", [{"name": "Alice Adams"}, {"pin": a_verifier()}])
def test_nobody_comes_to_be_by_a_change(ports: World, changes: dict[str, Any]) -> None:
    nobody = a_user(an_account())
    with pytest.raises(Conflict):
        ports.users.save(nobody, replace(nobody, **changes))
    assert ports.users.find(nobody.id) is None
