"""`python -m infra.verify_events`: each thing that somebody who can write the table could do to the log shows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamo_events import _head_item, head_from, item_of
from chalicelib.adapters.dynamo_table import to_dynamo
from chalicelib.bootstrap import World
from chalicelib.domain.chain import Entry, Head, link
from chalicelib.domain.event import Event, EventType
from infra import verify_events
from infra.local.stack import EmulatedAws
from infra.verify_events import BROKEN, NOT_CHECKED, SOUND, main
from tests.support.builders import ALICES, BOBS, an_act, an_event

Run = Callable[..., tuple[int, str, str]]
TODAY = datetime.now(UTC).date()
LATER = TODAY + timedelta(days=400)


class Table:
    """The events table in the hands of somebody with full rights to it, and none to the key that signs."""

    def __init__(self, world: World, aws: EmulatedAws) -> None:
        self._world, self._dynamodb, self._name = world, aws.clients("dynamodb"), world.settings.events_table

    def append(self, *events: Event, kept_until: Any = LATER) -> list[Entry]:
        """As the service does."""
        account_id = events[0].account_id
        before = self._world.events.head(account_id)
        entries, after = link(before, events, kept_until)
        self._world.events.append(before, entries, after, self._world.sign_head(after.message))
        return entries

    def get(self, key: str) -> dict[str, Any]:
        item: dict[str, Any] = self._dynamodb.get_item(TableName=self._name, Key={"id": {"S": key}})["Item"]
        return item

    def put(self, item: dict[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._name, Item=item)

    def delete(self, key: str) -> None:
        self._dynamodb.delete_item(TableName=self._name, Key={"id": {"S": key}})


HEAD = f"HEAD#{ALICES}"


@pytest.fixture
def table(world: World, aws: EmulatedAws) -> Table:
    return Table(world, aws)


@pytest.fixture
def entries(table: Table) -> list[Entry]:
    return table.append(*(an_event() for _ in range(5)))


@pytest.fixture
def run(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(verify_events, "_INDEX_LAG_SECONDS", 0)

    def run(*more: str) -> tuple[int, str, str]:
        code = main([ALICES, *more])
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return run


def end_of(entries: list[Entry]) -> str:
    return f"{entries[-1].sequence}:{entries[-1].hash}"


def test_a_sound_log(run: Run, entries: list[Entry]) -> None:
    assert run() == (SOUND, f"5 events are sound; end {end_of(entries)}", "")
    assert run("--known", end_of(entries), "--known", end_of(entries[:2]))[0] == SOUND


def test_one_that_holds_nothing(run: Run) -> None:
    """An account has events from the moment that it is made: the id is wrong, or the table, or somebody emptied it."""
    status, out, err = run()
    assert (status, out) == (NOT_CHECKED, "")
    assert "there are no events of this account" in err
    assert run("--known", f"3:{'a' * 64}")[0] == BROKEN


@pytest.mark.parametrize(("place", "words"), [(0, "Events 1 to 1"), (2, "Events 3 to 3"), (4, "Events 5 to 5")])
def test_e1_a_removed_event(run: Run, table: Table, entries: list[Entry], place: int, words: str) -> None:
    table.delete(entries[place].event.id)
    code, out, err = run()
    assert (code, err) == (BROKEN, f"{words} are missing.")
    assert out.startswith("4 events are not as they were written")


def test_e1_an_altered_event(run: Run, table: Table, entries: list[Entry]) -> None:
    item = table.get(entries[2].event.id)
    item["text"]["S"] = item["text"]["S"].replace("192.0.2.1", "192.0.2.2")
    table.put(item)
    code, _, err = run()
    assert code == BROKEN
    assert "Event 3 was altered." in err


def test_e1_one_altered_with_a_hash_of_its_own(run: Run, table: Table, entries: list[Entry]) -> None:
    before = Head(ALICES, 2, entries[1].hash, LATER)
    (forged,), _ = link(before, [an_event(id=entries[2].event.id, act=an_act(ip="192.0.2.2"))], LATER)
    table.put(to_dynamo(item_of(forged)))
    assert run() == (BROKEN, f"5 events are not as they were written; end {end_of(entries)}", FOURTH)


FOURTH = "Event 4 does not follow from event 3."


def test_e1_one_hidden_from_its_file(run: Run, table: Table, entries: list[Entry]) -> None:
    """By an index key alone: the text is what it was."""
    item = table.get(entries[2].event.id)
    item["by_file"] = {"S": f"{ALICES}#another"}
    table.put(item)
    assert run()[0] == BROKEN
    assert "Event 3 stands under keys that are not its own." in run()[2]


def test_e1_one_that_the_table_is_made_to_forget_early(run: Run, table: Table, entries: list[Entry]) -> None:
    item = table.get(entries[2].event.id)
    item["ttl"] = {"N": "1"}
    table.put(item)
    assert run()[0] == BROKEN


def test_e1_one_that_says_it_was_due(run: Run, table: Table, entries: list[Entry]) -> None:
    """To let a gap pass, the next event would have to say so, and it is hashed."""
    table.delete(entries[1].event.id)
    item = table.get(entries[2].event.id)
    item["text"]["S"] = item["text"]["S"].replace(
        f'"previous_kept_until":"{LATER}"', '"previous_kept_until":"2020-01-01"'
    )
    table.put(item)
    assert "Event 3 was altered." in run()[2]


@pytest.mark.parametrize("text", ["", "{}", "null", '{"actor":"somebody"}'])
def test_e1_one_that_is_garbage(run: Run, table: Table, entries: list[Entry], text: str) -> None:
    item = table.get(entries[2].event.id)
    item["text"] = {"S": text}
    table.put(item)
    code, _, err = run()
    assert code == BROKEN
    assert f"The event under the id {entries[2].event.id} cannot be read." in err


def test_e1_one_put_in_by_another_hand(run: Run, table: Table, entries: list[Entry]) -> None:
    (stranger,), _ = link(Head(ALICES, 5, entries[4].hash, LATER), [an_event()], LATER)
    table.put(to_dynamo(item_of(stranger)))
    assert run()[2] == "The head says that event 5 is the last, and there is event 6."


def test_e1_an_event_of_another_account(run: Run, table: Table, entries: list[Entry]) -> None:
    (theirs,) = table.append(an_event(account_id=BOBS))
    item = to_dynamo(item_of(theirs)) | {"account_id": {"S": ALICES}, "sequence": {"N": "3"}}
    table.delete(entries[2].event.id)
    table.put(item)
    assert run()[0] == BROKEN


def test_e1_the_head_removed(run: Run, table: Table, entries: list[Entry]) -> None:
    table.delete(HEAD)
    assert run()[2] == "The head says that event 0 is the last, and there is event 5."


class TestAChainWrittenAnew:
    """All of it consistent, and made by somebody who cannot sign."""

    def _forge(self, table: Table, entries: list[Entry], signature: bytes) -> Head:
        for entry in entries:
            table.delete(entry.event.id)
        forged, head = link(Head(ALICES), [an_event(type=EventType.FILE_READY) for _ in entries], LATER)
        for entry in forged:
            table.put(to_dynamo(item_of(entry)))
        table.put(to_dynamo(_head_item(head, signature)))
        return head

    def test_e5_it_has_no_signature(self, run: Run, table: Table, entries: list[Entry]) -> None:
        _, signature = head_from(table.get(HEAD))
        self._forge(table, entries, signature)
        assert run()[2] == "The end of the chain is not signed by the service."

    def test_e5_nor_one_by_another_key(self, run: Run, table: Table, entries: list[Entry], aws: EmulatedAws) -> None:
        kms = aws.clients("kms")
        head = self._forge(table, entries, b"x" * 32)
        mac = kms.generate_mac(KeyId=aws.pepper_key_arn, MacAlgorithm="HMAC_SHA_256", Message=head.message)["Mac"]
        table.put(to_dynamo(_head_item(head, mac)))
        assert run()[2] == "The end of the chain is not signed by the service."


def test_e5_an_earlier_end_put_back_shows_by_a_later_one_that_was_seen(run: Run, table: Table) -> None:
    early = table.append(an_event(), an_event())
    old_head = table.get(HEAD)
    late = table.append(an_event(), an_event())
    for entry in late:
        table.delete(entry.event.id)
    table.put(old_head)
    assert run()[0] == SOUND  # which is why ends are logged, and printed
    code, _, err = run("--known", end_of(late))
    assert (code, err) == (BROKEN, "Event 4 was there once, and the chain ends before it.")
    assert run("--known", end_of(early))[0] == SOUND
    code, _, err = run("--known", f"2:{'f' * 64}")
    assert (code, err) == (BROKEN, "Event 2 is not the one that was there once.")


def test_what_was_due_may_be_gone(run: Run, table: Table) -> None:
    old = table.append(an_event(), an_event(), kept_until=TODAY - timedelta(days=1))
    table.append(an_event())
    table.delete(old[0].event.id)
    assert run()[0] == SOUND
    table.delete(old[1].event.id)
    code, out, _ = run()
    assert code == SOUND
    assert out.startswith("1 events are sound; end 3:")


def test_what_is_appended_meanwhile_is_no_break(
    run: Run, table: Table, entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = verify_events.Log._items

    def reading(log: Any) -> Any:
        table.append(an_event())
        return read(log)

    monkeypatch.setattr(verify_events.Log, "_items", reading)
    assert run()[:2] == (SOUND, f"5 events are sound; end {end_of(entries)}")


def test_an_index_that_lags_is_waited_for(
    run: Run, table: Table, entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, left = verify_events.Log._items, [1]

    def reading(log: Any) -> Any:
        items = list(read(log))
        return items[:-1] if left and left.pop() else items

    monkeypatch.setattr(verify_events.Log, "_items", reading)
    assert run()[0] == SOUND


def test_what_cannot_be_checked_is_neither(run: Run) -> None:
    code, out, err = run("--table", "no-such-table")
    assert (code, out) == (NOT_CHECKED, "")
    assert err.startswith("not checked: ")


@pytest.mark.parametrize("words", [["not-an-id"], [ALICES, "--known", "5"], [ALICES, "--known", "x:y"], []])
def test_usage(words: list[str], world: World) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_it_asks_for_table_and_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("EVENTS_TABLE", "EVENTS_KEY_ARN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit):
        main([ALICES])
    assert "name the table and the key" in capsys.readouterr().err
