"""The order of a PIN's check: count, look, forget. However many guess at once, five are looked at."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Busy, PinLocked
from chalicelib.domain.people import User
from chalicelib.domain.pin import LOCKED_FOR, MAX_TRIES, Tries, clean_pin
from chalicelib.services.check_pin import check_pin
from tests.support.builders import NOW, PIN, a_user, checking_pins, verifier_for
from tests.support.fakes import FakePinTries, FakeWorld, raises

RIGHT, WRONG = clean_pin(PIN), clean_pin("0000")
GUESSERS = 20


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def alice(world: FakeWorld) -> User:
    user = a_user()
    world.users.users[user.id] = replace(user, pin=verifier_for(world, user.pin_holder))
    return world.users.users[user.id]


def check(world: FakeWorld, user: User, guess=RIGHT, now=NOW):
    return check_pin(guess, user.pin_holder, now, **checking_pins(world))


def counted(world: FakeWorld, user: User) -> int:
    return len(world.pin_tries.of(user.pin_holder).ids)


def test_right_and_wrong(world, alice) -> None:
    assert check(world, alice) == alice.pin
    assert check(world, alice, WRONG) is None


def test_who_has_no_pin_has_none_that_is_right(world) -> None:
    assert check(world, a_user()) is None
    assert world.pin_hasher.calls == []


def test_a_try_is_counted_before_it_is_looked_at(world, alice) -> None:
    seen: list[int] = []
    world.pin_hasher.before("matches", lambda: seen.append(counted(world, alice)))
    check(world, alice, WRONG)
    assert seen == [1]


def test_a_right_one_forgets_the_tries(world, alice) -> None:
    for _ in range(MAX_TRIES - 1):
        check(world, alice, WRONG)
    assert check(world, alice)
    assert counted(world, alice) == 0


def test_the_right_pin_is_refused_too_once_it_is_locked_and_not_looked_at(world, alice) -> None:
    for _ in range(MAX_TRIES):
        check(world, alice, WRONG)
    looked = world.pin_hasher.calls.count("matches")
    for guess in (RIGHT, WRONG):
        with pytest.raises(PinLocked) as refusal:
            check(world, alice, guess, NOW + timedelta(seconds=100))
        assert refusal.value.retry_after_seconds == 800
    assert world.pin_hasher.calls.count("matches") == looked
    assert check(world, alice, RIGHT, NOW + LOCKED_FOR)


def test_refused_tries_do_not_lengthen_the_lock(world, alice) -> None:
    for _ in range(MAX_TRIES):
        check(world, alice, WRONG)
    for minute in range(15):
        with pytest.raises(PinLocked):
            check(world, alice, WRONG, NOW + timedelta(minutes=minute))
    assert check(world, alice, WRONG, NOW + LOCKED_FOR) is None
    assert counted(world, alice) == 1


@pytest.mark.parametrize("trouble", [Busy(), RuntimeError("a policy that forbids")])
def test_what_could_not_be_looked_at_does_not_count(world, alice, trouble) -> None:
    check(world, alice, WRONG)
    for _ in range(3 * MAX_TRIES):
        world.pin_hasher.before("matches", raises(trouble))
        with pytest.raises(type(trouble)):
            check(world, alice)
    assert counted(world, alice) == 1
    assert check(world, alice)


def test_a_pin_that_is_replaced_meanwhile_keeps_its_own_tries(world, alice) -> None:
    """A right old PIN does not forget the tries at the new one."""
    renewed = replace(alice, pin=verifier_for(world, alice.pin_holder, "new one"))

    def replaced() -> None:
        world.users.users[alice.id] = renewed
        for _ in range(3):
            check(world, alice, WRONG)

    world.pin_tries.before("forget", replaced)
    assert check(world, alice)
    assert counted(world, alice) == 3


# -- at once -----------------------------------------------------------------------------------------------------------


class CarelessTries(FakePinTries):
    """Reads, decides, and writes: between the two everybody else reads the same."""

    def __init__(self, *records) -> None:
        super().__init__(*records)
        self.all_have_read = threading.Barrier(GUESSERS, timeout=10)

    def count(self, holder, try_id, now):
        tries = self.of(holder).counting(try_id, now)
        self.all_have_read.wait()
        self.tries[holder, self._verifier(holder).version] = tries
        return self._verifier(holder)


def looked_at(world: FakeWorld, user: User) -> tuple[int, int]:
    """How many of twenty guesses at once were looked at, and how many refused."""
    start = threading.Barrier(GUESSERS, timeout=10)

    def guess(number: int) -> bool:
        start.wait()
        try:
            check(world, user, clean_pin(f"{number:04}"))
        except PinLocked:
            return False
        return True

    with ThreadPoolExecutor(GUESSERS) as pool:
        answers = list(pool.map(guess, range(GUESSERS)))
    return world.pin_hasher.calls.count("matches"), answers.count(False)


def test_of_twenty_guesses_at_once_five_are_looked_at(world, alice) -> None:
    assert looked_at(world, alice) == (MAX_TRIES, GUESSERS - MAX_TRIES)
    with pytest.raises(PinLocked):
        check(world, alice)


def test_the_same_guesses_find_out_who_reads_and_then_writes(world, alice) -> None:
    world.pin_tries = CarelessTries(world.users.users, world.downloads.records)
    assert looked_at(world, alice) == (GUESSERS, 0)


def test_after_a_lock_five_more_and_not_five_each(world, alice) -> None:
    world.pin_tries.tries[alice.pin_holder, alice.pin.version] = Tries(frozenset("abcde"), NOW - LOCKED_FOR)
    assert looked_at(world, alice) == (MAX_TRIES, GUESSERS - MAX_TRIES)
