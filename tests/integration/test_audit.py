"""From a request to the audit log: the app, DynamoDB and its stream, and the function that records.

The bucket and KMS's data keys are in memory here: what is stored and told is what is looked at.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

import app as table_of_contents
from chalicelib.adapters.event_rules import RULES
from chalicelib.bootstrap import World
from chalicelib.domain.act import Actor
from chalicelib.domain.chain import Entry
from chalicelib.domain.event import OK, About
from chalicelib.domain.file import TRASH_RETENTION
from chalicelib.routes.triggers import ChangeFailed
from infra.local.stack import EmulatedAws
from infra.verify_events import Checked, Log
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.integration.stream import CONTEXT, TableStream, events_in
from tests.support.app_client import AppClient
from tests.support.builders import NOW, Caller, a_file, a_ready_file, enrol, stored
from tests.support.clock import Clock
from tests.support.every_route import GOOD, PUBLIC, Route, name_of, send
from tests.support.fakes import FakeKeys, FakeObjects

IP = "2001:db8::7"
SCHEDULED = {
    "version": "0",
    "id": "x",
    "account": "000000000000",
    "region": "eu-west-1",
    "source": "aws.events",
    "detail": {},
    "detail-type": "Scheduled Event",
    "resources": [],
    "time": "",
}
QUIET = {  # kinds of records whose changes mean nothing by themselves
    "EMAIL/USER": "holds a user's address",
    "DOWNLOADKEY": "its download tells of it",
    "CATEGORYNAME/CATEGORY": "holds a category's name",
    "ACCOUNT/CATEGORIES": "counts categories",
    "PURSE": "counts files",
    "MAILS": "counts mails",
    "MAILBODY": "its mails tell of it",
    "CLAIM": "what it made tells of it",
    "TOKENS": "its tokens tell of it",
    "ACCOUNT/WEBHOOKS": "counts webhooks",
    "PURGED": "the tombstone of a file that told of its purge",
}
SENDERS = {("GET", "/inbox/{mail_id}")}  # routes whose effect is on another account's record, and told to that one


@pytest.fixture
def world(world: World) -> World:
    world.objects, world.keys = FakeObjects(), FakeKeys()
    return world


@pytest.fixture
def alice(world: World, clock: Clock) -> Caller:
    return enrol(world, "alice@example.com", "Alice Archer")


@pytest.fixture
def hers(api: AppClient, alice: Caller) -> AppClient:
    return AppClient(api.app, token=alice.text, source_ip=IP)


@pytest.fixture
def stream(aws: EmulatedAws, world: World, alice: Caller) -> TableStream:
    return TableStream(aws)


@pytest.fixture
def check(aws: EmulatedAws, alice: Caller) -> Callable[[], Checked]:
    """The operator's verification."""
    key = aws.env["EVENTS_KEY_ARN"]
    ports = {"dynamodb": aws.clients("dynamodb"), "kms": aws.clients("kms")}
    log = Log(alice.account_id, aws.env["EVENTS_TABLE"], key, **ports)
    return lambda: log.check([], NOW.date())


def chain_of(world: World, caller: Caller, about: About | None = None) -> list[Entry]:
    """The newest hundred, oldest first."""
    return list(world.events.page(caller.account_id, about, 100, None).rows)[::-1]


def types(entries: list[Entry]) -> list[str]:
    return [entry.event.type for entry in entries]


def kind_of(record: dict[str, Any]) -> str:
    keys = record["dynamodb"]["Keys"]
    prefix, sort_key = keys["pk"]["S"].partition("#")[0], keys["sk"]["S"]
    return prefix if prefix == sort_key else f"{prefix}/{sort_key}"


@pytest.mark.parametrize("route", GOOD, ids=name_of)
def test_e3_every_route_that_changes_something_is_told_with_who_did_it(
    world: World, stream: TableStream, hers: AppClient, alice: Caller, route: Route
) -> None:
    good = GOOD[route](world, alice)
    stream.records()
    answer = send(hers.with_token(None) if route in PUBLIC else hers, route, good)
    assert answer.status == good.status
    records = stream.records()
    assert {kind_of(record) for record in records} <= {*RULES, "NOTE", *QUIET}, (
        "say what a change of this record means to the audit log, or that it is quiet"
    )
    events = events_in(records)
    if route[0] != "GET":
        assert events
    for event in events:
        assert (event.account_id == alice.account_id) == (route not in SENDERS)
        assert event.act.request_id == answer.headers["x-request-id"]
        assert (event.act.ip, event.act.at, event.outcome) == (IP, NOW, OK)
        if route in PUBLIC | SENDERS:
            assert (event.act.actor, event.act.user_id, event.act.token_id) == (Actor.PERFORMER, None, None)
        else:
            assert event.act.actor is Actor.USER
            assert (event.act.user_id, event.act.token_id) == (alice.token.user_id, alice.token.id)


