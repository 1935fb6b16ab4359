"""The one reminder of a mail that nobody has opened, two days before it expires."""

from datetime import datetime

from chalicelib.domain.ids import MailId
from chalicelib.domain.notification import Occasion
from chalicelib.ports import DownloadStore, InboxStore, MacService, Mailer, MailStore, NeverSendable, NotSentNow
from chalicelib.services.change_mail import change_mail
from chalicelib.services.deliver_mail import notification_of
from chalicelib.services.mail_links import mail_link


def remind_recipient(
    mail_id: MailId,
    web_url: str,
    now: datetime,
    *,
    mails: MailStore,
    inbox: InboxStore,
    downloads: DownloadStore,
    macs: MacService,
    mailer: Mailer,
) -> bool:
    """Whether one was sent. At most one ever is: it is noted before it is sent, by one conditional write.

    Raises StaleRecord, NotSentNow: the order has to come again.
    """
    mail = mails.find(mail_id)
    if mail is None or not mail.may_be_reminded_of(now):
        return False
    mail = mails.save(mail.reminded(now))
    if mail.has_expired(now):
        return False
    download = downloads.find(mail.download_id)
    if download is None:
        return False
    link = mail_link(download, web_url, macs=macs) if download.link_hash else None
    if link is None and inbox.find(mail.id) is None:
        return False  # its reader has put it away unread
    try:
        mailer.send(notification_of(mail, Occasion.REMINDER, link))
    except NotSentNow:
        change_mail(mail, lambda it: it.not_reminded(), mails=mails)
        raise
    except NeverSendable:
        return False
    return True
