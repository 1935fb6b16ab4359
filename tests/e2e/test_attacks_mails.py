"""Checks M of docs/threat-model.md on the running stack."""

import json
from typing import Any

import pytest

from tests.e2e.api_kit import Backstage, assert_refused, eventually, in_the_past, keyed, perform, uploaded
from tests.e2e.conftest import Api, Stack, User
from tests.e2e.mail_kit import Outbox, mailed, settled, somebody, text_of

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def outbox(stack: Stack) -> Outbox:
    return Outbox(stack.ready)


@pytest.fixture(scope="module")
def file(alice: User) -> Any:
    return uploaded(alice.api, b"for you alone", encryption="client")


def refused_everywhere(anyone: Api, key: str, session: str) -> None:
    assert_refused(anyone("GET", f"/public/downloads/{key}"), 410, "gone")
    assert_refused(perform(anyone, key), 410, "gone")
    assert_refused(perform(anyone, key, session=session), 410, "gone")


def test_m2_no_header_is_smuggled(alice: User, file: Any) -> None:
    order = {"recipients": [{"email": somebody()}], "subject": "x", "body": "", "files": [file["id"]]}
    for changes in (
        {"subject": "x\r\nBcc: everybody@example.net"},
        {"recipients": [{"email": "a@b.example\nBcc: everybody@example.net"}]},
        {"recipients": [{"email": somebody(), "name": "x\nBcc: everybody@example.net"}]},
    ):
        assert alice.api("POST", "/mails", order | changes).status == 422


def test_m2_names_arrive_as_names(alice: User, outbox: Outbox, file: Any) -> None:
    carol = somebody()
    mailed(alice, carol, file, subject="</strong><img src=https://x.example/>")
    message = outbox.first(carol)
    assert [mailbox.addr_spec for mailbox in message["From"].addresses] == ["sealdrop@example.com"]
    html: Any = message.get_body(("html",))
    assert "<img" not in html.get_content()


def test_m3_who_has_an_account_shows_nowhere(alice: User, bob: User, anyone: Api, outbox: Outbox, file: Any) -> None:
    """Sent, settled, opened and revoked: the sender's side of a user and of nobody, side by side."""
    carol = somebody()
    told = []
    for address in (bob.email, carol):
        (mail,) = mailed(alice, address, file)
        stages = [mail, settled(alice.api, mail)]
        if address == bob.email:
            bob.api("GET", f"/inbox/{mail['id']}")
        else:
            anyone("GET", f"/public/downloads/{outbox.key(carol)}")
        stages.append(alice.api("GET", f"/mails/{mail['id']}?include=download,author").data)
        alice.api("DELETE", f"/mails/{mail['id']}")
        stages.append(alice.api("GET", f"/mails/{mail['id']}").data)
        told.append([shape(stage, address) for stage in stages])
    assert told[0] == told[1]


def shape(value: Any, address: str) -> Any:
    """What is there and what is not; ids, times and the address itself are the sender's own."""
    if isinstance(value, dict):
        free = ("id", "identifier", "download_id", "created_at", "sent_at", "opened_at", "expires_at", "revoked_at")
        return {name: bool(it) if name in free else shape(it, address) for name, it in value.items()}
    if value == address[0].upper():  # the initial
        return "…"
    return value.replace(address, "…") if isinstance(value, str) else value


def test_m4_mails_and_inboxes_are_ones_own(alice: User, bob: User, file: Any) -> None:
    (mail,) = mailed(alice, bob.email, file)
    settled(alice.api, mail)
    unknown = "00000000-0000-8000-8000-000000000000"
    for api, path in ((bob.api, "/mails"), (alice.api, "/inbox")):
        for method in ("GET", "DELETE"):
            answers = [api(method, f"{path}/{mail_id}") for mail_id in (mail["id"], unknown)]
            for answer in answers:
                assert_refused(answer, 404, "not_found")
    assert bob.api("GET", f"/inbox/{mail['id']}").data["revoked_at"] is None


def test_m4_a_third_account_keys_nothing(alice: User, bob: User, file: Any) -> None:
    (mail,) = mailed(alice, somebody(), file)
    settled(alice.api, mail)
    assert_refused(keyed(bob.api, mail["download_id"]), 404, "not_found")


