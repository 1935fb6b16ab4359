"""EventStore: what its port promises, of the fake and of the DynamoDB adapter."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.chain import Entry, Head, link
from chalicelib.domain.event import About, Event, EventType
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Position
from chalicelib.ports import MOST_ENTRIES, EventsKnown, HeadMoved
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.support.builders import ALICES, BOBS, NOW, an_event, new_id

UNTIL = NOW.date() + timedelta(days=400)
SIGNATURE = b"signature"


def append(world: World, *events: Event, account_id: AccountId = ALICES) -> Head:
    before = world.events.head(account_id)
    entries, after = link(before, events, UNTIL)
    world.events.append(before, entries, after, SIGNATURE)
    return after


def walk(world: World, about: About | None = None, limit: int = 2, account_id: AccountId = ALICES) -> list[Entry]:
    """All pages."""
    rows: list[Entry] = []
    after: Position | None = None
    while True:
        page = world.events.page(account_id, about, limit, after)
        assert len(page.rows) <= limit
        rows += page.rows
        if page.next is None:
            return rows
        after = page.next


def ids(entries: Sequence[Entry]) -> list[str]:
    return [entry.event.id for entry in entries]


def test_an_account_without_events_has_an_empty_chain(ports: World) -> None:
    assert ports.events.head(ALICES) == Head(ALICES)
    assert walk(ports) == []


def test_what_was_appended_is_read_newest_first_and_whole(ports: World) -> None:
    events = [an_event(detail={"n": number, "word": "a"}) for number in range(5)]
    head = append(ports, *events[:2])
    assert ports.events.head(ALICES) == head
    head = append(ports, *events[2:])
    assert ports.events.head(ALICES) == head
    entries = walk(ports)
    assert [entry.event for entry in entries] == events[::-1]
    assert entries[::-1] == link(Head(ALICES), events, UNTIL)[0]


def test_as_many_as_are_taken_at_once(ports: World) -> None:
    assert append(ports, *(an_event() for _ in range(MOST_ENTRIES))).sequence == MOST_ENTRIES
    assert len(walk(ports, limit=100)) == MOST_ENTRIES


def test_only_to_the_head_that_was_read(ports: World) -> None:
    before = ports.events.head(ALICES)
    append(ports, an_event())
    entries, after = link(before, [an_event()], UNTIL)
    with pytest.raises(HeadMoved):
        ports.events.append(before, entries, after, SIGNATURE)
    assert len(walk(ports)) == 1
    one = ports.events.head(ALICES)
    append(ports, an_event())
    entries, after = link(one, [an_event()], UNTIL)
    with pytest.raises(HeadMoved):
        ports.events.append(one, entries, after, SIGNATURE)
    assert len(walk(ports)) == 2


def test_what_is_there_is_told_and_nothing_is_appended(ports: World) -> None:
    first, second = an_event(), an_event()
    head = append(ports, first, second)
    before = ports.events.head(ALICES)
    entries, after = link(before, [an_event(), second, an_event(), first], UNTIL)
    with pytest.raises(EventsKnown) as known:
        ports.events.append(before, entries, after, SIGNATURE)
    assert known.value.ids == {first.id, second.id}
    assert ports.events.head(ALICES) == head
    assert len(walk(ports)) == 2


FILE, MAIL = new_id(), new_id()


@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        (None, [4, 3, 2, 1, 0]),
        (About("file", FILE), [3, 1, 0]),
        (About("mail", MAIL), [4, 3]),
        (About("type", EventType.FILE_READY), [4, 1]),
        (About("type", EventType.FILE_PURGED), []),
        (About("file", MAIL), []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_narrowed_down(ports: World, about: About | None, wanted: list[int], limit: int) -> None:
    events = [
        an_event(subject={"file": FILE}),
        an_event(subject={"file": FILE}, type=EventType.FILE_READY),
        an_event(subject={}),
        an_event(subject={"file": FILE, "mail": MAIL}),
        an_event(subject={"mail": MAIL, "download": FILE}, type=EventType.FILE_READY),
    ]
    append(ports, *events)
    append(ports, an_event(account_id=BOBS, subject={"file": FILE, "mail": MAIL}), account_id=BOBS)
    assert ids(walk(ports, about, limit)) == [events[place].id for place in wanted]


def test_what_comes_between_two_pages_shifts_nothing(ports: World) -> None:
    events = [an_event() for _ in range(4)]
    append(ports, *events)
    page = ports.events.page(ALICES, None, 2, None)
    append(ports, an_event())
    assert ids(ports.events.page(ALICES, None, 2, page.next).rows) == ids_of(events[1::-1])


def ids_of(events: Sequence[Event]) -> list[str]:
    return [event.id for event in events]


def test_e2_accounts_are_kept_apart(ports: World) -> None:
    mine, theirs = an_event(subject={"file": FILE}), an_event(account_id=BOBS, subject={"file": FILE})
    append(ports, mine)
    append(ports, theirs, account_id=BOBS)
    for about in (None, About("file", FILE), About("type", EventType.FILE_RENAMED)):
        assert ids(walk(ports, about)) == [mine.id]
        assert ids(walk(ports, about, account_id=BOBS)) == [theirs.id]


# -- DynamoDB ----------------------------------------------------------------------------------------------------------


def test_a_page_is_one_query_that_reads_no_more_than_it_answers(world: World, hooks: Hooks) -> None:
    append(world, *(an_event(subject={"file": FILE}) for _ in range(6)))
    append(world, *(an_event() for _ in range(6)))
    read: list[Any] = []
    client = world._client("dynamodb")
    client.meta.events.register("after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed), unique_id="read")
    try:
        for about in (None, About("file", FILE), About("type", EventType.FILE_RENAMED)):
            world.events.page(ALICES, about, 3, None)
    finally:
        client.meta.events.unregister("after-call.dynamodb.Query", unique_id="read")
    assert [answer["ScannedCount"] for answer in read] == [3, 3, 3]


def test_a_lost_answer_is_found_out(world: World, hooks: Hooks) -> None:
    """moto applies the second attempt anew, which AWS would know by its token: the head has moved by then."""
    event = an_event()
    hooks.lose_answers("dynamodb.TransactWriteItems")
    with pytest.raises(HeadMoved):
        append(world, event)
    assert ids(walk(world)) == [event.id]


def test_a_collision_is_the_head_moving(world: World, hooks: Hooks) -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    body = json.dumps({"__type": "x#TransactionCanceledException", "CancellationReasons": reasons})
    hooks.answer("dynamodb.TransactWriteItems", body.encode(), 400)
    with pytest.raises(HeadMoved):
        append(world, an_event())


def test_when_the_table_may_forget(world: World, aws: EmulatedAws) -> None:
    append(world, an_event())
    dynamodb = aws.clients("dynamodb")
    items = dynamodb.scan(TableName=world.settings.events_table)["Items"]
    (item,) = [item for item in items if "account_id" in item]
    assert int(item["ttl"]["N"]) == int((NOW.replace(hour=0) + timedelta(days=401)).timestamp())
    (head,) = [item for item in items if "account_id" not in item]
    assert "ttl" not in head
    assert head["signature"]["B"] == SIGNATURE
