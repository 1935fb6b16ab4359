"""The delivery function: our orders to send and to remind, and what SES reports, all from one queue."""

from datetime import UTC, datetime
from typing import Any

from chalice.app import SQSEvent

from chalicelib.bootstrap import World, world
from chalicelib.domain.act import Act, Actor
from chalicelib.logs import Metric, describe, log, log_with_metrics
from chalicelib.routes.queues import handle_each
from chalicelib.services.deliver_mail import deliver_mail
from chalicelib.services.on_bounce import on_bounce
from chalicelib.services.remind_recipient import remind_recipient
from chalicelib.services.sweep_mails import sweep_mails
from chalicelib.wire.mail_events import CameBack, Deliver, MailEvent, Remind, parse_mail_event


def handle_mails(event: SQSEvent) -> dict[str, Any]:
    return handle_each(event, _handle_mail, failure="mail_event_failed")


def _handle_mail(body: str, message_id: str) -> None:
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.MAIL_DELIVERY, at=now, request_id=message_id))
    event = parse_mail_event(body, here.settings.mail_configuration_set)
    outcome = _do(event, here, now)
    log("mail_event", kind=type(event).__name__, mail=getattr(event, "mail_id", None), outcome=outcome)


def _do(event: MailEvent, here: World, now: datetime) -> str:
    web_url = here.settings.web_url
    ports: dict[str, Any] = {
        "mails": here.mails,
        "downloads": here.downloads,
        "macs": here.macs,
        "mailer": here.mailer,
    }
    if isinstance(event, Deliver):
        return deliver_mail(event.mail_id, web_url, now, users=here.users, **ports)
    if isinstance(event, Remind):
        return "sent" if remind_recipient(event.mail_id, web_url, now, inbox=here.inbox, **ports) else "nothing to do"
    if isinstance(event, CameBack):
        return on_bounce(event.mail_id, event.message_id, event.reason, now, mails=here.mails)
    return "nothing to do"


def handle_mail_sweep() -> dict[str, int]:
    """The sweep's part in mails. Its trouble is logged, and keeps nothing else from being swept."""
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.SWEEP, at=now))
    swept = sweep_mails(now, mails=here.mails, queue=here.mail_queue)
    for mail_id, error in swept.failures.items():
        log("mail_sweep_failed", mail=mail_id, **describe(error))
    metrics: list[Metric] = [
        ("MailsDue", swept.seen, "Count"),
        ("MailsQueuedAgain", swept.queued, "Count"),
        ("RemindersQueued", swept.reminders, "Count"),
        ("MailsFailed", swept.failed, "Count"),
        ("MailSweepFailures", len(swept.failures), "Count"),
    ]
    log_with_metrics(here.settings.metrics_namespace, "mail_sweep", metrics, ("function", "sweep"))
    return {"mails_seen": swept.seen, "mails_queued": swept.queued, "mails_failed": swept.failed}
