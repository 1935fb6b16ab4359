"""The sweep's part in mails: queues again what was not sent, gives up what cannot be, and has readers reminded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import MailStatus, Sendable
from chalicelib.ports import DUE_RESOLUTION, MailQueue, MailStore
from chalicelib.services.deliver_mail import fail_mail

PER_RUN = 200  # bounds a run's work; the next one goes on


class Overdue(StrEnum):
    DELIVERY = "delivery"
    REMINDER = "reminder"
    FAILED = "failed"
    NOTHING = "nothing"  # the index lags behind the record


@dataclass(frozen=True, slots=True)
class SweptMails:
    seen: int
    queued: int
    reminders: int
    failed: int
    failures: Mapping[MailId, Exception]


def sweep_mails(now: datetime, *, mails: MailStore, queue: MailQueue, limit: int = PER_RUN) -> SweptMails:
    """One mail's trouble must not keep the others waiting: it is answered, and the next run tries again.

    Raises Busy when the queue takes nothing.
    """
    due = mails.due(now, limit)
    found: dict[Overdue, list[MailId]] = {kind: [] for kind in Overdue}
    failures: dict[MailId, Exception] = {}
    for mail_id in due:
        try:
            found[_judge(mail_id, now, mails)].append(mail_id)
        except (Conflict, NotFound):
            continue  # somebody else is at it; the next run looks again
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported and the others go on
            failures[mail_id] = error
    queue.deliver(found[Overdue.DELIVERY])
    queue.remind(found[Overdue.REMINDER])
    return SweptMails(
        seen=len(due),
        queued=len(found[Overdue.DELIVERY]),
        reminders=len(found[Overdue.REMINDER]),
        failed=len(found[Overdue.FAILED]),
        failures=failures,
    )


def _judge(mail_id: MailId, now: datetime, mails: MailStore) -> Overdue:
    mail = mails.find(mail_id)
    if mail is None or mail.due_at is None or mail.due_at > now + DUE_RESOLUTION:
        return Overdue.NOTHING
    if mail.status is not MailStatus.QUEUED:
        return Overdue.REMINDER
    if reason := mail.why_not_to_send(now):
        fail_mail(mail, reason, now, mails=mails)
        return Overdue.FAILED
    return Overdue.DELIVERY if mail.sendable(now) is Sendable.NOW else Overdue.NOTHING
