"""The mail that whoever has a key to its download reads beside its files."""

from datetime import datetime

from chalicelib.domain.download import Download
from chalicelib.ports import BodySealer, MailStore
from chalicelib.services.open_mail import ReadMail, open_mail


def read_received(download: Download, now: datetime, *, mails: MailStore, bodies: BodySealer) -> ReadMail | None:
    """Marks it opened. None for a download made by hand. A mail's keys are its recipient's, by link or inbox."""
    mail = mails.find(download.mail_id) if download.mail_id else None
    return open_mail(mail, now, mails=mails, bodies=bodies) if mail else None
