"""The sweep's part in mails."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.mail import GIVE_UP_AFTER, SEND_AGAIN_AFTER, Mail, MailStatus
from chalicelib.ports import StaleRecord
from chalicelib.services.sweep_mails import SweptMails, sweep_mails
from tests.support.builders import NOW, a_mail, stored_mail
from tests.support.fakes import FakeWorld, raises

OVERDUE = NOW + SEND_AGAIN_AFTER
SENT = {"status": MailStatus.SUCCESS, "sent_at": NOW, "message_id": "m"}


def swept(world: FakeWorld, now: datetime, **more: Any) -> SweptMails:
    return sweep_mails(now, mails=world.mails, queue=world.mail_queue, **more)


def stored_as(world: FakeWorld, **changes: Any) -> Mail:
    return stored_mail(world, a_mail(**changes))


def test_what_was_not_sent_is_queued_again(world: FakeWorld) -> None:
    mail = stored_as(world)
    assert swept(world, OVERDUE) == SweptMails(1, 1, 0, 0, {})
    assert world.mail_queue.to_deliver == [mail.id]


def test_what_is_on_its_way_is_left_alone(world: FakeWorld) -> None:
    stored_as(world)
    stored_as(world, tried_at=NOW + timedelta(minutes=1))
    assert swept(world, OVERDUE - timedelta(seconds=1)).seen == 0
    assert swept(world, OVERDUE).queued == 1


@pytest.mark.parametrize(
    ("changes", "now", "word"),
    [
        ({}, NOW + GIVE_UP_AFTER, "24 hours"),
        ({"expires_at": NOW + timedelta(minutes=1)}, NOW + timedelta(minutes=1), "expired"),
        ({"revoked_at": NOW}, OVERDUE, "revoked"),
    ],
)
def test_what_cannot_be_sent_any_more_fails(
    world: FakeWorld, changes: dict[str, Any], now: datetime, word: str
) -> None:
    mail = stored_as(world, **changes)
    assert swept(world, now).failed == 1
    after = world.mails.records[mail.id]
    assert after.status is MailStatus.FAILED
    assert word in str(after.failed_reason)
    assert world.mail_queue.to_deliver == []
    assert swept(world, now).seen == 0


def test_readers_are_reminded_by_the_queue(world: FakeWorld) -> None:
    mail = stored_as(world, **SENT)
    assert swept(world, NOW + timedelta(days=12)).reminders == 1
    assert world.mail_queue.to_remind == [mail.id]


def test_a_bounded_number_at_a_time(world: FakeWorld) -> None:
    for _ in range(5):
        stored_as(world)
    assert swept(world, OVERDUE, limit=3).seen == 3


def test_what_the_index_has_not_heard_of_yet(world: FakeWorld) -> None:
    mail = stored_as(world)
    world.mails.after("due", lambda: world.mails.save(replace(mail, tried_at=OVERDUE)))
    assert swept(world, OVERDUE) == SweptMails(1, 0, 0, 0, {})


def test_one_mails_trouble_keeps_no_other_waiting(world: FakeWorld) -> None:
    mails = [stored_as(world), stored_as(world)]
    trouble = RuntimeError("odd")
    world.mails.before("find", raises(trouble))
    report = swept(world, OVERDUE)
    assert (report.seen, report.queued) == (2, 1)
    assert list(report.failures.values()) == [trouble]
    assert set(report.failures) | set(world.mail_queue.to_deliver) == {mail.id for mail in mails}


def test_what_others_keep_changing_is_left_to_the_next_run(world: FakeWorld) -> None:
    stored_as(world, revoked_at=NOW)
    world.mails.before("withdraw", *(raises(StaleRecord()) for _ in range(5)))
    assert swept(world, OVERDUE) == SweptMails(1, 0, 0, 0, {})
    assert swept(world, OVERDUE).failed == 1


def test_a_queue_that_takes_nothing(world: FakeWorld) -> None:
    stored_as(world)
    world.mail_queue.before("deliver", raises(Busy()))
    with pytest.raises(Busy):
        swept(world, OVERDUE)
