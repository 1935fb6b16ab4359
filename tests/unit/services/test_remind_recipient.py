"""The one reminder of a mail that nobody has opened."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import Mail, MailStatus
from chalicelib.domain.notification import Occasion
from chalicelib.ports import NeverSendable, NotSentNow, StaleRecord
from chalicelib.services.deliver_mail import deliver_mail
from chalicelib.services.read_inbox import hide_inbox_mail
from chalicelib.services.remind_recipient import remind_recipient
from tests.support.builders import NOW, Caller, a_mail, delivering, new_id, reminding, stored_mail
from tests.support.fake_mails import WEB_URL
from tests.support.fakes import FakeWorld, raises

SOON = NOW + timedelta(days=12)


def remind(world: FakeWorld, mail: Mail, now: Any = SOON) -> bool:
    return remind_recipient(mail.id, WEB_URL, now, **reminding(world))


def delivered(world: FakeWorld, **changes: Any) -> Mail:
    mail = stored_mail(world, a_mail(**changes))
    deliver_mail(mail.id, WEB_URL, NOW, **delivering(world))
    return world.mails.records[mail.id]


def reminders(world: FakeWorld) -> list[Any]:
    return [told for told in world.mailer.sent if told.occasion is Occasion.REMINDER]


def test_it_holds_the_link_that_was_sent(world: FakeWorld) -> None:
    mail = delivered(world)
    assert remind(world, mail)
    first, second = world.mailer.sent
    assert second == replace(first, occasion=Occasion.REMINDER)
    assert world.mails.records[mail.id].reminded_at == SOON


def test_a_user_is_sent_to_the_inbox(world: FakeWorld, bob: Caller) -> None:
    mail = delivered(world, recipient=replace(a_mail().recipient, email=bob.email))
    assert remind(world, mail)
    assert reminders(world)[0].link is None


def test_once(world: FakeWorld) -> None:
    mail = delivered(world)
    assert [remind(world, mail), remind(world, mail)] == [True, False]
    assert len(reminders(world)) == 1


def test_once_when_two_are_at_it(world: FakeWorld) -> None:
    mail = delivered(world)
    world.mails.before("save", lambda: remind(world, mail))
    with pytest.raises(StaleRecord):
        remind(world, mail)
    assert len(reminders(world)) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_once_also_when_nobody_knows_whether_it_went(world: FakeWorld, moment: str) -> None:
    mail = delivered(world)
    getattr(world.mailer, moment)("send", raises(Busy()))
    with pytest.raises(Busy):
        remind(world, mail)
    assert not remind(world, mail)


def test_what_was_certainly_not_sent_is_tried_again(world: FakeWorld) -> None:
    mail = delivered(world)
    world.mailer.before("send", raises(NotSentNow("TooManyRequestsException")))
    with pytest.raises(NotSentNow):
        remind(world, mail)
    assert remind(world, mail)


def test_a_refusal_ends_it_and_nothing_else(world: FakeWorld) -> None:
    mail = delivered(world)
    world.mailer.before("send", raises(NeverSendable("no")))
    assert not remind(world, mail)
    assert world.mails.records[mail.id].status is MailStatus.SUCCESS


@pytest.mark.parametrize(
    "changes",
    [{"opened_at": NOW}, {"revoked_at": NOW}, {"status": MailStatus.FAILED}, {"status": MailStatus.QUEUED}],
    ids=["opened", "revoked", "failed", "queued"],
)
def test_nobody_is_reminded_of_what_needs_none(world: FakeWorld, changes: dict[str, Any]) -> None:
    mail = delivered(world)
    world.mails.records[mail.id] = replace(world.mails.records[mail.id], **changes)
    assert not remind(world, mail)
    assert reminders(world) == []


def test_not_before_its_time(world: FakeWorld) -> None:
    mail = delivered(world)
    assert not remind(world, mail, SOON - timedelta(seconds=1))
    assert world.mails.records[mail.id].reminded_at is None


def test_not_after_its_expiry_and_the_sweep_is_rid_of_it(world: FakeWorld) -> None:
    mail = delivered(world)
    assert not remind(world, mail, mail.expires_at)
    assert reminders(world) == []
    assert world.mails.records[mail.id].due_at is None


def test_not_of_what_was_put_away_unread(world: FakeWorld, bob: Caller) -> None:
    mail = delivered(world, recipient=replace(a_mail().recipient, email=bob.email))
    hide_inbox_mail(bob.token.user_id, mail.id, inbox=world.inbox)
    assert not remind(world, mail)


def test_not_of_what_never_was(world: FakeWorld) -> None:
    assert not remind_recipient(MailId(new_id()), WEB_URL, SOON, **reminding(world))


def test_not_without_its_download(world: FakeWorld) -> None:
    mail = delivered(world)
    del world.downloads.records[mail.download_id]
    assert not remind(world, mail)