def test_m5_the_key_is_in_the_email_alone(
    stack: Stack, alice: User, anyone: Api, backstage: Backstage, outbox: Outbox, file: Any
) -> None:
    carol = somebody()
    (mail,) = mailed(alice, carol, file)
    key = outbox.key(carol)
    settled(alice.api, mail)
    assert perform(anyone, key).status == 200
    assert key not in backstage.everything()
    seen = [alice.api("GET", path).body.decode() for path in ("/mails", f"/mails/{mail['id']}?include=download.files")]
    assert key not in "".join(seen)


def test_m6_revoking_ends_everything_at_once(alice: User, bob: User, anyone: Api, outbox: Outbox, file: Any) -> None:
    carol = somebody()
    (mail,) = mailed(alice, carol, file)
    key = outbox.key(carol)
    session = perform(anyone, key).data["session"]
    assert perform(anyone, key, session=session).status == 200
    assert alice.api("DELETE", f"/mails/{mail['id']}").status == 204
    refused_everywhere(anyone, key, session)
    assert_refused(keyed(alice.api, mail["download_id"]), 409, "conflict")

    (mail,) = mailed(alice, bob.email, file)
    settled(alice.api, mail)
    key = keyed(bob.api, mail["download_id"]).data["key"]
    session = perform(anyone, key).data["session"]
    alice.api("DELETE", f"/mails/{mail['id']}")
    refused_everywhere(anyone, key, session)
    read = bob.api("GET", f"/inbox/{mail['id']}?include=download.files").data
    assert (read["body"], read["download"], bool(read["revoked_at"])) == (None, None, True)


def test_m6_expiry_ends_everything_at_once(
    alice: User, anyone: Api, backstage: Backstage, outbox: Outbox, file: Any
) -> None:
    carol = somebody()
    (mail,) = mailed(alice, carol, file)
    key = outbox.key(carol)
    performed = perform(anyone, key).data
    assert performed["session_expires_at"] <= mail["expires_at"]
    backstage.change("DOWNLOAD", mail["download_id"], expires_at=in_the_past(seconds=1))
    assert_refused(anyone("GET", f"/public/downloads/{key}"), 410, "gone")
    assert_refused(perform(anyone, key), 410, "gone")


def test_m6_the_last_use_is_the_last_and_its_session_goes_on(
    alice: User, anyone: Api, outbox: Outbox, file: Any
) -> None:
    carol = somebody()
    mailed(alice, carol, file, max_downloads=1)
    key = outbox.key(carol)
    session = perform(anyone, key).data["session"]
    assert_refused(perform(anyone, key), 410, "gone")
    assert perform(anyone, key, session=session).status == 200


def test_m7_events_of_ones_own_change_nothing(
    stack: Stack, alice: User, backstage: Backstage, outbox: Outbox, file: Any
) -> None:
    carol = somebody()
    (mail,) = mailed(alice, carol, file)
    settled(alice.api, mail)
    queue = backstage.sqs.get_queue_url(QueueName="sealdrop-dev-mail")["QueueUrl"]
    tags = {"ses:configuration-set": ["sealdrop-dev-mail"], "mail": [mail["id"]], "occasion": ["delivery"]}
    detail = {"mail": {"messageId": "made-up", "tags": tags}, "bounce": {"bounceType": "Permanent"}}
    forged = {"source": "aws.ses", "detail-type": "Email Bounced", "detail": detail}
    order = {"source": "sealdrop", "detail-type": "Mail Queued", "detail": {"mail": mail["id"]}}
    for event in (forged, order, order):
        backstage.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))

    def drained() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = backstage.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)

    eventually(drained, "the queue to be worked off")
    assert alice.api("GET", f"/mails/{mail['id']}").data["status"] == "success"
    assert len(outbox.to(carol)) == 1


def test_m9_bodies_lie_sealed(alice: User, backstage: Backstage, outbox: Outbox, file: Any) -> None:
    carol = somebody()
    secret = f"<p>confidential {carol}</p>"
    (mail,) = mailed(alice, carol, file, body=secret)
    assert "confidential" not in backstage.everything()
    assert "confidential" not in text_of(outbox.first(carol)), "nor does it travel in clear"
    assert alice.api("GET", f"/mails/{mail['id']}").data["body"] == secret