def journey(world: World, hers: AppClient) -> str:
    """A file's whole life; answers its id."""
    file_id = hers.post("/files", {"filename": "secret plans.pdf", "size": 5}).data["id"]
    world.objects.put(f"files/{file_id}", b"hello")
    hers.post(f"/files/{file_id}/parts", {"parts": [{"number": 1}]})
    hers.post(f"/files/{file_id}/complete", {})
    download_id = hers.post("/downloads", {"files": [file_id]}).data["id"]
    key = hers.post(f"/downloads/{download_id}/keys", {}).data["key"]
    anyone = hers.with_token(None)
    session = anyone.post(f"/public/downloads/{key}").data["session"]
    assert anyone.post(f"/public/downloads/{key}", {"session": session}).status == 200
    assert anyone.post(f"/public/downloads/{key}").status == 410
    hers.patch(f"/files/{file_id}", {"filename": "other.pdf", "trashed": True})
    hers.patch(f"/files/{file_id}", {"trashed": False})
    hers.delete(f"/files/{file_id}", query={"permanent": "true"})
    return file_id


JOURNEY = [
    "file.created",
    "upload.signed",
    "file.ready",
    "download.created",
    "download.keyed",
    "download.performed",
    "download.resumed",
    "download.refused",
    "file.renamed",
    "file.trashed",
    "file.restored",
    "file.purged",
]


def test_a_journey(
    world: World, stream: TableStream, hers: AppClient, alice: Caller, check: Callable[[], Checked]
) -> None:
    file_id = journey(world, hers)
    stream.deliver()
    entries = chain_of(world, alice)
    assert types(entries) == JOURNEY
    assert [entry.sequence for entry in entries] == list(range(1, len(JOURNEY) + 1))
    assert {entry.event.act.ip for entry in entries} == {IP}
    (refused,) = [entry.event for entry in entries if entry.event.outcome != OK]
    assert (refused.type, refused.outcome, refused.detail) == ("download.refused", "gone", {"reason": "spent"})
    of_file = chain_of(world, alice, About("file", file_id))
    assert types(of_file) == [event for event in JOURNEY if event not in {"download.keyed", "download.refused"}]
    assert check() == Checked(len(JOURNEY), world.events.head(alice.account_id), [])


def test_e6_no_event_holds_a_name_a_key_or_a_session(
    world: World, stream: TableStream, hers: AppClient, aws: EmulatedAws
) -> None:
    answers: list[str] = []
    original = AppClient.send

    def remember(client: AppClient, event: dict[str, Any]) -> Any:
        answer = original(client, event)
        answers.append(answer.text)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AppClient, "send", remember)
        journey(world, hers)
    stream.deliver()
    items = str(aws.clients("dynamodb").scan(TableName=aws.env["EVENTS_TABLE"])["Items"])
    everything = "".join(answers)
    assert "download.performed" in items
    for secret in ("secret plans", "other.pdf", "Alice", "alice@", hers.token, "X-Amz"):
        assert secret not in items
    keys = re.findall(r'"(?:key|session)":"([^"]+)"', everything)
    assert len(keys) >= 2
    assert not [key for key in keys if key in items]


@pytest.mark.parametrize("seed", range(5))
def test_e3_told_twice_and_in_any_order_of_records_it_is_the_same_once(
    world: World, stream: TableStream, hers: AppClient, alice: Caller, check: Callable[[], Checked], seed: int
) -> None:
    """As Lambda may: batches cut anywhere and told again, changes of different records overtaking each other."""
    journey(world, hers)
    chance = random.Random(seed)  # noqa: S311 - no secret
    by_record: dict[str, list[Any]] = {}
    for record in stream.records():
        by_record.setdefault(str(record["dynamodb"]["Keys"]), []).append(record)
    lanes = list(by_record.values())
    while lanes:
        lane = chance.choice(lanes)
        size = chance.randint(1, len(lane))
        stream.deliver(lane[:size])
        done = chance.randint(0, size)  # the rest is told again
        del lane[:done]
        lanes = [left for left in lanes if left]
    entries = chain_of(world, alice)
    assert sorted(types(entries)) == sorted(JOURNEY)
    of_file = [event for event in types(entries) if event.startswith("file.")]
    assert of_file == [event for event in JOURNEY if event.startswith("file.")]
    assert check().problems == []


