"""/mails and /inbox through the app: what goes in, what comes out, for both sides."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.mail import IDENTIFIER_ALPHABET
from chalicelib.services.deliver_mail import deliver_mail
from tests.support.app_client import AppClient
from tests.support.builders import (
    NOW,
    PIN,
    Caller,
    a_mail,
    a_ready_file,
    delivering,
    give_pin,
    stored,
    stored_mail,
)
from tests.support.clock import Clock
from tests.support.fake_mails import WEB_URL
from tests.support.fakes import FakeWorld, raises


class Mailroom:
    """Alice sends; Bob, who is a user, and Carol, who is none, receive."""

    def __init__(self, world: FakeWorld, api: AppClient, alice: Caller, bob: Caller) -> None:
        self.world, self.stranger = world, api
        self.alice, self.bob = api.with_token(alice.text), api.with_token(bob.text)
        self.file = stored(world, a_ready_file(account_id=alice.account_id))

    def order(self, **changes: Any) -> dict[str, Any]:
        recipients = [{"email": "Bob@Example.com", "name": "Bob Baker"}, {"email": "carol@example.net"}]
        order = {"recipients": recipients, "subject": "Your invoice", "body": "<p>Hi <img src=x>"}
        order |= {"files": [self.file.id]}
        return {name: value for name, value in (order | changes).items() if value is not ...}

    def send(self, **changes: Any) -> list[Any]:
        answer = self.alice.post("/mails", self.order(**changes))
        assert answer.status == 201, answer.text
        sent: list[Any] = answer.data
        return sent

    def refusal(self, **changes: Any) -> dict[str, list[str]]:
        answer = self.alice.post("/mails", self.order(**changes))
        assert answer.status == 422, answer.text
        assert not self.world.mails.records
        errors: dict[str, list[str]] = answer.json["errors"]
        return errors

    def deliver(self) -> None:
        for mail_id in self.world.mail_queue.to_deliver:
            deliver_mail(mail_id, WEB_URL, NOW, **delivering(self.world))

    def key(self) -> str:
        """Of the last e-mail with a link."""
        links = [told.link for told in self.world.mailer.sent if told.link]
        return links[-1].partition("#")[2]


@pytest.fixture
def room(world: FakeWorld, api: AppClient, alice: Caller, bob: Caller) -> Mailroom:
    return Mailroom(world, api, alice, bob)


class TestSending:
    def test_one_mail_for_each_recipient(self, room: Mailroom) -> None:
        bobs, carols = room.send()
        assert set(bobs["identifier"]) <= set(IDENTIFIER_ALPHABET)
        assert bobs == {
            "id": bobs["id"],
            "identifier": bobs["identifier"],
            "subject": "Your invoice",
            "sender": {"name": "Alice Archer", "email": "alice@example.com"},
            "recipient": {
                "name": "Bob Baker",
                "initials": "BB",
                "email": "Bob@Example.com",
                "photo_url": None,
                "timezone": None,
            },
            "recipient_email": "Bob@Example.com",
            "created_at": "2026-03-01T12:00:00.000000Z",
            "sent_at": None,
            "status": "queued",
            "failed_reason": None,
            "opened_at": None,
            "expires_at": "2026-03-15T12:00:00.000000Z",
            "revoked_at": None,
            "max_downloads": 10,
            "pin_required": False,
            "download_id": bobs["download_id"],
        }
        assert (carols["recipient"]["name"], carols["recipient"]["initials"]) == ("carol@example.net", "C")

    def test_what_can_be_chosen(self, room: Mailroom) -> None:
        chosen = {"expires_at": "2026-03-02T00:00:00Z", "max_downloads": 1, "pin": "1a2s3d"}
        for mail in room.send(**chosen):
            assert (mail["expires_at"], mail["max_downloads"]) == ("2026-03-02T00:00:00.000000Z", 1)
            assert mail["pin_required"] is True

    def test_fifty_at_most_and_one_at_least(self, room: Mailroom) -> None:
        many = [{"email": f"{number}@example.net"} for number in range(51)]
        assert len(room.send(recipients=many[:50])) == 50
        room.world.mails.records.clear()
        assert list(room.refusal(recipients=many)) == ["recipients"]
        assert list(room.refusal(recipients=[])) == ["recipients"]

    @pytest.mark.parametrize("name", ["recipients", "subject", "body", "files"])
    def test_what_is_required(self, room: Mailroom, name: str) -> None:
        assert room.refusal(**{name: ...}) == {name: ["This field is required."]}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"subject": ""}, "subject"),
            ({"subject": "   "}, "subject"),
            ({"subject": "x" * 201}, "subject"),
            ({"subject": "one\r\nBcc: x@example.net"}, "subject"),
            ({"subject": "one\u2028two"}, "subject"),
            ({"subject": "invoice\u202efdp.exe"}, "subject"),
            ({"body": "x" * 50_001}, "body"),
            ({"body": "&" * 50_000}, "body"),
            ({"body": None}, "body"),
            ({"files": []}, "files"),
            ({"files": ["x"] * 101}, "files"),
            ({"files": ["x"]}, "files.0"),
            ({"max_downloads": 0}, "max_downloads"),
            ({"max_downloads": 101}, "max_downloads"),
            ({"max_downloads": "10"}, "max_downloads"),
            ({"expires_at": "2026-03-01T12:00:00Z"}, "expires_at"),
            ({"expires_at": "2026-05-30T12:00:01Z"}, "expires_at"),
            ({"expires_at": "tomorrow"}, "expires_at"),
            ({"pin": "123"}, "pin"),
            ({"pin": "1" * 65}, "pin"),
            ({"recipients": [{"email": "nobody"}]}, "recipients.0.email"),
            ({"recipients": [{"email": "a@b.example\r\nBcc: x@example.net"}]}, "recipients.0.email"),
            ({"recipients": [{"email": "a@b.example", "name": "A\nB"}]}, "recipients.0.name"),
            ({"recipients": [{"email": "a@b.example", "cc": "x"}]}, "recipients.0.cc"),
            ({"recipients": [{"email": "a@b.example"}, {"email": "A@B.example"}]}, "recipients.1.email"),
        ],
    )
    def test_what_is_refused(self, room: Mailroom, changes: dict[str, Any], field: str) -> None:
        assert list(room.refusal(**changes)) == [field]

    def test_a_queue_that_takes_nothing_is_logged_and_no_error(
        self, room: Mailroom, capsys: pytest.CaptureFixture[str]
    ) -> None:
        room.world.mail_queue.before("deliver", raises(Busy(reason="throttled")))
        assert len(room.send()) == 2
        assert "mails_not_queued" in capsys.readouterr().out


class TestSendersSide:
    def test_a_list_has_no_bodies(self, room: Mailroom) -> None:
        room.send()
        rows = room.alice.get("/mails").data
        assert len(rows) == 2
        assert not any({"body", "download", "author"} & set(row) for row in rows)

    def test_one_has_its_body_sanitised(self, room: Mailroom) -> None:
        mail = room.send()[0]
        assert room.alice.get(f"/mails/{mail['id']}").data == mail | {"body": "<p>Hi </p>"}

    @pytest.mark.parametrize("path", ["/mails", "/mails/{id}"])
    def test_include(self, room: Mailroom, path: str) -> None:
        mail = room.send()[0]

        def ask(include: str) -> Any:
            data = room.alice.get(path.format(**mail), query={"include": include}).data
            return next(row for row in data if row["id"] == mail["id"]) if isinstance(data, list) else data

        author = {"name": "Alice Archer", "initials": "AA", "email": "alice@example.com", "photo_url": None}
        assert ask("author")["author"] == author | {"timezone": "UTC"}
        download = ask("download,author")["download"]
        assert (download["id"], download["uses_left"], "files" in download) == (mail["download_id"], 10, False)
        (file,) = ask("download.files")["download"]["files"]
        assert (file["id"], file["full_filename"]) == (room.file.id, "invoice.pdf")

    @pytest.mark.parametrize("include", ["", "files", "download,", "author,body", "Download"])
    def test_include_of_what_there_is_not(self, room: Mailroom, include: str) -> None:
        answer = room.alice.get("/mails", query={"include": include})
        assert (answer.status, [name.partition(".")[0] for name in answer.json["errors"]]) == (422, ["include"])

    @pytest.mark.parametrize("field", ["created_at", "sent_at", "subject", "recipient_email"])
    def test_each_order_both_ways(self, room: Mailroom, field: str) -> None:
        for number, email in enumerate(["c@example.net", "A@example.net", "b@example.net"]):
            mail = a_mail(
                account_id=room.file.account_id,
                subject=f"{3 - number} subject",
                recipient=replace(a_mail().recipient, email=email),
                created_at=NOW + timedelta(seconds=number),
                sent_at=NOW - timedelta(seconds=number),
            )
            stored_mail(room.world, mail)
        rows = room.alice.get("/mails", query={"sort": field}).data
        assert [row[field].lower() for row in rows] == sorted(row[field].lower() for row in rows)
        back = room.alice.get("/mails", query={"sort": f"-{field}"}).data
        assert [row["id"] for row in back] == [row["id"] for row in reversed(rows)]

    def test_pages(self, room: Mailroom) -> None:
        room.send(recipients=[{"email": f"{number}@example.net"} for number in range(5)])
        seen, cursor = [], None
        while True:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = room.alice.get("/mails", query=query).json
            seen += [row["recipient_email"] for row in page["data"]]
            cursor = page["meta"]["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == [f"{number}@example.net" for number in range(5)]

    @pytest.mark.parametrize(
        ("keyword", "found"),
        [
            ("INVOICE", ["bob@example.com", "carol@example.net"]),
            ("b@example.c", ["bob@example.com"]),
            ("baker", ["bob@example.com"]),
            ("archer", ["bob@example.com", "carol@example.net"]),
            ("nothing", []),
        ],
    )
    def test_keyword(self, room: Mailroom, keyword: str, found: list[str]) -> None:
        room.send()
        rows = room.alice.get("/mails", query={"keyword": keyword, "sort": "recipient_email"}).data
        assert [row["recipient_email"].lower() for row in rows] == found

    def test_keyword_identifier(self, room: Mailroom) -> None:
        mail = room.send()[0]
        (row,) = room.alice.get("/mails", query={"keyword": mail["identifier"].lower()}).data
        assert row["id"] == mail["id"]

    def test_a_page_with_many_files_goes_on_where_it_was_cut(self, room: Mailroom) -> None:
        files = [stored(room.world, a_ready_file(account_id=room.file.account_id)).id for _ in range(100)]
        room.send(recipients=[{"email": f"{number}@example.net"} for number in range(12)], files=files)
        first = room.alice.get("/mails", query={"include": "download.files"}).json
        query = {"include": "download.files", "cursor": first["meta"]["next_cursor"]}
        second = room.alice.get("/mails", query=query).json
        assert (len(first["data"]), len(second["data"]), second["meta"]["next_cursor"]) == (10, 2, None)
        assert len({row["id"] for row in first["data"] + second["data"]}) == 12

    def test_revoking(self, room: Mailroom) -> None:
        mail = room.send()[0]
        for _ in range(2):
            assert room.alice.delete(f"/mails/{mail['id']}").status == 204
        assert room.alice.get(f"/mails/{mail['id']}").data["revoked_at"] == "2026-03-01T12:00:00.000000Z"


class TestByLink:
    def test_the_link_shows_the_mail_and_opens_it(self, room: Mailroom, clock: Clock) -> None:
        mail = room.send()[1]
        room.deliver()
        clock.tick(hours=1)
        shown = room.stranger.get(f"/public/downloads/{room.key()}").data
        assert shown["mail"] == {
            "identifier": mail["identifier"],
            "subject": "Your invoice",
            "body": "<p>Hi </p>",
        }
        assert shown["sender"] == {"name": "Alice Archer", "email": "alice@example.com"}
        assert (shown["uses_left"], [file["id"] for file in shown["files"]]) == (10, [room.file.id])
        assert room.alice.get(f"/mails/{mail['id']}").data["opened_at"] == "2026-03-01T13:00:00.000000Z"

    def test_performing_shows_it_too(self, room: Mailroom) -> None:
        mail = room.send()[1]
        room.deliver()
        performed = room.stranger.post(f"/public/downloads/{room.key()}").data
        assert performed["mail"]["body"] == "<p>Hi </p>"
        assert performed["uses_left"] == 9
        again = room.stranger.post(f"/public/downloads/{room.key()}", {"session": performed["session"]}).data
        assert "mail" not in again
        assert room.alice.get(f"/mails/{mail['id']}").data["opened_at"]

    def test_with_a_pin_nothing_is_shown_before_it_is_right(self, room: Mailroom) -> None:
        mail = room.send(pin=PIN)[1]
        room.deliver()
        assert room.world.mailer.sent[-1].pin_required
        shown = room.stranger.get(f"/public/downloads/{room.key()}").data
        assert shown["pin_required"] is True
        assert not {"mail", "files"} & set(shown)
        assert room.stranger.post(f"/public/downloads/{room.key()}", {"pin": "wrong"}).status == 422
        assert room.alice.get(f"/mails/{mail['id']}").data["opened_at"] is None
        performed = room.stranger.post(f"/public/downloads/{room.key()}", {"pin": PIN})
        assert performed.data["mail"]["body"] == "<p>Hi </p>"
        assert room.alice.get(f"/mails/{mail['id']}").data["opened_at"]

    def test_a_mark_that_cannot_be_made_spends_nothing(self, room: Mailroom) -> None:
        mail = room.send()[1]
        room.deliver()
        room.world.mails.before("save", raises(Busy(retry_after_seconds=2)))
        assert room.stranger.post(f"/public/downloads/{room.key()}").status == 503
        assert room.world.downloads.records[mail["download_id"]].uses_left == 10


class TestInbox:
    def test_a_list(self, room: Mailroom) -> None:
        mail = room.send()[0]
        room.deliver()
        (row,) = room.bob.get("/inbox").data
        assert row == {
            "id": mail["id"],
            "identifier": mail["identifier"],
            "subject": "Your invoice",
            "sender": {"name": "Alice Archer", "email": "alice@example.com"},
            "received_at": "2026-03-01T12:00:00.000000Z",
            "opened": False,
            "expires_at": "2026-03-15T12:00:00.000000Z",
            "revoked_at": None,
            "pin_required": False,
            "download_id": mail["download_id"],
        }
        assert room.alice.get("/inbox").data == []

    def test_reading_marks_it_on_both_sides(self, room: Mailroom, clock: Clock) -> None:
        mail = room.send()[0]
        room.deliver()
        for _ in range(2):
            clock.tick(hours=1)
            read = room.bob.get(f"/inbox/{mail['id']}").data
            assert (read["body"], read["opened"]) == ("<p>Hi </p>", True)
        assert room.bob.get("/inbox").data[0]["opened"] is True
        assert room.alice.get(f"/mails/{mail['id']}").data["opened_at"] == "2026-03-01T13:00:00.000000Z"

    def test_with_a_pin_it_is_read_once_that_was_given(self, room: Mailroom) -> None:
        mail = room.send(pin=PIN)[0]
        room.deliver()
        read = room.bob.get(f"/inbox/{mail['id']}").data
        assert (read["subject"], read["pin_required"], read["body"], read["opened"]) == (
            "Your invoice",
            True,
            None,
            False,
        )
        key = room.bob.post(f"/downloads/{mail['download_id']}/keys").data["key"]
        assert room.stranger.post(f"/public/downloads/{key}", {"pin": "wrong"}).status == 422
        assert room.bob.get(f"/inbox/{mail['id']}").data["body"] is None
        assert room.stranger.post(f"/public/downloads/{key}", {"pin": PIN}).data["mail"]["body"] == "<p>Hi </p>"
        read = room.bob.get(f"/inbox/{mail['id']}").data
        assert (read["body"], read["opened"]) == ("<p>Hi </p>", True)

    def test_without_its_files_it_is_read_and_not_opened(self, room: Mailroom) -> None:
        """Its link would be dead."""
        mail = room.send()[0]
        room.deliver()
        room.alice.delete(f"/files/{room.file.id}")
        read = room.bob.get(f"/inbox/{mail['id']}").data
        assert (read["body"], read["opened"]) == ("<p>Hi </p>", False)
        assert room.alice.get(f"/mails/{mail['id']}").data["opened_at"] is None

    @pytest.mark.parametrize("path", ["/inbox", "/inbox/{id}"])
    def test_include(self, room: Mailroom, path: str) -> None:
        mail = room.send()[0]
        room.deliver()
        query = {"include": "author,download,download.files"}
        data = room.bob.get(path.format(**mail), query=query).data
        row = data[0] if isinstance(data, list) else data
        assert row["author"]["email"] == "alice@example.com"
        assert row["download"]["files"][0]["full_filename"] == "invoice.pdf"
        room.alice.delete(f"/mails/{mail['id']}")
        data = room.bob.get(path.format(**mail), query=query).data
        assert (data[0] if isinstance(data, list) else data)["download"] is None

    @pytest.mark.parametrize("field", ["received_at", "subject", "created_by_email"])
    def test_each_order_both_ways(self, room: Mailroom, field: str) -> None:
        for subject in ("b", "A", "c"):
            room.send(subject=subject, recipients=[{"email": "bob@example.com"}])
        room.deliver()
        rows = room.bob.get("/inbox", query={"sort": field}).data
        back = room.bob.get("/inbox", query={"sort": f"-{field}"}).data
        assert [row["id"] for row in back] == [row["id"] for row in reversed(rows)]
        if field == "subject":
            assert [row["subject"] for row in rows] == ["A", "b", "c"]

    @pytest.mark.parametrize(("keyword", "count"), [("your inv", 1), ("ALICE@", 1), ("archer", 1), ("bob", 0)])
    def test_keyword(self, room: Mailroom, keyword: str, count: int) -> None:
        mail = room.send()[0]
        room.deliver()
        assert len(room.bob.get("/inbox", query={"keyword": keyword}).data) == count
        assert len(room.bob.get("/inbox", query={"keyword": mail["identifier"]}).data) == 1

    def test_hiding(self, room: Mailroom) -> None:
        mail = room.send()[0]
        room.deliver()
        assert room.bob.delete(f"/inbox/{mail['id']}").status == 204
        assert room.bob.get("/inbox").data == []
        assert room.bob.delete(f"/inbox/{mail['id']}").status == 404
        assert room.alice.get(f"/mails/{mail['id']}").data["status"] == "success"

    def test_its_files_by_a_key(self, room: Mailroom) -> None:
        mail = room.send()[0]
        room.deliver()
        made = room.bob.post(f"/downloads/{mail['download_id']}/keys")
        assert made.status == 201
        assert room.stranger.post(f"/public/downloads/{made.data['key']}").data["uses_left"] == 9
        assert room.bob.get("/inbox").data[0]["opened"] is True

    def test_a_user_who_has_a_pin_shows_a_key_of_it(self, room: Mailroom, bob: Caller) -> None:
        mail = room.send()[0]
        room.deliver()
        give_pin(room.world, bob)
        path = f"/downloads/{mail['download_id']}/keys"
        assert room.bob.post(path).status == 422
        pin_key = room.bob.post("/keys", {"pin": PIN}).data["key"]
        assert room.bob.post(path, {"pinKey": pin_key}).status == 201
