"""Checks E of docs/threat-model.md: the audit log says what was, all of it, and to whom it belongs alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.act import Actor
from chalicelib.domain.chain import Entry, Head, breaks, hash_of, link
from chalicelib.domain.download import DownloadKey
from chalicelib.domain.errors import Busy
from chalicelib.domain.event import About, EventType
from chalicelib.domain.pin import MAX_TRIES
from chalicelib.domain.secret import hash_secret
from chalicelib.ports import Change
from chalicelib.services.perform_download import find_download_key, perform_download, resume_download
from chalicelib.services.record_events import record_events
from infra.template import load
from tests.support.adapters import downloads_on, files_on
from tests.support.app_client import Answer, AppClient
from tests.support.builders import (
    ALICES,
    BOBS,
    NOW,
    Caller,
    a_download,
    a_file,
    a_ready_file,
    an_act,
    an_event,
    give_pin,
    key_to,
    new_id,
    performing,
    resuming,
    stored,
    verifier_for,
)
from tests.support.fake_aws import FakeMacs
from tests.support.fakes import FakeEvents, FakeWorld, raises
from tests.unit.security.conftest import PERMISSIONS

LATER = NOW.date() + timedelta(days=400)
Attack = Callable[[list[Entry]], list[Entry]]


# --- E1 --------------------------------------------------------------------------------------------------------------


def altered(entry: Entry) -> Entry:
    return replace(entry, event=replace(entry.event, act=an_act(ip="203.0.113.9")))


def rehashed(entry: Entry) -> Entry:
    return replace(entry, hash=hash_of(entry))


ATTACKS: dict[str, Attack] = {
    "alter one": lambda log: [*log[:2], altered(log[2]), *log[3:]],
    "alter one, and its hash": lambda log: [*log[:2], rehashed(altered(log[2])), *log[3:]],
    "remove the first": lambda log: log[1:],
    "remove one": lambda log: [*log[:2], *log[3:]],
    "remove the last": lambda log: log[:-1],
    "remove all": lambda _: [],
    "exchange two": lambda log: [log[0], log[2], log[1], *log[3:]],
    "tell one twice": lambda log: [*log[:3], *log[2:]],
    "replace the last": lambda log: [*log[:-1], rehashed(altered(log[-1]))],
    "close the gap": lambda log: [*log[:2], *[rehashed(replace(it, sequence=it.sequence - 1)) for it in log[3:]]],
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_e1_what_is_done_to_the_log_shows(attack: Attack) -> None:
    entries, head = link(Head(ALICES), [an_event() for _ in range(5)], LATER)
    assert list(breaks(entries, head, NOW.date())) == []
    assert list(breaks(attack(entries), head, NOW.date()))


# --- E2 --------------------------------------------------------------------------------------------------------------


def test_e2_the_indexes_are_kept_by_account(log: Any) -> None:
    file_id = new_id()
    event = an_event(subject={"file": file_id, "mail": file_id})
    entries, head = link(Head(ALICES), [event], LATER)
    log.append(Head(ALICES), entries, head, b"")
    for about in (None, About("file", file_id), About("mail", file_id), About("type", event.type)):
        assert len(log.page(ALICES, about, 10, None).rows) == 1
        assert log.page(BOBS, about, 10, None).rows == []


def test_e2_a_token_opens_its_own_accounts_log(api: AppClient, world: FakeWorld, alice: Caller, bob: Caller) -> None:
    file_id = new_id()
    entries, head = link(
        Head(alice.account_id), [an_event(account_id=alice.account_id, subject={"file": file_id})], LATER
    )
    world.events.append(Head(alice.account_id), entries, head, b"")
    for query in ({}, {"file": file_id}, {"type": "file.renamed"}):
        assert len(api.get("/events", token=alice.text, query=query).data) == 1
        assert api.get("/events", token=bob.text, query=query).data == []
    cursor = {"limit": "1", "cursor": "x"}
    assert api.get("/events", token=bob.text, query=cursor).status == 422


# --- E3 --------------------------------------------------------------------------------------------------------------


def test_e3_every_way_to_write_carries_the_act(table: Any) -> None:
    from chalicelib.adapters.dynamo_table import MetadataTable
    from chalicelib.adapters.dynamo_touch import touching

    marked = MetadataTable(touching(table.client, an_act()), table.name)
    files, downloads = files_on(marked), downloads_on(marked)
    file = files.add(a_file())  # a put
    marks = [mark_at(table, f"FILE#{file.id}", "FILE")]
    files.save(file.shows_life(NOW + timedelta(hours=1)))
    marks.append(mark_at(table, f"FILE#{file.id}", "FILE"))
    download = a_download(file)
    downloads.add(download)
    marks.append(mark_at(table, f"DOWNLOAD#{download.id}", "DOWNLOAD"))
    key = DownloadKey(hash_secret("key"), download.id, download.file_ids, download.forgotten_at)
    downloads.make_key_current(download, key, NOW)  # a transaction
    marks.append(mark_at(table, f"DOWNLOAD#{download.id}", "DOWNLOAD"))
    marked.update(("FILE#x", "FILE"), "SET a = :a", "attribute_not_exists(pk)", {}, a=1)  # an update
    marks.append(mark_at(table, "FILE#x", "FILE"))
    assert {mark["ip"]["S"] for mark in marks} == {"192.0.2.1"}
    assert len({mark["id"]["S"] for mark in marks}) == len(marks) == 5


def mark_at(table: Any, pk: str, sk: str) -> Any:
    item = table.client.get_item(TableName=table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})["Item"]
    return item["touched"]["M"]


def test_e3_an_act_of_before_is_not_blamed_for_what_comes_after() -> None:
    from chalicelib.adapters.dynamo_touch import TOUCHED, mark_of
    from chalicelib.adapters.event_rules import read_events

    before = {"pk": "FILE#1", "sk": "FILE", "account_id": ALICES, "filename": "a", TOUCHED: mark_of(an_act())}
    change = Change("e", "1", NOW, "FILE#1", "FILE", before, {**before, "filename": "b"}, expired=False)
    (event,) = read_events(change)
    assert (event.type, event.act.actor) == (EventType.FILE_RENAMED, Actor.UNKNOWN)


def test_e3_nothing_is_handed_out_again_that_cannot_be_noted(world: FakeWorld) -> None:
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(download)
    text = key_to(world, download)
    key = find_download_key(text, downloads=world.downloads)
    session = perform_download(key, NOW, **performing(world)).session
    world.notes.before("add", raises(Busy()))
    with pytest.raises(Busy):
        resume_download(key, session, NOW, **resuming(world))
    assert resume_download(key, session, NOW, **resuming(world)).files
    assert [note.type for note in world.notes.noted] == [EventType.DOWNLOAD_RESUMED]


def test_e3_a_refused_perform_is_noted(api: AppClient, world: FakeWorld) -> None:
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(download)
    text = key_to(world, download)
    assert api.post(f"/public/downloads/{text}").status == 200
    assert api.post(f"/public/downloads/{text}").status == 410
    (note,) = world.notes.noted
    assert (note.type, note.outcome, note.account_id) == (EventType.DOWNLOAD_REFUSED, "gone", ALICES)


def test_e3_a_wrong_pin_is_noted_and_one_that_is_locked_out(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    user = give_pin(world, alice)
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(replace(download, pin=verifier_for(world, download.pin_holder)))
    path = f"/public/downloads/{key_to(world, download)}"
    asks: dict[str, Callable[[], Answer]] = {
        "download": lambda: api.post(path, {"pin": "0000"}),
        "user": lambda: api.post("/keys", {"pin": "0000"}, token=alice.text),
    }
    whose = {"download": (ALICES, download.id), "user": (alice.account_id, user.id)}
    for kind, ask in asks.items():
        world.notes.noted.clear()
        assert [ask().status for _ in range(MAX_TRIES + 1)] == [422] * MAX_TRIES + [429]
        *refused, locked = world.notes.noted
        assert [(note.type, note.outcome) for note in refused] == [(EventType.PIN_REFUSED, "invalid")] * MAX_TRIES
        assert (locked.type, locked.outcome) == (EventType.PIN_LOCKED, "pin_locked")
        account_id, holder_id = whose[kind]
        assert {note.account_id for note in world.notes.noted} == {account_id}
        assert [note.subject for note in world.notes.noted] == [{kind: holder_id}] * (MAX_TRIES + 1)
    world.notes.noted.clear()
    assert api.patch("/user", {"pin": None, "current_pin": "0000"}, token=alice.text).status == 429
    assert [note.type for note in world.notes.noted] == [EventType.PIN_LOCKED]


# --- E4 --------------------------------------------------------------------------------------------------------------


def test_e4_who_and_where_from_are_not_the_callers_to_say(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    headers = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Request-Id": "mine",
        "X-User-Id": "mine",
        "Forwarded": "for=1.1.1.1",
    }
    answer = api.get("/user", token=alice.text, headers=headers, source_ip="2001:db8::1:2:3")
    act = world.acts[-1]
    assert (act.actor, act.user_id, act.token_id) == (Actor.USER, alice.token.user_id, alice.token.id)
    assert (act.ip, act.request_id, act.at) == ("2001:db8::1:2:3", answer.headers["x-request-id"], NOW)
    assert act.request_id != "mine"


def test_e4_who_shows_no_token_is_nobody(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(download)
    text = key_to(world, download)
    api.post(f"/public/downloads/{text}", token=alice.text)  # not asked for, so not looked at
    act = world.acts[-1]
    assert (act.actor, act.user_id, act.token_id) == (Actor.PERFORMER, None, None)


# --- E5 --------------------------------------------------------------------------------------------------------------


def test_e5_every_end_of_a_chain_is_signed() -> None:
    macs, events = FakeMacs(), FakeEvents()
    change = Change("e", "1", NOW, "FILE#1", "FILE", None, {}, expired=False)
    for number in range(3):
        record_events(
            [replace(change, id=str(number))],
            NOW,
            kept_for=timedelta(days=1),
            read_events=lambda told: [an_event(id=told.id)],
            events=events,
            sign_head=macs.derive,
        )
        head = events.heads[ALICES]
        assert head.sequence == number + 1
        assert events.signatures[ALICES] == macs.derive(head.message)
        assert events.signatures[ALICES] != macs.derive(replace(head, sequence=9).message)


def test_e5_one_function_may_write_the_log_and_sign_it() -> None:
    """Whoever has taken the API has not taken its log."""
    policies = {
        name: resource["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for name, resource in load(PERMISSIONS)["Resources"].items()
    }

    def allowed(thing: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, statements in policies.items():
            for statement in statements:
                if thing in str(statement["Resource"]):
                    actions = statement["Action"]
                    found.setdefault(name, set()).update([actions] if isinstance(actions, str) else actions)
        return found

    assert allowed("EventsKey") == {"OnChangeRole": {"kms:GenerateMac"}}
    assert allowed("EventsTable") == {
        "ApiHandlerRole": {"dynamodb:Query"},
        "OnChangeRole": {"dynamodb:GetItem", "dynamodb:PutItem"},
        "PrivacyRole": {"dynamodb:Query"},
    }


# --- E6 --------------------------------------------------------------------------------------------------------------


def test_e6_names_do_not_go_into_the_log() -> None:
    from chalicelib.adapters.dynamo_files import to_item
    from chalicelib.adapters.event_rules import read_events

    file = a_ready_file(filename="secret plans.pdf")
    before, after = to_item(file), to_item(replace(file, filename="other plans.pdf"))
    told = read_events(Change("e", "1", NOW, before["pk"], "FILE", before, after, expired=False))
    told = [*told, *read_events(Change("f", "1", NOW, before["pk"], "FILE", None, before, expired=False))]
    assert [event.type for event in told] == ["file.renamed", "file.created", "file.ready"]
    assert "plans" not in str(told)
