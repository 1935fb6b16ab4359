"""What runs without an HTTP request, through the functions that Lambda calls."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import app as table_of_contents
from chalicelib.domain.errors import Busy
from chalicelib.domain.file import PENDING_SILENCE, Status
from chalicelib.routes import triggers
from tests.support.app_client import LambdaContext
from tests.support.builders import NOW, a_file, a_ready_file, new_id, stored
from tests.support.clock import Clock
from tests.support.fakes import FakeWorld, raises

CONTEXT = LambdaContext("11111111-2222-4333-8444-555555555555")
SCHEDULED = {
    "version": "0",
    "account": "000000000000",
    "region": "eu-west-1",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-03-01T12:00:00Z",
    "id": "x",
    "resources": [],
}


def s3_event(key: str, bucket: str = "bucket", **changes: Any) -> dict[str, Any]:
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 5, "etag": "x"}, "reason": "PutObject"}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail} | changes


def deliver(*bodies: Any) -> list[str]:
    """Answers the ids of the messages that come again."""
    records = [
        {
            "messageId": f"m{number}",
            "receiptHandle": "r",
            "body": body if isinstance(body, str) else json.dumps(body),
        }
        for number, body in enumerate(bodies)
    ]
    answer = table_of_contents.on_upload({"Records": records}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture(autouse=True)
def _ruled(world: FakeWorld, clock: Clock) -> None:
    """Every test here has the fakes and a clock."""


class TestOnUpload:
    def test_each_message_succeeds_or_fails_alone(self, world) -> None:
        good = [stored(world, a_file()) for _ in range(3)]
        world.objects.before("head", lambda: None, raises(Busy()))
        failed = deliver(*(s3_event(file.object_key) for file in good))
        assert failed == ["m1"]
        statuses = [world.files.find(file.id).status for file in good]
        assert statuses == [Status.READY, Status.PENDING, Status.READY]
        assert deliver(s3_event(good[1].object_key)) == []
        assert world.files.find(good[1].id).status is Status.READY

    @pytest.mark.parametrize(
        "poison",
        [
            "",
            "{",
            "[]",
            "null",
            "\x00",
            "[" * 50_000,
            {"Records": []},
            s3_event(f"files/{new_id()}", bucket="another"),
            s3_event(f"files/{new_id()}", source="my.app"),
            s3_event(f"files/{new_id()}", **{"detail-type": "Object Deleted"}),
            s3_event("files/"),
            s3_event("files/x"),
            s3_event(new_id()),
            s3_event(f"backup/files/{new_id()}"),
            s3_event(f"files/{new_id()}/x"),
            s3_event(f"files/{new_id().upper()}"),
            s3_event(f"files/../{new_id()}"),
            s3_event("files/%2e%2e"),
            s3_event(5),
            s3_event(None),
        ],
    )
    def test_u7_what_is_not_ours_goes_to_the_dead_letters_and_touches_nothing(self, world, poison) -> None:
        file = stored(world, a_file())
        assert deliver(poison, s3_event(file.object_key)) == ["m0"]
        assert world.files.find(file.id).status is Status.READY
        assert set(world.objects.calls) <= {"head"}

    def test_u7_the_event_is_not_believed(self, world) -> None:
        """It names a size; what S3 has is what counts."""
        file = stored(world, a_file(), b"hell")
        assert deliver(s3_event(file.object_key)) == []
        assert world.files.find(file.id).status is Status.REJECTED

    def test_a_key_that_is_url_encoded(self, world) -> None:
        file = stored(world, a_file())
        assert deliver(s3_event(file.object_key.replace("/", "%2F"))) == []
        assert world.files.find(file.id).status is Status.READY

    def test_s1_the_log_tells_which_message_failed_and_where_but_not_what_it_held(self, capsys) -> None:
        deliver("sdt_secret")
        line = json.loads(capsys.readouterr().out)
        assert (line["event"], line["message_id"], line["error"]) == ("upload_event_failed", "m0", "NotOurUploadEvent")
        assert "sdt_secret" not in json.dumps(line)


class TestSweep:
    def test_it_says_what_it_did(self, world, capsys) -> None:
        stored(world, a_ready_file(expires_at=NOW))
        stored(world, a_ready_file(expires_at=NOW))
        world.objects.before("delete_versions", raises(Busy(reason="throttled")))
        answer = table_of_contents.sweep(SCHEDULED, CONTEXT)
        assert answer == {
            "seen": 2,
            "ended": 1,
            "failed": 1,
            "mails_seen": 0,
            "mails_queued": 0,
            "mails_failed": 0,
        }
        failed, line, _ = map(json.loads, capsys.readouterr().out.splitlines())
        assert (failed["event"], failed["error"]) == ("sweep_failed", "Busy")
        assert (line["FilesDue"], line["FilesEnded"], line["SweepFailures"]) == (2, 1, 1)

    def test_it_ends_before_its_function_is_ended(self, world, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(9):
            stored(world, a_ready_file(expires_at=NOW))
        slow = iter(range(0, 10_000, triggers.SWEEP_SECONDS // 4))  # what the stopwatch says, each time it is asked
        monkeypatch.setattr(triggers, "time", SimpleNamespace(monotonic=lambda: next(slow)))
        answer = table_of_contents.sweep(SCHEDULED, CONTEXT)
        assert (answer["seen"], answer["ended"], answer["failed"]) == (3, 3, 0)

    def test_files_that_cannot_be_looked_for_keep_no_mails_waiting(self, world) -> None:
        world.files.before("due", raises(Busy(reason="throttled")))
        with pytest.raises(Busy):
            table_of_contents.sweep(SCHEDULED, CONTEXT)
        assert "due" in world.mails.calls

    def test_it_asks_the_clock(self, world, clock) -> None:
        file = world.files.add(a_file())
        assert table_of_contents.sweep(SCHEDULED, CONTEXT)["seen"] == 0
        clock.now = NOW + PENDING_SILENCE + timedelta(seconds=1)
        assert table_of_contents.sweep(SCHEDULED, CONTEXT)["ended"] == 1
        assert world.files.find(file.id).status is Status.REJECTED


class TestCreateUser:
    ORDER = {"email": "carol@example.com", "name": "Carol Cook"}  # noqa: RUF012 - read only

    def test_the_operator_gets_the_first_token(self, api) -> None:
        order = self.ORDER | {"timezone": "Europe/Vienna", "account_name": "Cook & Co"}
        made = table_of_contents.create_user(order, CONTEXT)
        assert set(made) == {"account_id", "user_id", "email", "name", "timezone", "token", "token_id"}
        user = api.with_token(made["token"]).get("/user").data
        assert (user["id"], user["timezone"]) == (made["user_id"], "Europe/Vienna")
        assert user["account"] == {"id": made["account_id"], "name": "Cook & Co"}
        assert user["token"]["id"] == made["token_id"]

    def test_the_time_zone_is_utc_unless_said(self) -> None:
        assert table_of_contents.create_user(self.ORDER, CONTEXT)["timezone"] == "UTC"

    @pytest.mark.parametrize(
        ("order", "field"),
        [
            ({}, "email"),
            ({"email": "x"}, "email"),
            ({"email": "a@b"}, "email"),
            ({"email": "a b@example.com"}, "email"),
            ({"email": "a@b@example.com"}, "email"),
            ({"email": "a\n@example.com"}, "email"),
            ({"email": "<a@example.com>"}, "email"),
            ({"email": "a" * 65 + "@example.com"}, "email"),
            ({"email": 5}, "email"),
            ({"name": ""}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": "x" * 121}, "name"),
            ({"timezone": "Mars/Olympus"}, "timezone"),
            ({"timezone": "../../etc/passwd"}, "timezone"),
            ({"timezone": "Europe"}, "timezone"),
            ({"timezone": ""}, "timezone"),
            ({"timezone": "\x00"}, "timezone"),
            ({"account_id": new_id()}, "account_id"),
            ({"admin": True}, "admin"),
            ({"pin": "123"}, "pin"),
            ({"pin": "12\n34"}, "pin"),
            ({"pin": 1234}, "pin"),
        ],
    )
    def test_p1_what_is_refused_and_why(self, world, order, field: str) -> None:
        error = table_of_contents.create_user((self.ORDER | order) if order else {}, CONTEXT)["error"]
        assert error["code"] == "invalid"
        assert field in error["errors"]
        assert error["request_id"] == CONTEXT.aws_request_id
        assert world.users.users == {}

    @pytest.mark.parametrize("event", [None, [], "x", 5])
    def test_p1_what_is_no_order(self, event) -> None:
        assert table_of_contents.create_user(event, CONTEXT)["error"]["code"] == "invalid"

    def test_an_address_that_is_taken(self) -> None:
        table_of_contents.create_user(self.ORDER, CONTEXT)
        again = self.ORDER | {"email": "CAROL@example.com"}
        assert table_of_contents.create_user(again, CONTEXT)["error"]["code"] == "conflict"

    def test_a_pin_that_is_told_to_nobody(self, api) -> None:
        made = table_of_contents.create_user(self.ORDER | {"pin": "sesame"}, CONTEXT)
        assert "sesame" not in json.dumps(made)
        user = api.with_token(made["token"])
        assert user.get("/user").data["has_pin"] is True
        assert user.post("/keys", {"pin": "sesame"}).status == 201

    def test_s1_the_log_holds_ids_alone(self, capsys) -> None:
        made = table_of_contents.create_user(self.ORDER | {"pin": "sesame"}, CONTEXT)
        text = capsys.readouterr().out
        assert made["user_id"] in text
        for secret in (made["token"], made["email"], made["name"], "sesame"):
            assert secret not in text