CALLS = ("dynamodb.GetItem", "kms.GenerateMac", "dynamodb.TransactWriteItems")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_e3_a_function_that_dies_at_any_call_loses_nothing_and_doubles_nothing(
    world: World,
    stream: TableStream,
    hers: AppClient,
    alice: Caller,
    check: Callable[[], Checked],
    hooks: Hooks,
    call: str,
    moment: str,
) -> None:
    journey(world, hers)
    records = stream.records()

    def die(**_: Any) -> None:
        raise KeyboardInterrupt  # nobody catches this, as nobody catches the end of a container

    client = world._client(call.partition(".")[0])
    event = f"{'before-call' if moment == 'before' else 'after-call'}.{call}"
    client.meta.events.register(event, die, unique_id="die")
    try:
        with pytest.raises(KeyboardInterrupt):
            table_of_contents.on_change({"Records": records}, CONTEXT)
    finally:
        client.meta.events.unregister(event, unique_id="die")
    stream.deliver(records)
    assert types(chain_of(world, alice)) == JOURNEY
    assert check().problems == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("call", CALLS)
def test_e3_aws_in_trouble_only_delays(
    world: World, stream: TableStream, hers: AppClient, alice: Caller, hooks: Hooks, call: str
) -> None:
    journey(world, hers)
    records = stream.records()
    hooks.break_line(call, BROKEN_LINES["no answer in time"])
    quiet = next(record for record in records if not events_in([record]))  # such as the token's use
    others = [record for record in records if record is not quiet and events_in([record])]
    reported = table_of_contents.on_change({"Records": [quiet, *others]}, CONTEXT)["batchItemFailures"]
    assert reported == [{"itemIdentifier": others[0]["dynamodb"]["SequenceNumber"]}]
    with pytest.raises(ChangeFailed):
        table_of_contents.on_change({"Records": others}, CONTEXT)
    hooks.remove_all()
    stream.deliver(records)
    assert types(chain_of(world, alice)) == JOURNEY


@pytest.mark.usefixtures("impatient")
def test_e3_when_an_access_cannot_be_noted_it_is_refused(
    world: World, stream: TableStream, hers: AppClient, alice: Caller, hooks: Hooks
) -> None:
    file = stored(world, a_ready_file(account_id=alice.account_id))
    download_id = hers.post("/downloads", {"files": [file.id]}).data["id"]
    key = hers.post(f"/downloads/{download_id}/keys", {}).data["key"]
    anyone = hers.with_token(None)
    session = anyone.post(f"/public/downloads/{key}").data["session"]
    hooks.refuse("dynamodb.PutItem", "ThrottlingException")
    assert anyone.post(f"/public/downloads/{key}", {"session": session}).status == 503
    pending = world.files.find(file.id)
    assert pending is not None
    hooks.remove_all()
    assert anyone.post(f"/public/downloads/{key}", {"session": session}).status == 200
    assert [event.type for event in events_in(stream.records())].count("download.resumed") == 1


@pytest.mark.usefixtures("impatient")
def test_a_refusal_stands_also_when_it_cannot_be_noted(
    hers: AppClient, hooks: Hooks, world: World, alice: Caller
) -> None:
    file = stored(world, a_ready_file(account_id=alice.account_id))
    download_id = hers.post("/downloads", {"files": [file.id]}).data["id"]
    key = hers.post(f"/downloads/{download_id}/keys", {}).data["key"]
    hers.with_token(None).post(f"/public/downloads/{key}")
    hooks.refuse("dynamodb.PutItem", "ThrottlingException")
    assert hers.with_token(None).post(f"/public/downloads/{key}").status == 410


