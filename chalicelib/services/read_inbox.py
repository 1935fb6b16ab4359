"""GET /inbox, GET and DELETE /inbox/{id}: what a user has received."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import NotFound
from chalicelib.domain.folding import fold
from chalicelib.domain.ids import MailId, UserId, is_uuid
from chalicelib.domain.mail import InboxEntry, Mail
from chalicelib.domain.page import Order, Page, Position
from chalicelib.ports import BodySealer, DownloadStore, FileStore, InboxStore, MailStore
from chalicelib.services.open_mail import body_of, mark_opened
from chalicelib.services.own_mails import received_mail


@dataclass(frozen=True, slots=True)
class InboxMail:
    entry: InboxEntry
    mail: Mail
    body: str | None = None  # of one that is read, while it may be


def list_inbox(
    user_id: UserId,
    keyword: str | None,
    order: Order,
    limit: int,
    after: Position | None,
    now: datetime,
    *,
    inbox: InboxStore,
    mails: MailStore,
) -> Page[InboxMail]:
    """One page: its entries by one Query, and the mails as they stand by one BatchGetItem."""
    if keyword is None:
        page = inbox.list_of(user_id, order, limit, after)
    else:
        page = inbox.search(user_id, fold(keyword), order, limit, after)
    return Page(_with_mails(page.rows, now, mails), page.next)


def read_inbox_mail(
    user_id: UserId,
    mail_id: str,
    now: datetime,
    *,
    inbox: InboxStore,
    mails: MailStore,
    bodies: BodySealer,
    downloads: DownloadStore,
    files: FileStore,
    pool: Executor,
) -> InboxMail:
    """Marks it opened, for its sender too. Raises NotFound.

    (M3) It is opened here where a link would have opened it, else its sender could tell an inbox from a link: not
    before its PIN was given to its download, which keeps its text until then, and not when its files are gone.
    """
    entry, mail = received_mail(user_id, mail_id, now, inbox=inbox, mails=mails)
    if mail.awaits_pin or not mail.is_open(now):
        return InboxMail(entry, mail)
    looking = None if mail.opened_at else pool.submit(_has_files, mail, now, downloads, files)
    body = body_of(mail, mails=mails, bodies=bodies)
    if looking and looking.result():
        mail = mark_opened(mail, now, mails=mails)
    return InboxMail(entry, mail, body if mail.is_open(now) else None)


def hide_inbox_mail(user_id: UserId, mail_id: str, *, inbox: InboxStore) -> None:
    """Out of this inbox; its sender sees no difference. Raises NotFound."""
    if not is_uuid(mail_id) or not inbox.remove(MailId(mail_id), user_id):
        raise NotFound


def _has_files(mail: Mail, now: datetime, downloads: DownloadStore, files: FileStore) -> bool:
    download = downloads.find(mail.download_id)
    return download is not None and any(file.can_be_downloaded(now) for file in files.find_many(download.file_ids))


def _with_mails(entries: Sequence[InboxEntry], now: datetime, mails: MailStore) -> list[InboxMail]:
    found = {mail.id: mail for mail in mails.find_many([entry.mail_id for entry in entries])}
    return [
        InboxMail(entry, found[entry.mail_id])
        for entry in entries
        if entry.mail_id in found and entry.forgotten_at > now
    ]
