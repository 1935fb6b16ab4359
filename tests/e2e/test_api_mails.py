"""Mails and inbox on the running stack, by raw HTTP: the documented way from file to bytes, for both readers."""

from typing import Any

import pytest

from tests.e2e.api_kit import assert_headers, assert_refused, content, eventually, fetched, keyed, perform, uploaded
from tests.e2e.conftest import Api, Stack, User
from tests.e2e.mail_kit import Outbox, link_in, mailed, settled, somebody, text_of

pytestmark = pytest.mark.e2e

DATA = content(70_000, "mailed")


@pytest.fixture(scope="module")
def outbox(stack: Stack) -> Outbox:
    return Outbox(stack.ready)


@pytest.fixture(scope="module")
def file(alice: User) -> Any:
    return uploaded(alice.api, DATA, "Vertrag Zürich.pdf", encryption="client")


class TestToAUser:
    def test_the_whole_way(self, alice: User, bob: User, anyone: Api, file: Any) -> None:
        """Token → upload → send → inbox → PIN key → download key → bytes."""
        (sent,) = mailed(alice, bob.email, file, subject="Grüße 签署", body="<p>For <b>Bob</b><script>x</script></p>")
        assert (sent["status"], sent["sent_at"], sent["opened_at"]) == ("queued", None, None)
        assert settled(alice.api, sent)["status"] == "success"

        row = next(row for row in bob.api("GET", "/inbox?include=download,author").data if row["id"] == sent["id"])
        assert (row["subject"], row["opened"]) == ("Grüße 签署", False)
        assert row["sender"] == {"name": alice.name, "email": alice.email}
        assert row["author"]["email"] == alice.email

        read = bob.api("GET", f"/inbox/{sent['id']}?include=download.files").data
        assert (read["body"], read["opened"]) == ("<p>For <b>Bob</b></p>", True)
        assert [shown["full_filename"] for shown in read["download"]["files"]] == ["Vertrag Zürich.pdf"]
        assert alice.api("GET", f"/mails/{sent['id']}").data["opened_at"]

        key = keyed(bob.api, read["download"]["id"]).data["key"]
        performed = perform(anyone, key)
        assert performed.data["uses_left"] == 9
        assert [fetched(anyone, released) for released in performed.data["files"]] == [DATA]

    def test_the_email_names_the_inbox_and_holds_no_key(
        self, alice: User, bob: User, outbox: Outbox, file: Any
    ) -> None:
        (sent,) = mailed(alice, bob.email, file, subject="no key in here")
        settled(alice.api, sent)
        message = next(it for it in outbox.to(bob.email) if it["Subject"] == "no key in here")
        assert f"sealdrop inbox {sent['id']}" in text_of(message)
        assert "#" not in text_of(message)

    def test_hiding_and_what_is_gone(self, alice: User, bob: User, file: Any) -> None:
        (sent,) = mailed(alice, bob.email, file)
        settled(alice.api, sent)
        assert bob.api("DELETE", f"/inbox/{sent['id']}").status == 204
        assert_refused(bob.api("GET", f"/inbox/{sent['id']}"), 404, "not_found")
        assert alice.api("GET", f"/mails/{sent['id']}").data["revoked_at"] is None


