"""Buying a temporary key with the PIN, and dropping it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Invalid, NotFound, PinLocked
from chalicelib.domain.people import User
from chalicelib.domain.pin import MAX_TRIES, clean_pin
from chalicelib.domain.secret import hash_secret, looks_like_secret
from chalicelib.domain.temporary_key import LIFETIME, TemporaryKey
from chalicelib.services.temporary_keys import buy_temporary_key, drop_temporary_key
from tests.support.builders import BOB_ID, NOW, PIN, a_temporary_key, a_user, checking_pins, verifier_for
from tests.support.fakes import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def alice(world: FakeWorld) -> User:
    user = a_user()
    world.users.users[user.id] = replace(user, pin=verifier_for(world, user.pin_holder))
    return world.users.users[user.id]


def buy(world: FakeWorld, user: User, pin: str = PIN, now=NOW):
    ports = {"temporary_keys": world.temporary_keys, **checking_pins(world)}
    return buy_temporary_key(user, clean_pin(pin), now, **ports)


def drop(world: FakeWorld, text: str, user_id, now=NOW) -> None:
    drop_temporary_key(user_id, text, now, temporary_keys=world.temporary_keys)


def test_an_hour_for_the_right_pin(world, alice) -> None:
    bought = buy(world, alice)
    assert looks_like_secret(bought.text)
    assert bought.expires_at == NOW + timedelta(hours=1)
    assert world.temporary_keys.find(hash_secret(bought.text)) == TemporaryKey(
        key_hash=hash_secret(bought.text),
        account_id=alice.account_id,
        user_id=alice.id,
        pin_version=alice.pin.version,
        expires_at=NOW + LIFETIME,
    )


def test_s2_only_its_hash_is_kept(world, alice) -> None:
    assert buy(world, alice).text not in repr(vars(world.temporary_keys))


def test_every_key_is_another(world, alice) -> None:
    assert len({buy(world, alice).text for _ in range(20)}) == 20


def test_nothing_for_a_wrong_pin(world, alice) -> None:
    with pytest.raises(Invalid) as refusal:
        buy(world, alice, "0000")
    assert refusal.value.errors == {"pin": ["Invalid PIN."]}
    assert world.temporary_keys.records == {}


def test_nothing_while_it_is_locked(world, alice) -> None:
    for _ in range(MAX_TRIES):
        with pytest.raises(Invalid):
            buy(world, alice, "0000")
    with pytest.raises(PinLocked):
        buy(world, alice)
    assert world.temporary_keys.records == {}


def test_who_has_no_pin_needs_no_key(world) -> None:
    with pytest.raises(Invalid) as refusal:
        buy(world, a_user())
    assert list(refusal.value.errors) == ["pin"]
    assert world.pin_tries.calls == []


def test_the_key_is_of_the_pin_that_was_checked(world, alice) -> None:
    """Not of the one that was read with the request, when it was replaced in between."""
    renewed = replace(alice, pin=verifier_for(world, alice.pin_holder))
    world.users.users[alice.id] = renewed
    bought = buy(world, alice)
    assert world.temporary_keys.find(hash_secret(bought.text)).pin_version == renewed.pin.version != alice.pin.version


class TestDropping:
    def test_it_is_gone(self, world, alice) -> None:
        text = buy(world, alice).text
        drop(world, text, alice.id)
        assert world.temporary_keys.records == {}
        with pytest.raises(NotFound):
            drop(world, text, alice.id)

    def test_another_users_is_no_key(self, world, alice) -> None:
        text = buy(world, alice).text
        with pytest.raises(NotFound):
            drop(world, text, BOB_ID)
        assert world.temporary_keys.find(hash_secret(text))

    def test_one_that_has_expired_is_no_key(self, world, alice) -> None:
        text = a_temporary_key(world, alice, expires_at=NOW)
        with pytest.raises(NotFound):
            drop(world, text, alice.id)

    @pytest.mark.parametrize("text", ["", "x", "-" * 43, "a" * 44])
    def test_what_cannot_be_a_key_costs_no_look_up(self, world, text: str) -> None:
        with pytest.raises(NotFound):
            drop(world, text, BOB_ID)
        assert world.temporary_keys.calls == []
