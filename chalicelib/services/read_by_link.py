"""The mail that whoever has its link reads beside its files."""

from datetime import datetime

from chalicelib.domain.download import Download, DownloadKey
from chalicelib.ports import BodySealer, MailStore
from chalicelib.services.open_mail import ReadMail, open_mail


def read_by_link(
    key: DownloadKey, download: Download, now: datetime, *, mails: MailStore, bodies: BodySealer
) -> ReadMail | None:
    """Marks it opened. None for a download made by hand, and for keys that its sender, or an inbox's user, made."""
    if download.mail_id is None or not key.is_link:
        return None
    mail = mails.find(download.mail_id)
    return open_mail(mail, now, mails=mails, bodies=bodies) if mail else None