class TestToAnybody:
    def test_the_whole_way(self, alice: User, anyone: Api, stack: Stack, outbox: Outbox, file: Any) -> None:
        carol = somebody()
        (sent,) = mailed(alice, carol, file, body="<p>For Carol</p>", max_downloads=2)
        message = outbox.first(carol)
        assert (message["Subject"], message["Reply-To"]) == ("Your invoice", alice.email)
        assert link_in(message).startswith(f"{stack.ready['web_url']}d#")
        key = link_in(message).partition("#")[2]

        shown = anyone("GET", f"/public/downloads/{key}")
        assert_headers(shown)
        assert shown.data["mail"] == {
            "identifier": sent["identifier"],
            "subject": "Your invoice",
            "body": "<p>For Carol</p>",
        }
        assert alice.api("GET", f"/mails/{sent['id']}").data["opened_at"]

        performed = perform(anyone, key).data
        assert [fetched(anyone, released) for released in performed["files"]] == [DATA]
        assert (performed["uses_left"], perform(anyone, key).data["uses_left"]) == (1, 0)
        assert_refused(perform(anyone, key), 410, "gone")

    def test_with_a_pin_that_no_email_holds(self, alice: User, anyone: Api, outbox: Outbox, file: Any) -> None:
        carol = somebody()
        mailed(alice, carol, file, pin="1q2w3e4r")
        message = outbox.first(carol)
        assert "1q2w3e4r" not in message.as_string()
        assert "PIN" in text_of(message)
        key = outbox.key(carol)
        shown = anyone("GET", f"/public/downloads/{key}").data
        assert (shown["pin_required"], {"mail", "files"} & set(shown)) == (True, set())
        assert_refused(perform(anyone, key, pin="wrong1"), 422, "invalid", ["pin"])
        performed = perform(anyone, key, pin="1q2w3e4r").data
        assert performed["mail"]["body"] == "<p>Hello</p>"
        assert [fetched(anyone, released) for released in performed["files"]] == [DATA]

    def test_twenty_at_once(self, alice: User, outbox: Outbox, file: Any) -> None:
        addresses = [somebody() for _ in range(20)]
        sent = mailed(alice, addresses, file)
        assert [mail["recipient_email"] for mail in sent] == addresses
        assert len({mail["identifier"] for mail in sent}) == 20
        keys = [outbox.key(address) for address in addresses]
        assert len(set(keys)) == 20


def test_what_comes_back_has_failed(alice: User, anyone: Api, outbox: Outbox, file: Any) -> None:
    (sent,) = mailed(alice, "bounce@simulator.amazonses.com", file)
    failed = eventually(
        lambda: (found := alice.api("GET", f"/mails/{sent['id']}").data)["status"] == "failed" and found,
        "the bounce",
    )
    assert failed["failed_reason"].startswith("It came back")
    key = link_in(outbox.to("bounce@simulator.amazonses.com")[-1]).partition("#")[2]
    assert_refused(anyone("GET", f"/public/downloads/{key}"), 410, "gone")


def test_an_automatic_answer_is_no_failure(alice: User, outbox: Outbox, file: Any) -> None:
    (sent,) = mailed(alice, "ooto@simulator.amazonses.com", file)
    assert settled(alice.api, sent)["status"] == "success"


def test_lists_by_order_keyword_and_page(alice: User, file: Any) -> None:
    mark = somebody().partition("@")[0]
    sent = mailed(alice, [f"{letter}-{mark}@example.net" for letter in "bca"], file)
    seen: list[str] = []
    query = f"/mails?keyword={mark.upper()}&sort=-recipient_email&limit=2"

    def all_of_them() -> bool:
        """The index of keywords follows in its own time."""
        seen.clear()
        cursor = ""
        while cursor is not None:
            page = alice.api("GET", query + (f"&cursor={cursor}" if cursor else "")).json
            seen.extend(row["recipient_email"][0] for row in page["data"])
            cursor = page["meta"]["next_cursor"]
        return len(seen) == 3

    eventually(all_of_them, "the index to follow")
    assert seen == ["c", "b", "a"]
    (row,) = alice.api("GET", f"/mails?keyword={sent[0]['identifier']}").data
    assert row["id"] == sent[0]["id"]


def test_all_or_none(alice: User, bob: User, file: Any) -> None:
    address = somebody()
    foreign = uploaded(bob.api, b"Bob's")
    order = {"recipients": [{"email": address}], "subject": "x", "body": "", "files": [file["id"], foreign["id"]]}
    assert_refused(alice.api("POST", "/mails", order), 422, "invalid", ["files.1"])
    twice = order | {"files": [file["id"]], "recipients": [{"email": address}, {"email": address.upper()}]}
    assert_refused(alice.api("POST", "/mails", twice), 422, "invalid", ["recipients.1.email"])
    assert alice.api("GET", f"/mails?keyword={address}").data == []
