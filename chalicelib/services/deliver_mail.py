"""Sending a mail, by the delivery function: into the inbox of a user, or by a link, and in both cases by an e-mail.

An order to send comes at least once, and may come twice at the same time. (1) One conditional write says who sends;
(2) the link is the same however often it is made; (3) one conditional write says that it was sent, and puts the mail
into its inbox. What breaks between (1) and (3) is done again when the lease has ended.
"""

from datetime import datetime
from enum import StrEnum

from chalicelib.domain.errors import Gone
from chalicelib.domain.ids import MailId
from chalicelib.domain.mail import Mail, Sendable, entry_of
from chalicelib.domain.notification import Notification, Occasion
from chalicelib.domain.people import User
from chalicelib.ports import DownloadStore, MacService, Mailer, MailStore, NeverSendable, NotSentNow, UserStore
from chalicelib.services.change_mail import change_mail
from chalicelib.services.mail_links import mail_link, open_link


class Delivery(StrEnum):
    SENT = "sent"
    FAILED = "failed"
    NOTHING_TO_DO = "nothing to do"


class BeingSent(Exception):
    """Somebody else is at it, or broke off a moment ago: the queue brings the order again."""


def deliver_mail(
    mail_id: MailId,
    web_url: str,
    now: datetime,
    *,
    mails: MailStore,
    users: UserStore,
    downloads: DownloadStore,
    macs: MacService,
    mailer: Mailer,
) -> Delivery:
    """Raises BeingSent, StaleRecord, NotSentNow, Busy: the order has to come again."""
    mail = mails.find(mail_id)
    if mail is None or mail.sendable(now) is Sendable.SETTLED:
        return Delivery.NOTHING_TO_DO
    if mail.sendable(now) is Sendable.BEING_SENT:
        raise BeingSent
    if reason := mail.why_not_to_send(now):
        return fail_mail(mail, reason, now, mails=mails)
    mail = mails.save(mail.tried(now))  # (1)
    user_id = users.find_by_email(mail.recipient.email)
    user = users.find(user_id) if user_id else None
    try:
        link = None if user else _link(mail, web_url, now, downloads, macs)  # (2)
        message_id = mailer.send(notification_of(mail, Occasion.DELIVERY, link))
    except NotSentNow:
        change_mail(mail, lambda it: it.not_tried(), mails=mails)
        raise
    except NeverSendable as refusal:
        return fail_mail(mail, str(refusal), now, mails=mails)
    except Gone:
        return fail_mail(mail, "Its files could not be had any more when it was sent.", now, mails=mails)
    _settle(mail, message_id, user, now, mails)  # (3)
    return Delivery.SENT


def fail_mail(mail: Mail, reason: str, now: datetime, *, mails: MailStore) -> Delivery:
    """A mail that failed opens nothing, by whatever way it may yet arrive."""
    change_mail(mail, lambda it: it.failed(reason), lambda it: mails.withdraw(it, now), mails=mails)
    return Delivery.FAILED


def notification_of(mail: Mail, occasion: Occasion, link: str | None) -> Notification:
    return Notification(
        occasion=occasion,
        mail_id=mail.id,
        identifier=mail.identifier,
        recipient_email=mail.recipient.email,
        sender_name=mail.author.name,
        sender_email=mail.author.email,
        subject=mail.subject,
        file_count=mail.file_count,
        expires_at=mail.expires_at,
        pin_required=mail.pin_required,
        link=link,
    )


def _link(mail: Mail, web_url: str, now: datetime, downloads: DownloadStore, macs: MacService) -> str:
    download = downloads.find(mail.download_id)
    if download is None:
        raise Gone(reason="forgotten")
    try:
        return open_link(download, web_url, now, downloads=downloads, macs=macs)
    except Gone:  # revoked since we looked; (M3) a user would be sent word of it all the same. This link opens nothing
        return mail_link(download, web_url, macs=macs)


def _settle(mail: Mail, message_id: str, user: User | None, now: datetime, mails: MailStore) -> None:
    entry = entry_of(mail, user.id, user.account_id, now) if user else None
    change_mail(mail, lambda it: it.was_sent(message_id, now), lambda it: mails.save(it, entry), mails=mails)
