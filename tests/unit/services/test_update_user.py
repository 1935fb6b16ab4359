"""PATCH /user: each change, who may make it, and what two at once come to."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import Busy, Conflict, Invalid, PinLocked
from chalicelib.domain.people import User
from chalicelib.domain.pin import MAX_TRIES, clean_pin
from chalicelib.services.check_pin import check_pin
from chalicelib.services.update_user import UserChanges, update_user
from tests.support.builders import NOW, PIN, a_token, a_user, checking_pins, verifier_for
from tests.support.fakes import FakeWorld, raises

NEW = "another 1"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def adam(world: FakeWorld) -> User:
    """Has no PIN."""
    user = a_user(name="Adam Archer", email="adam@example.com")
    world.users.users[user.id] = user
    return user


@pytest.fixture
def alice(world: FakeWorld, adam: User) -> User:
    """Has one."""
    world.users.users[adam.id] = replace(adam, pin=verifier_for(world, adam.pin_holder))
    return world.users.users[adam.id]


def change(world: FakeWorld, user: User, *, pin: str | None = "unsaid", current: str | None = None, **changes) -> User:
    asked = UserChanges(
        sets_pin=pin != "unsaid",
        pin=clean_pin(pin) if pin and pin != "unsaid" else None,
        current_pin=clean_pin(current) if current else None,
        **changes,
    )
    return update_user(user, asked, a_token().id, NOW, users=world.users, tokens=world.tokens, **checking_pins(world))


def knows(world: FakeWorld, user: User, pin: str) -> bool:
    return check_pin(clean_pin(pin), user.pin_holder, NOW, **checking_pins(world)) is not None


def refused(world: FakeWorld, user: User, **changes) -> dict:
    before = dict(world.users.users)
    with pytest.raises(Invalid) as refusal:
        change(world, user, **changes)
    assert world.users.users == before
    return dict(refusal.value.errors)


class TestNameAndTimezone:
    def test_tokens_show_them_and_a_change_that_broke_off_is_repeated(self, world, adam) -> None:
        token = a_token(author=adam.author)
        world.tokens.add(token)
        world.tokens.before("copy_author", raises(Busy()))
        with pytest.raises(Busy):
            change(world, adam, name="Adam Adams")
        renamed = world.users.users[adam.id]
        assert change(world, renamed, name="Adam Adams") == renamed
        assert world.tokens.records[token.id].author == renamed.author

    def test_a_pin_is_no_business_of_tokens(self, world, adam) -> None:
        change(world, adam, pin=PIN)
        assert "copy_author" not in world.tokens.calls

    def test_each_alone_and_both(self, world, alice) -> None:
        renamed = change(world, alice, name="Alice Adams")
        assert renamed == replace(alice, name="Alice Adams") == world.users.find(alice.id)
        moved = change(world, renamed, timezone="Asia/Tokyo")
        assert moved == replace(renamed, timezone="Asia/Tokyo") == world.users.find(alice.id)

    def test_nothing_to_change_writes_nothing(self, world, alice) -> None:
        assert change(world, alice) == change(world, alice, name=alice.name) == alice
        assert "save" not in world.users.calls

    def test_it_takes_no_pin(self, world, alice) -> None:
        change(world, alice, name="Alice Adams")
        assert world.pin_tries.calls == []

    def test_two_changes_of_different_fields_both_stand(self, world, alice) -> None:
        world.users.before("save", lambda: change(world, alice, timezone="Asia/Tokyo"))
        answered = change(world, alice, name="Alice Adams")
        assert answered == world.users.find(alice.id)
        assert (answered.name, answered.timezone) == ("Alice Adams", "Asia/Tokyo")


class TestThePin:
    def test_the_first_one(self, world, adam) -> None:
        user = change(world, adam, pin=NEW)
        assert user == world.users.find(adam.id)
        assert knows(world, user, NEW)

    def test_the_current_one_changes_it(self, world, alice) -> None:
        user = change(world, alice, pin=NEW, current=PIN)
        assert knows(world, user, NEW)
        assert not knows(world, user, PIN)
        assert user.pin.version != alice.pin.version

    def test_the_same_pin_again_is_another_version(self, world, alice) -> None:
        user = change(world, alice, pin=PIN, current=PIN)
        assert user.pin.version != alice.pin.version
        assert user.pin.salt != alice.pin.salt

    def test_the_current_one_removes_it(self, world, alice) -> None:
        assert change(world, alice, pin=None, current=PIN).pin is None
        assert world.users.find(alice.id).pin is None

    def test_none_is_left_at_none(self, world, adam) -> None:
        assert change(world, adam, pin=None) == adam

    @pytest.mark.parametrize("pin", [NEW, None])
    def test_k7_not_without_the_current_one(self, world, alice, pin) -> None:
        assert list(refused(world, alice, pin=pin)) == ["current_pin"]
        assert world.pin_tries.calls == [], "nothing was guessed"

    @pytest.mark.parametrize("pin", [NEW, None])
    def test_k7_not_with_a_wrong_one_which_counts_as_a_try(self, world, alice, pin) -> None:
        assert refused(world, alice, pin=pin, current="0000") == {"current_pin": ["Invalid PIN."]}
        assert len(world.pin_tries.of(alice.pin_holder).ids) == 1

    def test_a_wrong_one_stops_the_other_changes_too(self, world, alice) -> None:
        refused(world, alice, pin=NEW, current="0000", name="Alice Adams")

    def test_not_while_it_is_locked(self, world, alice) -> None:
        for _ in range(MAX_TRIES):
            refused(world, alice, pin=NEW, current="0000")
        with pytest.raises(PinLocked):
            change(world, alice, pin=NEW, current=PIN)
        assert world.users.find(alice.id) == alice

    def test_a_new_one_has_no_tries_against_it(self, world, alice) -> None:
        for _ in range(MAX_TRIES - 1):
            knows(world, alice, "0000")
        user = change(world, alice, pin=NEW, current=PIN)
        assert world.pin_tries.of(user.pin_holder).ids == frozenset()

    def test_the_current_one_alone_is_no_change(self, world, alice) -> None:
        """Else it would be a way to ask whether a PIN is right."""
        assert list(refused(world, alice, current=PIN)) == ["current_pin"]
        assert world.pin_tries.calls == []

    def test_a_current_one_that_is_not_needed_does_no_harm(self, world, adam) -> None:
        assert knows(world, change(world, adam, pin=NEW, current=PIN), NEW)


class TestTwoAtOnce:
    def test_k7_of_two_first_pins_one_stands(self, world, adam) -> None:
        world.users.before("save", lambda: change(world, adam, pin="rival one"))
        with pytest.raises(Conflict):
            change(world, adam, pin=NEW)
        assert knows(world, adam, "rival one")

    def test_k7_of_two_changes_one_stands(self, world, alice) -> None:
        world.users.before("save", lambda: change(world, alice, pin="rival one", current=PIN))
        with pytest.raises(Conflict):
            change(world, alice, pin=NEW, current=PIN, name="Alice Adams")
        assert knows(world, alice, "rival one")
        assert world.users.find(alice.id).name == alice.name

    def test_k7_a_removed_pin_is_not_put_back(self, world, alice) -> None:
        world.users.before("save", lambda: change(world, alice, pin=None, current=PIN))
        with pytest.raises(Conflict):
            change(world, alice, pin=NEW, current=PIN)
        assert world.users.find(alice.id).pin is None

    def test_what_was_checked_is_what_is_replaced(self, world, alice) -> None:
        """The PIN was replaced after the request was admitted, by one that the caller knows as well."""
        change(world, alice, pin="newer one", current=PIN)
        assert knows(world, change(world, alice, pin=NEW, current="newer one"), NEW)

    def test_a_user_who_was_erased_does_not_come_back(self, world, adam) -> None:
        del world.users.users[adam.id]
        with pytest.raises(Conflict):
            change(world, adam, pin=NEW)
        assert world.users.users == {}


def test_trouble_changes_nothing(world, alice) -> None:
    world.pin_hasher.before("make", raises(Busy()))
    with pytest.raises(Busy):
        change(world, alice, pin=NEW, current=PIN)
    assert knows(world, alice, PIN)
