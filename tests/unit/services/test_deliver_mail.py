"""Sending one mail, however often and by however many its order is carried out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import SENDING_LEASE, Mail, MailStatus
from chalicelib.domain.notification import Occasion
from chalicelib.domain.secret import hash_secret
from chalicelib.ports import NeverSendable, NotSentNow, StaleRecord
from chalicelib.services.deliver_mail import BeingSent, Delivery, deliver_mail
from chalicelib.services.perform_download import find_download_key, perform_download
from chalicelib.services.revoke_mail import revoke_mail
from tests.support.builders import (
    ALICES,
    NOW,
    Caller,
    a_mail,
    delivering,
    new_id,
    performing,
    stored_mail,
)
from tests.support.fake_mails import WEB_URL
from tests.support.fakes import FakeWorld, raises

LATER = NOW + SENDING_LEASE


def deliver(world: FakeWorld, mail: Mail, now: Any = NOW) -> Delivery:
    return deliver_mail(mail.id, WEB_URL, now, **delivering(world))


def standing(world: FakeWorld, mail: Mail) -> Mail:
    found = world.mails.find(mail.id)
    assert found is not None
    return found


def to_bob(**changes: Any) -> Mail:
    return a_mail(**{"recipient": replace(a_mail().recipient, email="BOB@example.com")} | changes)


class TestByLink:
    def test_an_email_with_a_link_goes_out(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        assert deliver(world, mail) is Delivery.SENT
        (told,) = world.mailer.sent
        assert (told.occasion, told.mail_id, told.identifier) == (Occasion.DELIVERY, mail.id, mail.identifier)
        assert (told.recipient_email, told.sender_email) == ("carol@example.net", "alice@example.com")
        assert (told.subject, told.file_count, told.expires_at) == ("Your invoice", 1, mail.expires_at)
        assert str(told.link).startswith("https://sealdrop.test/d#")

    def test_and_the_mail_was_sent(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        deliver(world, mail, LATER)
        after = standing(world, mail)
        assert (after.status, after.sent_at, after.message_id) == (MailStatus.SUCCESS, LATER, "message-1")
        assert world.inbox.records == {}

    def test_the_link_opens_the_files(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        deliver(world, mail)
        key = find_download_key(str(world.mailer.sent[0].link).partition("#")[2], downloads=world.downloads)
        assert key.is_link
        performed = perform_download(key, LATER, **performing(world))
        assert performed.uses_left == mail.max_downloads - 1

    def test_the_key_is_nowhere_else(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        deliver(world, mail)
        key = str(world.mailer.sent[0].link).partition("#")[2]
        kept = repr([world.mails.records, world.downloads.records, world.downloads.keys, world.mail_queue.to_deliver])
        assert key not in kept
        assert hash_secret(key) in kept

    def test_no_two_links_are_one(self, world: FakeWorld) -> None:
        for _ in range(2):
            deliver(world, stored_mail(world))
        assert len({told.link for told in world.mailer.sent}) == 2


class TestIntoAnInbox:
    @pytest.fixture(autouse=True)
    def _bob_is_a_user(self, bob: Caller) -> None:
        self.bob = bob

    def test_the_mail_is_in_the_inbox(self, world: FakeWorld) -> None:
        mail = stored_mail(world, to_bob())
        assert deliver(world, mail) is Delivery.SENT
        entry = world.inbox.find(mail.id)
        assert entry is not None
        assert (entry.user_id, entry.received_at) == (self.bob.token.user_id, NOW)
        assert standing(world, mail).status is MailStatus.SUCCESS

    def test_and_the_email_holds_no_key(self, world: FakeWorld) -> None:
        mail = stored_mail(world, to_bob())
        deliver(world, mail)
        assert world.mailer.sent[0].link is None
        download = world.downloads.find(mail.download_id)
        assert download is not None
        assert download.link_hash is None
        assert world.macs.calls == []

    def test_it_is_not_there_before_it_was_sent(self, world: FakeWorld) -> None:
        mail = stored_mail(world, to_bob())
        world.mailer.before("send", raises(Busy()))
        with pytest.raises(Busy):
            deliver(world, mail)
        assert world.inbox.records == {}

    def test_what_its_sender_sees_is_the_same(self, world: FakeWorld) -> None:
        """But for what the sender chose: whether there is an account shows nowhere."""
        bobs, carols = stored_mail(world, to_bob()), stored_mail(world)
        deliver(world, bobs)
        deliver(world, carols)
        neutral: dict[str, Any] = dict.fromkeys(("id", "identifier", "body_id", "download_id", "message_id"), "")
        neutral |= {"recipient": carols.recipient}
        seen = [replace(standing(world, mail), **neutral) for mail in (bobs, carols)]
        assert seen[0] == seen[1]


class TestOnce:
    def test_an_order_that_comes_again(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        assert [deliver(world, mail), deliver(world, mail, LATER)] == [Delivery.SENT, Delivery.NOTHING_TO_DO]
        assert len(world.mailer.sent) == 1

    def test_an_order_for_what_never_was(self, world: FakeWorld) -> None:
        assert deliver_mail(MailId(new_id()), WEB_URL, NOW, **delivering(world)) is Delivery.NOTHING_TO_DO

    def test_two_orders_at_once_by_whoever_writes_first(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        world.mails.before("save", lambda: deliver(world, mail))
        with pytest.raises(StaleRecord):
            deliver(world, mail)
        assert len(world.mailer.sent) == 1

    def test_two_orders_at_once_while_one_is_sending(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        refused: list[type[Exception]] = []

        def rival() -> None:
            with pytest.raises(BeingSent) as caught:
                deliver(world, mail)
            refused.append(caught.type)

        world.mailer.before("send", rival)
        assert deliver(world, mail) is Delivery.SENT
        assert (len(world.mailer.sent), refused) == (1, [BeingSent])


class TestTrouble:
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_when_nobody_knows_it_goes_out_again_with_the_same_link(self, world: FakeWorld, moment: str) -> None:
        mail = stored_mail(world)
        getattr(world.mailer, moment)("send", raises(Busy()))
        with pytest.raises(Busy):
            deliver(world, mail)
        with pytest.raises(BeingSent):
            deliver(world, mail, LATER - timedelta(seconds=1))
        assert deliver(world, mail, LATER) is Delivery.SENT
        links = {told.link for told in world.mailer.sent}
        assert len(links) == 1
        (link,) = links
        assert find_download_key(str(link).partition("#")[2], downloads=world.downloads).is_link

    def test_a_crash_before_the_note_of_it(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        world.mailer.after("send", lambda: world.mails.before("save", raises(Busy())))
        with pytest.raises(Busy):
            deliver(world, mail)
        assert standing(world, mail).status is MailStatus.QUEUED
        assert deliver(world, mail, LATER) is Delivery.SENT
        assert len({told.link for told in world.mailer.sent}) == 1

    def test_what_was_not_taken_is_tried_again_at_once(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        world.mailer.before("send", raises(NotSentNow("TooManyRequestsException")))
        with pytest.raises(NotSentNow):
            deliver(world, mail)
        assert deliver(world, mail) is Delivery.SENT

    def test_what_is_refused_for_good_fails_and_opens_nothing(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        world.mailer.before("send", raises(NeverSendable("The mail service refused it.")))
        assert deliver(world, mail) is Delivery.FAILED
        after = standing(world, mail)
        assert (after.status, after.failed_reason) == (MailStatus.FAILED, "The mail service refused it.")
        download = world.downloads.find(mail.download_id)
        assert download is not None
        assert download.revoked_at == NOW

    @pytest.mark.usefixtures("bob")
    def test_a_refusal_is_the_same_for_a_user(self, world: FakeWorld) -> None:
        told = []
        for mail in (stored_mail(world, to_bob()), stored_mail(world)):
            world.mailer.before("send", raises(NeverSendable("The mail service refused it.")))
            deliver(world, mail)
            told.append((standing(world, mail).status, standing(world, mail).failed_reason))
        assert told[0] == told[1]
        assert world.inbox.records == {}


class TestWhatIsNotWorthSending:
    def test_one_that_was_revoked(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        revoke_mail(ALICES, mail.id, NOW, mails=world.mails)
        assert deliver(world, mail) is Delivery.FAILED
        assert "revoked" in str(standing(world, mail).failed_reason)
        assert world.mailer.sent == []

    def test_one_that_expired(self, world: FakeWorld) -> None:
        mail = stored_mail(world, a_mail(expires_at=NOW + timedelta(minutes=1)))
        assert deliver(world, mail, NOW + timedelta(minutes=1)) is Delivery.FAILED
        assert world.mailer.sent == []

    def test_one_that_is_revoked_just_then(self, world: FakeWorld) -> None:
        """Its key is refused by the write that would make it current: what is sent opens nothing."""
        mail = stored_mail(world)
        world.downloads.before("make_key_current", lambda: revoke_mail(ALICES, mail.id, NOW, mails=world.mails))
        assert deliver(world, mail) is Delivery.SENT
        key = str(world.mailer.sent[0].link).partition("#")[2]
        with pytest.raises(NotFound):
            find_download_key(key, downloads=world.downloads)
        assert world.downloads.records[mail.download_id].link_hash is None

    def test_one_that_is_revoked_while_it_is_sent(self, world: FakeWorld) -> None:
        """It was sent, and stays revoked: neither write undoes the other."""
        mail = stored_mail(world)
        world.mailer.after("send", lambda: revoke_mail(ALICES, mail.id, NOW, mails=world.mails))
        assert deliver(world, mail) is Delivery.SENT
        after = standing(world, mail)
        assert (after.status, after.revoked_at) == (MailStatus.SUCCESS, NOW)

    def test_one_whose_download_went(self, world: FakeWorld) -> None:
        mail = stored_mail(world)
        download = world.downloads.records[mail.download_id]
        world.downloads.before("find", lambda: world.downloads.records.pop(download.id))
        world.mails.before("withdraw", lambda: world.downloads.add(download))
        assert deliver(world, mail) is Delivery.FAILED
