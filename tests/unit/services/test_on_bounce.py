"""What SES says came back."""

from dataclasses import replace

import pytest

from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import Mail, MailStatus
from chalicelib.services.deliver_mail import Delivery, deliver_mail
from chalicelib.services.on_bounce import NotSentYet, on_bounce
from tests.support.builders import NOW, Caller, a_mail, delivering, new_id, stored_mail
from tests.support.fake_mails import WEB_URL
from tests.support.fakes import FakeWorld

REASON = "It came back: the mailbox is full."


def bounced(world: FakeWorld, mail: Mail, message_id: str = "message-1") -> Delivery:
    return on_bounce(mail.id, message_id, REASON, NOW, mails=world.mails)


def delivered(world: FakeWorld, email: str = "carol@example.net") -> Mail:
    mail = stored_mail(world, a_mail(recipient=replace(a_mail().recipient, email=email)))
    deliver_mail(mail.id, WEB_URL, NOW, **delivering(world))
    return mail


def test_the_mail_failed_and_opens_nothing(world: FakeWorld) -> None:
    mail = delivered(world)
    assert bounced(world, mail) is Delivery.FAILED
    after = world.mails.records[mail.id]
    assert (after.status, after.failed_reason) == (MailStatus.FAILED, REASON)
    assert world.downloads.records[mail.download_id].revoked_at == NOW


def test_it_leaves_the_inbox_too(world: FakeWorld, bob: Caller) -> None:
    """Else its sender could see it opened after it had failed, and know that there is an account."""
    mail = delivered(world, bob.email)
    assert world.inbox.find(mail.id)
    assert bounced(world, mail) is Delivery.FAILED
    assert world.inbox.find(mail.id) is None


def test_a_report_that_comes_again_changes_nothing(world: FakeWorld) -> None:
    mail = delivered(world)
    bounced(world, mail)
    after = world.mails.records[mail.id]
    assert bounced(world, mail) is Delivery.NOTHING_TO_DO
    assert world.mails.records[mail.id] == after


def test_another_messages_report_changes_nothing(world: FakeWorld) -> None:
    mail = delivered(world)
    assert bounced(world, mail, "message-2") is Delivery.NOTHING_TO_DO
    assert world.mails.records[mail.id].status is MailStatus.SUCCESS


def test_a_report_that_is_quicker_than_our_own_note_comes_again(world: FakeWorld) -> None:
    mail = stored_mail(world)
    with pytest.raises(NotSentYet):
        bounced(world, mail)
    assert world.mails.records[mail.id].status is MailStatus.QUEUED


def test_a_report_of_what_never_was(world: FakeWorld) -> None:
    assert on_bounce(MailId(new_id()), "m", REASON, NOW, mails=world.mails) is Delivery.NOTHING_TO_DO
