"""From changes to the log: each event once, whole, in order, whatever is told twice, late, or broken off."""

import itertools
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chain import Entry, breaks
from chalicelib.domain.errors import Busy
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId
from chalicelib.ports import MOST_ENTRIES, Change, HeadMoved
from chalicelib.services.record_events import record_events
from tests.support.builders import ALICES, BOBS, NOW, an_event
from tests.support.fake_aws import FakeMacs
from tests.support.fakes import FakeEvents, raises

KEPT = timedelta(days=400)


def change(number: int) -> Change:
    return Change(
        id=str(number), sequence=str(number), at=NOW, pk="FILE#1", sk="FILE", old=None, new={"n": number}, expired=False
    )


def one_each(account_of: Callable[[int], AccountId] = lambda _: ALICES) -> Callable[[Change], Sequence[Event]]:
    """Each change is one event, told by its number."""
    return lambda told: [an_event(id=told.id, account_id=account_of(int(told.id)), detail={"n": int(told.id)})]


class Recording:
    """The consumer with a log in memory."""

    def __init__(self, **ports: Any) -> None:
        self.events, self.macs = FakeEvents(), FakeMacs()
        self.ports = {"read_events": one_each(), "events": self.events, "sign_head": self.macs.derive, **ports}

    def tell(self, *numbers: int) -> Any:
        return record_events([change(number) for number in numbers], NOW, kept_for=KEPT, **self.ports)

    def chain(self, account_id: AccountId = ALICES) -> list[Entry]:
        return [entry for entry in self.events.entries if entry.event.account_id == account_id]

    def numbers(self, account_id: AccountId = ALICES) -> list[Any]:
        return [entry.event.detail["n"] for entry in self.chain(account_id)]

    def assert_sound(self, account_id: AccountId = ALICES) -> None:
        head = self.events.heads[account_id]
        assert list(breaks(self.chain(account_id), head, NOW.date())) == []
        assert self.events.signatures[account_id] == self.macs.derive(head.message)


@pytest.fixture
def recording() -> Recording:
    return Recording()


def test_in_order_and_signed(recording: Recording) -> None:
    heads = recording.tell(1, 2, 3)
    assert recording.numbers() == [1, 2, 3]
    recording.assert_sound()
    assert heads == [recording.events.heads[ALICES]]
    assert {entry.kept_until for entry in recording.chain()} == {(NOW + KEPT).date()}


def test_the_next_batch_goes_on_where_the_last_ended(recording: Recording) -> None:
    recording.tell(1, 2)
    recording.tell(3)
    assert [entry.sequence for entry in recording.chain()] == [1, 2, 3]
    recording.assert_sound()


def test_each_account_has_a_chain_of_its_own() -> None:
    recording = Recording(read_events=one_each(lambda number: ALICES if number % 2 else BOBS))
    recording.tell(1, 2, 3, 4)
    assert (recording.numbers(ALICES), recording.numbers(BOBS)) == ([1, 3], [2, 4])
    recording.assert_sound(ALICES)
    recording.assert_sound(BOBS)


def test_what_means_nothing_touches_nothing() -> None:
    recording = Recording(read_events=lambda _: [])
    assert recording.tell(1, 2) == []
    assert recording.events.calls == []


def test_e3_what_is_told_twice_is_recorded_once(recording: Recording) -> None:
    recording.tell(1, 2, 3)
    assert recording.tell(1, 2, 3) == []
    recording.tell(2, 4)
    assert recording.numbers() == [1, 2, 3, 4]
    recording.assert_sound()


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True), max_size=8))
def test_e3_whatever_comes_again_and_in_any_order_each_is_recorded_once(deliveries: list[list[int]]) -> None:
    recording = Recording()
    for delivery in deliveries:
        recording.tell(*delivery)
    told = list(dict.fromkeys(itertools.chain.from_iterable(deliveries)))
    assert recording.numbers() == told
    if told:
        recording.assert_sound()


def test_a_large_batch_goes_in_several_writes(recording: Recording) -> None:
    count = 2 * MOST_ENTRIES + 1
    recording.tell(*range(count))
    assert recording.numbers() == list(range(count))
    assert recording.events.calls.count("append") == 3
    recording.assert_sound()


class TestInterrupted:
    """The function dies before or after any of its calls, and is told the same again."""

    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("method", ["head", "append"])
    @pytest.mark.parametrize(("count", "nth"), [(2, 1), (MOST_ENTRIES + 2, 1), (MOST_ENTRIES + 2, 2)])
    def test_e3_nothing_is_lost_and_nothing_doubled(
        self, recording: Recording, moment: str, method: str, count: int, nth: int
    ) -> None:
        plan = getattr(recording.events, moment)
        plan(method, *[lambda: None] * (nth - 1), raises(RuntimeError("dead")))
        with pytest.raises(RuntimeError, match="dead"):
            recording.tell(*range(count))
        recording.tell(*range(count))
        assert recording.numbers() == list(range(count))
        recording.assert_sound()

    def test_e3_when_nothing_can_be_signed_nothing_is_recorded(self, recording: Recording) -> None:
        recording.macs.before("derive", raises(Busy()))
        with pytest.raises(Busy):
            recording.tell(1)
        assert recording.chain() == []
        recording.tell(1)
        recording.assert_sound()


class TestRivals:
    """Another shard's consumer appends to the same chain."""

    @pytest.mark.parametrize("times", [1, 3])
    def test_the_chain_has_both(self, recording: Recording, times: int) -> None:
        numbers = iter(range(100, 200))
        recording.events.before("append", *[lambda: recording.tell(next(numbers))] * times)
        recording.tell(1, 2)
        assert sorted(recording.numbers()) == [1, 2, *range(100, 100 + times)]
        assert recording.numbers()[-2:] == [1, 2]
        recording.assert_sound()

    def test_e3_also_when_it_is_told_the_same(self, recording: Recording) -> None:
        recording.events.before("append", lambda: recording.tell(1, 2))
        recording.tell(1, 2, 3)
        assert recording.numbers() == [1, 2, 3]
        recording.assert_sound()

    def test_it_does_not_try_for_ever(self, recording: Recording) -> None:
        recording.events.before("append", *[raises(HeadMoved())] * 100)
        with pytest.raises(Busy):
            recording.tell(1)
