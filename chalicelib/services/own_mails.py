"""Finding a mail for its sender's account, or in a user's inbox: where ids from requests meet the caller."""

from datetime import datetime

from chalicelib.domain.errors import NotFound
from chalicelib.domain.ids import AccountId, MailId, UserId, is_uuid
from chalicelib.domain.mail import InboxEntry, Mail
from chalicelib.ports import InboxStore, MailStore


def own_mail(account_id: AccountId, mail_id: str, now: datetime, *, mails: MailStore) -> Mail:
    """Raises NotFound, the same for a mail that is another account's, forgotten, or never was."""
    mail = mails.find(MailId(mail_id)) if is_uuid(mail_id) else None
    if mail is None or mail.account_id != account_id or mail.forgotten_at <= now:
        raise NotFound
    return mail


def received_mail(
    user_id: UserId, mail_id: str, now: datetime, *, inbox: InboxStore, mails: MailStore
) -> tuple[InboxEntry, Mail]:
    """Raises NotFound, the same for a mail that is in another user's inbox, or in none."""
    entry = inbox.find(MailId(mail_id)) if is_uuid(mail_id) else None
    if entry is None or entry.user_id != user_id or entry.forgotten_at <= now:
        raise NotFound
    mail = mails.find(entry.mail_id)
    if mail is None:
        raise NotFound
    return entry, mail