class TestWithoutARequest:
    def test_the_operator(self, stream: TableStream) -> None:
        order = {"email": "carol@example.com", "name": "Carol Cook"}
        made = table_of_contents.create_user(order, CONTEXT)
        events = events_in(stream.records())
        assert sorted(event.type for event in events) == ["account.created", "token.created", "user.created"]
        assert {event.account_id for event in events} == {made["account_id"]}
        assert {(event.act.actor, event.act.request_id) for event in events} == {
            (Actor.OPERATOR, CONTEXT.aws_request_id)
        }

    def test_s3s_event(self, world: World, stream: TableStream) -> None:
        file = stored(world, a_file())
        detail = {"bucket": {"name": world.settings.files_bucket}, "object": {"key": file.object_key}}
        body = json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
        message = {"messageId": "m1", "receiptHandle": "r", "body": body}
        stream.records()
        table_of_contents.on_upload({"Records": [message]}, CONTEXT)
        (event,) = events_in(stream.records())
        assert (event.type, event.act.actor, event.act.request_id) == ("file.ready", Actor.UPLOAD_EVENT, "m1")

    def test_the_sweep(self, world: World, stream: TableStream, clock: Clock) -> None:
        stored(world, a_ready_file(trashed_at=NOW))
        stream.records()
        clock.now = NOW + TRASH_RETENTION
        table_of_contents.sweep(SCHEDULED, CONTEXT)
        (event,) = events_in(stream.records())
        assert (event.type, event.act.actor, event.at) == ("file.purged", Actor.SWEEP, clock.now)

    def test_e3_who_writes_to_the_table_past_the_service_is_told_too(
        self, world: World, stream: TableStream, hers: AppClient, aws: EmulatedAws
    ) -> None:
        file_id = hers.post("/files", {"filename": "a.pdf", "size": 5}).data["id"]
        key = {"pk": {"S": f"FILE#{file_id}"}, "sk": {"S": "FILE"}}
        stream.records()
        dynamodb, table = aws.clients("dynamodb"), world.settings.metadata_table
        given = {":t": {"S": "2026-03-01T12:00:00.000000Z"}}
        dynamodb.update_item(
            TableName=table, Key=key, UpdateExpression="SET trashed_at = :t", ExpressionAttributeValues=given
        )
        dynamodb.delete_item(TableName=table, Key=key)
        events = events_in(stream.records())
        assert [event.type for event in events] == ["file.trashed", "file.erased"]
        assert {event.act.actor for event in events} == {Actor.UNKNOWN}


class TestRefusedTokens:
    def test_a_token_without_the_scope(self, stream: TableStream, hers: AppClient, alice: Caller) -> None:
        made = hers.post("/tokens", {"name": "narrow", "scopes": ["files:read"]}).data
        stream.records()
        assert hers.post("/files", {"filename": "a", "size": 1}, token=made["token"]).status == 403
        (event,) = [event for event in events_in(stream.records()) if event.type == "token.refused"]
        assert (event.outcome, event.detail) == ("missing_scope", {"reason": "lacks files:write"})
        assert event.subject == {"token": made["id"], "user": alice.token.user_id}
        assert (event.act.actor, event.act.ip) == (Actor.UNKNOWN, IP)

    def test_one_that_has_expired(self, stream: TableStream, hers: AppClient, clock: Clock) -> None:
        expiry = "2026-03-01T12:00:05Z"
        made = hers.post("/tokens", {"name": "n", "scopes": ["files:read"], "expires_at": expiry}).data
        stream.records()
        clock.now = clock.now.replace(second=6)
        assert hers.get("/files", token=made["token"]).status == 401
        (event,) = events_in(stream.records())
        assert (event.type, event.outcome, event.subject["token"]) == ("token.refused", "unauthenticated", made["id"])

    def test_one_that_nobody_has_is_nobodys_event(self, stream: TableStream, hers: AppClient) -> None:
        hers.get("/files", token="sdt_" + "0" * 49)
        hers.with_token(None).get(f"/public/downloads/{'0' * 43}")
        assert events_in(stream.records()) == []

    def test_l1_who_is_over_the_limit_is_noted_no_more(self, stream: TableStream, hers: AppClient) -> None:
        """The limiter bounds what refusals can write."""
        made = hers.post("/tokens", {"name": "narrow", "scopes": ["files:read"]}).data
        stream.records()
        statuses = [hers.get("/tokens", token=made["token"]).status for _ in range(302)]
        assert statuses[-1] == 429
        refused = [event for event in events_in(stream.records()) if event.type == "token.refused"]
        assert len(refused) == statuses.count(403) == 299
