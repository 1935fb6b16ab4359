"""What a mail's recipient reads, by inbox or by link, and what that leaves behind: it was opened."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.mail import Mail, body_context
from chalicelib.ports import BodySealer, MailStore
from chalicelib.services.change_mail import change_mail


@dataclass(frozen=True, slots=True)
class ReadMail:
    mail: Mail
    body: str | None  # HTML, sanitised when it came in; None: not for this reader, or not any more


def open_mail(mail: Mail, now: datetime, *, mails: MailStore, bodies: BodySealer) -> ReadMail:
    """Mark it opened, once. A mail that was revoked, has expired or failed is neither marked nor read."""
    if not mail.is_open(now):
        return ReadMail(mail, None)
    body = body_of(mail, mails=mails, bodies=bodies)
    opened = mark_opened(mail, now, mails=mails)
    return ReadMail(opened, body if opened.is_open(now) else None)


def mark_opened(mail: Mail, now: datetime, *, mails: MailStore) -> Mail:
    return change_mail(mail, lambda it: it.opened(now) if it.is_open(now) else it, mails=mails)


def body_of(mail: Mail, *, mails: MailStore, bodies: BodySealer) -> str | None:
    body = mails.find_body(mail.body_id)
    return bodies.open(body.sealed, body_context(body.id, mail.account_id)) if body else None
