"""The mail service says that a message came back."""

from datetime import datetime

from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import MailStatus
from chalicelib.ports import MailStore
from chalicelib.services.deliver_mail import Delivery, fail_mail


class NotSentYet(Exception):
    """The bounce was quicker than the note that the mail was sent, or that note was lost: it has to come again."""


def on_bounce(mail_id: MailId, message_id: str, reason: str, now: datetime, *, mails: MailStore) -> Delivery:
    """The mail fails, if this message is the one that it was sent with; a reminder that came back changes nothing.

    Raises NotSentYet.
    """
    mail = mails.find(mail_id)
    if mail is None or mail.status is MailStatus.FAILED:
        return Delivery.NOTHING_TO_DO
    if mail.status is MailStatus.QUEUED:
        raise NotSentYet
    if mail.message_id != message_id:
        return Delivery.NOTHING_TO_DO
    return fail_mail(mail, reason, now, mails=mails)
