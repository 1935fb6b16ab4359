"""Which text is a PIN, and how many tries it stands: the lock-out is driven by hypothesis against a plain count."""

import unicodedata
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.domain.errors import PinLocked
from chalicelib.domain.pin import LOCKED_FOR, MAX_LENGTH, MAX_TRIES, MIN_LENGTH, PinHolder, Tries, clean_pin
from tests.support.builders import ALICE_ID, NOW

MOMENT = timedelta(microseconds=1)


class TestText:
    @pytest.mark.parametrize(
        "text", ["1234", "1a2s3d", "correct horse battery", "p" * MAX_LENGTH, "пин-код", "👩‍👩‍👧🔑"]
    )
    def test_a_pin(self, text: str) -> None:
        assert clean_pin(text) == text

    @pytest.mark.parametrize(
        "text", ["", "1", "123", "p" * (MAX_LENGTH + 1), "p" * 100_000, "e\u0301" * (MIN_LENGTH - 1)]
    )
    def test_too_short_or_too_long(self, text: str) -> None:
        with pytest.raises(ValueError, match="4 to 64"):
            clean_pin(text)

    @pytest.mark.parametrize(
        "odd", ["\n", "\r", "\t", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\u0378"]
    )
    def test_no_control_characters(self, odd: str) -> None:
        with pytest.raises(ValueError, match="control"):
            clean_pin(f"12{odd}34")

    def test_two_ways_of_typing_one_pin(self) -> None:
        assert clean_pin("cafe\u0301") == clean_pin("café")
        assert clean_pin("e\u0301" * MAX_LENGTH) == "é" * MAX_LENGTH  # counted as it is compared

    def test_what_looks_alike_is_another_pin(self) -> None:
        """Compatibility forms stay apart: folding them would make PINs easier to guess."""
        assert clean_pin("\uff11\uff12\uff13\uff14") != clean_pin("1234")
        assert clean_pin("PinPin") != clean_pin("pinpin")

    @given(st.text(max_size=200))
    def test_the_form_is_final(self, text: str) -> None:
        try:
            pin = clean_pin(text)
        except ValueError:
            return
        assert clean_pin(pin) == pin == unicodedata.normalize("NFC", text)
        assert MIN_LENGTH <= len(pin) <= MAX_LENGTH
        assert pin.encode()

    def test_the_message_does_not_repeat_it(self) -> None:
        for text in ("123", "secret\x00", "secret" * 20):
            with pytest.raises(ValueError) as refusal:
                clean_pin(text)
            assert text not in str(refusal.value)


def test_no_two_holders_have_one_name() -> None:
    assert str(PinHolder("user", ALICE_ID)) == f"user:{ALICE_ID}"
    assert str(PinHolder("user", ALICE_ID)) != str(PinHolder("download", ALICE_ID))


class TestTries:
    def used_up(self) -> Tries:
        tries = Tries()
        for number in range(MAX_TRIES):
            tries = tries.counting(str(number), NOW)
        return tries

    def test_the_lock_begins_with_the_fifth_and_lasts_fifteen_minutes(self) -> None:
        tries = self.used_up()
        assert tries.locked_until(NOW) == NOW + LOCKED_FOR
        assert tries.locked_until(NOW + LOCKED_FOR - MOMENT) == NOW + timedelta(minutes=15)
        assert tries.locked_until(NOW + LOCKED_FOR) is None

    @pytest.mark.parametrize(
        ("waited", "left"),
        [
            (timedelta(0), 900),
            (timedelta(seconds=1), 899),
            (MOMENT, 900),
            (timedelta(seconds=899), 1),
            (LOCKED_FOR - MOMENT, 1),
        ],
    )
    def test_a_refusal_says_how_long_in_whole_seconds(self, waited: timedelta, left: int) -> None:
        with pytest.raises(PinLocked) as refusal:
            self.used_up().counting("x", NOW + waited)
        assert refusal.value.retry_after_seconds == left

    def test_a_try_that_is_sent_twice_counts_once(self) -> None:
        assert len(Tries().counting("x", NOW).counting("x", NOW).ids) == 1

    def test_a_try_that_was_taken_back_leaves_room(self) -> None:
        tries = self.used_up().without("0")
        assert tries.locked_until(NOW) is None
        assert tries.counting("x", NOW).are_used_up
        assert tries.without("unknown") == tries


class LockOut(RuleBasedStateMachine):
    """Tries in any order and at any pace, against a list of when they were counted."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.tries, self.counted, self.number = NOW, Tries(), list[datetime](), 0

    def locked(self) -> bool:
        return len(self.counted) == MAX_TRIES and self.now < self.counted[-1] + timedelta(minutes=15)

    @rule(seconds=st.one_of(st.integers(0, 60), st.sampled_from([839, 840, 899, 900, 901])))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    @precondition(lambda self: not self.locked())
    def guess(self) -> None:
        if len(self.counted) == MAX_TRIES:
            self.counted = []
        self.number += 1
        self.tries = self.tries.counting(str(self.number), self.now)
        self.counted.append(self.now)

    @rule()
    @precondition(lambda self: self.locked())
    def guess_in_vain(self) -> None:
        with pytest.raises(PinLocked) as refusal:
            self.tries.counting("late", self.now)
        waiting = self.counted[-1] + timedelta(minutes=15) - self.now
        assert refusal.value.retry_after_seconds == waiting.total_seconds()

    @rule()
    @precondition(lambda self: self.counted)
    def fail_to_check(self) -> None:
        self.tries = self.tries.without(str(self.number))
        if self.number and len(self.counted) > len(self.tries.ids):
            self.counted.pop()

    @rule()
    def be_right(self) -> None:
        self.tries, self.counted = Tries(), []

    @invariant()
    def no_more_than_five_stand(self) -> None:
        assert len(self.tries.ids) == len(self.counted) <= MAX_TRIES
        assert (self.tries.locked_until(self.now) is not None) == self.locked()


LockOut.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestLockOut = LockOut.TestCase
