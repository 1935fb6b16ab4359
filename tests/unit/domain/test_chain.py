"""The chain of events: whatever is removed, altered or moved shows, and nothing else does."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.act import Actor
from chalicelib.domain.chain import GENESIS, Entry, Head, breaks, entry_from, fields_of, hash_of, link, text_of
from chalicelib.domain.event import EventType
from tests.support.builders import ALICES, BOBS, NOW, an_act, an_event

TODAY = NOW.date()
LATER = TODAY + timedelta(days=400)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is added
acts = st.builds(
    an_act,
    actor=st.sampled_from(Actor),
    at=moments,
    user_id=st.none() | texts.filter(bool),
    token_id=st.none() | texts.filter(bool),
    ip=st.none() | texts,
    request_id=st.none() | texts,
)
events = st.builds(
    an_event,
    id=st.uuids().map(str),
    act=acts,
    type=st.sampled_from(EventType),
    outcome=texts,
    subject=st.dictionaries(texts, texts, max_size=3),
    detail=st.dictionaries(texts, texts | st.integers(-(2**53), 2**53), max_size=3),
)


def chain_of(count: int, kept_until: date = LATER) -> tuple[list[Entry], Head]:
    return link(Head(ALICES), [an_event() for _ in range(count)], kept_until)


def wrong(entries: list[Entry], head: Head, today: date = TODAY) -> list[str]:
    return list(breaks(entries, head, today))


@given(st.lists(st.lists(events, min_size=1, max_size=4), max_size=4))
def test_what_is_linked_is_sound_however_it_was_batched(batches: list[list[Any]]) -> None:
    entries, head = list[Entry](), Head(ALICES)
    for batch in batches:
        more, head = link(head, batch, LATER)
        entries += more
    assert wrong(entries, head) == []
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.event for entry in entries] == [event for batch in batches for event in batch]
    if entries:
        assert (entries[0].previous, entries[0].previous_kept_until) == (GENESIS, None)
        assert (head.sequence, head.hash) == (len(entries), entries[-1].hash)


@given(events)
def test_what_is_stored_is_read_again(event: Any) -> None:
    ((entry,), _) = link(Head(ALICES), [event], LATER)
    assert entry_from(text_of(entry), entry.hash) == entry


@given(events)
def test_the_hash_is_that_of_the_canonical_json_of_what_is_answered(event: Any) -> None:
    ((entry,), _) = link(Head(ALICES), [event], LATER)
    answered = json.loads(json.dumps(fields_of(entry)))
    text = json.dumps(answered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert (
        hashlib.sha256(text.encode()).hexdigest() == entry.hash == hashlib.sha256(text_of(entry).encode()).hexdigest()
    )


@given(st.integers(1, 8), st.data())
def test_e1_removal_shows(count: int, data: st.DataObject) -> None:
    entries, head = chain_of(count)
    gone = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    assert wrong([entry for place, entry in enumerate(entries) if place not in gone], head)


@given(st.integers(1, 6), st.data())
def test_e1_alteration_shows_also_with_a_hash_made_anew(count: int, data: st.DataObject) -> None:
    entries, head = chain_of(count)
    place = data.draw(st.integers(0, count - 1))
    other = data.draw(events)
    assume(other != entries[place].event)
    altered = replace(entries[place], event=other)
    entries[place] = replace(altered, hash=hash_of(altered)) if data.draw(st.booleans()) else altered
    assert wrong(entries, head)


FIELDS: dict[str, Any] = {
    "kept_until": LATER + timedelta(days=1),
    "previous": "f" * 64,
    "previous_kept_until": TODAY,
    "sequence": 99,
    "hash": "f" * 64,
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_e1_no_field_of_an_entry_can_be_altered(field: str, place: int) -> None:
    entries, head = chain_of(3)
    entries[place] = replace(entries[place], **{field: FIELDS[field]})
    assert wrong(entries, head)


@given(st.integers(2, 6), st.data())
def test_e1_another_order_shows(count: int, data: st.DataObject) -> None:
    entries, head = chain_of(count)
    shuffled = data.draw(st.permutations(entries))
    assume(shuffled != entries)
    assert wrong(shuffled, head)


@given(st.integers(1, 5), st.integers(0, 5))
def test_e1_what_is_put_in_shows(count: int, place: int) -> None:
    entries, head = chain_of(count)
    place = min(place, count)
    before = Head(ALICES, place, entries[place - 1].hash, LATER) if place else Head(ALICES)
    (stranger,), _ = link(before, [an_event()], LATER)
    assert wrong([*entries[:place], stranger, *entries[place:]], head)
    assert wrong([*entries[:place], stranger], head) or place == count  # at the end it is for the head to say
    assert wrong([*entries, link(head, [an_event()], LATER)[0][0]], head)


def test_e1_the_whole_chain_cannot_be_another_accounts() -> None:
    entries, head = link(Head(ALICES), [an_event(account_id=BOBS)], LATER)
    assert wrong(entries, head)


def test_e1_a_head_put_back_shows() -> None:
    entries, _ = chain_of(5)
    earlier = Head(ALICES, 3, entries[2].hash, LATER)
    assert wrong(entries, earlier)
    assert wrong(entries[:3], earlier) == []  # a tail cut off with its head: that is why the head is signed and logged


def test_e1_a_chain_written_anew_does_not_fit_the_head() -> None:
    _, head = chain_of(3)
    forged, _ = chain_of(3)
    assert wrong(forged, head)


class TestWhatIsDue:
    """Three events of the past, and then two of today; only the former may go."""

    @pytest.fixture
    def chain(self) -> tuple[list[Entry], Head]:
        old, head = chain_of(3, TODAY - timedelta(days=1))
        new, head = link(head, [an_event(), an_event()], LATER)
        return [*old, *new], head

    @pytest.mark.parametrize("gone", [[0], [0, 1], [0, 1, 2], [1], [2], [0, 2]])
    def test_what_was_due_may_be_gone(self, chain, gone: list[int]) -> None:
        """In any order: DynamoDB's TTL keeps none."""
        entries, head = chain
        assert wrong([entry for place, entry in enumerate(entries) if place not in gone], head) == []

    @pytest.mark.parametrize("gone", [[0], [1], [2], [0, 1, 2]])
    def test_not_a_day_before(self, chain, gone: list[int]) -> None:
        entries, head = chain
        left = [entry for place, entry in enumerate(entries) if place not in gone]
        assert wrong(left, head, TODAY - timedelta(days=1))

    @pytest.mark.parametrize("gone", [[3], [4], [3, 4], [2, 3], [0, 1, 2, 3, 4]])
    def test_what_is_not_due_may_not(self, chain, gone: list[int]) -> None:
        entries, head = chain
        assert wrong([entry for place, entry in enumerate(entries) if place not in gone], head)

    def test_all_of_it_when_all_of_it_was_due(self) -> None:
        _, head = chain_of(3, TODAY - timedelta(days=1))
        assert wrong([], head) == []

    def test_what_is_left_must_still_fit_together(self, chain) -> None:
        entries, head = chain
        altered = replace(entries[1], event=an_event())
        entries[1] = replace(altered, hash=hash_of(altered))
        assert wrong(entries[1:], head) == ["Event 3 does not follow from event 2."]


def test_the_words() -> None:
    entries, head = chain_of(5)
    assert wrong([entries[0], *entries[3:]], head) == ["Events 2 to 3 are missing."]
    assert wrong(entries[:3], head) == ["Events 4 to 5 are missing."]
    assert wrong([], head) == ["Events 1 to 5 are missing."]
    assert wrong([replace(entries[0], event=an_event()), *entries[1:]], head) == ["Event 1 was altered."]
    assert wrong(entries, Head(ALICES)) == ["The head says that event 0 is the last, and there is event 5."]


def test_e5_what_is_signed_names_account_place_and_hash() -> None:
    head = Head(ALICES, 5, "a" * 64, LATER)
    others = [replace(head, account_id=BOBS), replace(head, sequence=4), replace(head, hash="b" * 64)]
    assert len({head.message, *(other.message for other in others)}) == 4
    assert head.message.startswith(b"sealdrop events head 1\n")
