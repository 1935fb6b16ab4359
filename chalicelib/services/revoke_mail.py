"""DELETE /mails/{id}: every access through it ends at once. The mail stays in the lists, as one that was revoked."""

from datetime import datetime

from chalicelib.domain.ids import AccountId
from chalicelib.ports import MailStore
from chalicelib.services.change_mail import change_mail
from chalicelib.services.own_mails import own_mail


def revoke_mail(account_id: AccountId, mail_id: str, now: datetime, *, mails: MailStore) -> None:
    """Harmless to repeat. Raises NotFound."""
    mail = own_mail(account_id, mail_id, now, mails=mails)
    change_mail(mail, lambda it: it.revoked(now), lambda it: mails.withdraw(it, now), mails=mails)
