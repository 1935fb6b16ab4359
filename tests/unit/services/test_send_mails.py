"""POST /mails as a use case: one mail for each recipient, all or none, the same work for everybody."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.download import MAX_LIFETIME
from chalicelib.domain.errors import Busy, Conflict, Invalid
from chalicelib.domain.mail import DEFAULT_LIFETIME, MailStatus, Recipient, body_context, mail_id
from chalicelib.ports import IdentifiersTaken
from chalicelib.services.send_mails import NewMails, SentMails, send_mails
from tests.support.builders import ALICES, BOBS, NOW, a_ready_file, a_user, new_id, sending, stored
from tests.support.fakes import FakeWorld, raises

CAROL = Recipient(email="carol@example.net", name="Carol Carter")
DAVE = Recipient(email="dave@example.net", name="dave@example.net")
SENDER = a_user()


def new_mails(*file_ids: str, **changes: Any) -> NewMails:
    fields: dict[str, Any] = {
        "recipients": [CAROL, DAVE],
        "subject": "Your invoice",
        "body": "<p>Hello</p>",
        "file_ids": list(file_ids),
        "max_downloads": 3,
        "expires_at": None,
        "pin": None,
    }
    return NewMails(**fields | changes)


def send(world: FakeWorld, **changes: Any) -> SentMails:
    files = changes.pop("files", None) or [stored(world, a_ready_file())]
    return send_mails(new_mails(*(file.id for file in files), **changes), SENDER, NOW, **sending(world))


def nothing_happened(world: FakeWorld) -> bool:
    return not (world.mails.records or world.mails.bodies or world.mail_queue.to_deliver)


def test_one_mail_for_each_recipient(world: FakeWorld) -> None:
    mails = send(world).mails
    assert [mail.recipient for mail in mails] == [CAROL, DAVE]
    for mail in mails:
        assert world.mails.find(mail.id) == mail
        assert mail.id == mail_id(ALICES, mail.identifier)
        assert (mail.account_id, mail.author) == (ALICES, SENDER.author)
        assert (mail.status, mail.subject, mail.file_count) == (MailStatus.QUEUED, "Your invoice", 1)
        assert (mail.created_at, mail.expires_at) == (NOW, NOW + DEFAULT_LIFETIME)
    assert len({mail.identifier for mail in mails}) == len({mail.download_id for mail in mails}) == 2


def test_each_has_a_download_of_its_own(world: FakeWorld) -> None:
    files = [stored(world, a_ready_file()) for _ in range(2)]
    for mail in send(world, files=files).mails:
        download = world.downloads.find(mail.download_id)
        assert download is not None
        assert (download.mail_id, download.account_id) == (mail.id, ALICES)
        assert download.file_ids == tuple(file.id for file in files)
        assert (download.uses_left, download.expires_at) == (3, mail.expires_at)
        assert download.key_hash is download.link_hash is None


def test_the_body_is_sealed_once_for_all_of_them(world: FakeWorld) -> None:
    mails = send(world).mails
    assert world.bodies.calls == ["seal"]
    (body,) = world.mails.bodies.values()
    assert {mail.body_id for mail in mails} == {body.id}
    assert b"Hello" not in body.sealed
    assert world.bodies.open(body.sealed, body_context(body.id, ALICES)) == "<p>Hello</p>"
    assert body.forgotten_at == mails[0].forgotten_at


def test_they_are_queued(world: FakeWorld) -> None:
    sent = send(world)
    assert sent.not_queued is None
    assert world.mail_queue.to_deliver == [mail.id for mail in sent.mails]


@pytest.mark.parametrize("trouble", [Busy(), RuntimeError("SQS refuses a message")])
def test_a_queue_that_takes_nothing_loses_nothing(world: FakeWorld, trouble: Exception) -> None:
    """They stand, and the sweep finds them; an error would have the caller send them twice."""
    world.mail_queue.before("deliver", raises(trouble))
    sent = send(world)
    assert sent.not_queued is trouble
    assert len(world.mails.records) == 2
    assert world.mails.due(NOW + timedelta(minutes=15), 5)


def test_nobody_is_looked_up(world: FakeWorld) -> None:
    send(world)
    assert world.users.calls == []


class TestExpiry:
    def test_as_asked(self, world: FakeWorld) -> None:
        at = NOW + MAX_LIFETIME
        assert {mail.expires_at for mail in send(world, expires_at=at).mails} == {at}

    @pytest.mark.parametrize(
        ("later", "word"), [(timedelta(0), "passed"), (MAX_LIFETIME + timedelta(microseconds=1), "90 days")]
    )
    def test_out_of_bounds(self, world: FakeWorld, later: timedelta, word: str) -> None:
        with pytest.raises(Invalid) as caught:
            send(world, expires_at=NOW + later)
        assert word in str((caught.value.errors or {})["expires_at"])
        assert nothing_happened(world)


class TestRefusals:
    def test_a_recipient_named_twice(self, world: FakeWorld) -> None:
        twice = [CAROL, DAVE, replace(CAROL, email="CAROL@Example.net")]
        with pytest.raises(Invalid) as caught:
            send(world, recipients=twice)
        assert caught.value.errors == {"recipients.2.email": ["This address is listed twice."]}
        assert nothing_happened(world)

    @pytest.mark.parametrize("changes", [{"account_id": BOBS}, {"trashed_at": NOW}, {"status": "pending"}])
    def test_a_file_that_cannot_be_sent(self, world: FakeWorld, changes: dict[str, Any]) -> None:
        files = [stored(world, a_ready_file()), stored(world, a_ready_file(**changes))]
        with pytest.raises(Invalid) as caught:
            send(world, files=files)
        assert list(caught.value.errors or {}) == ["files.1"]
        assert nothing_happened(world)

    def test_a_file_that_never_was_and_anothers_are_refused_alike(self, world: FakeWorld) -> None:
        told = []
        for file_id in (new_id(), stored(world, a_ready_file(account_id=BOBS)).id):
            with pytest.raises(Invalid) as caught:
                send_mails(new_mails(file_id), SENDER, NOW, **sending(world))
            told.append(caught.value.errors)
        assert told[0] == told[1]


class TestAllOrNone:
    @pytest.mark.parametrize(("store", "method"), [("bodies", "seal"), ("downloads", "add_many"), ("mails", "add")])
    def test_what_breaks_before_leaves_no_mail(self, world: FakeWorld, store: str, method: str) -> None:
        getattr(world, store).before(method, raises(Busy()))
        with pytest.raises(Busy):
            send(world)
        assert nothing_happened(world)

    def test_an_identifier_that_is_taken_is_drawn_again(self, world: FakeWorld) -> None:
        world.mails.before("add", raises(IdentifiersTaken(["JXRMWYN"])))
        mails = send(world).mails
        assert len(mails) == len(world.mails.records) == 2
        for mail in mails:
            download = world.downloads.find(mail.download_id)
            assert download is not None
            assert download.mail_id == mail.id

    def test_there_is_an_end_to_that(self, world: FakeWorld) -> None:
        world.mails.before("add", *(raises(IdentifiersTaken(["JXRMWYN"])) for _ in range(5)))
        with pytest.raises(Conflict):
            send(world)
        assert nothing_happened(world)
