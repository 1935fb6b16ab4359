"""The part of `Client` that is about mails."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sealdrop.durations import rfc3339
from sealdrop.errors import NotAllowed, NotFound, UsageError
from sealdrop.html_text import as_html
from sealdrop.mail_api import MailApi
from sealdrop.mail_models import InboxMail, Mail
from sealdrop.models import EncryptionMode, File
from sealdrop.paging import walk

_ADDRESS = r"""[^@\s<>()\[\]"\\,;:]+@[^@\s<>()\[\]"\\,;:]+"""
_RECIPIENT = re.compile(
    rf"""(?P<alone>{_ADDRESS})|(?:"(?P<quoted>[^"\\]*)"|(?P<name>[^"<>@]*))\s*<(?P<email>{_ADDRESS})>"""
)


class Mailing:
    """What it takes of the rest of `Client` is declared here."""

    _api: MailApi
    put: Callable[..., File]

    def send(
        self,
        files: Sequence[str | os.PathLike[str] | File],
        to: str | Sequence[str],
        subject: str,
        body: str = "",
        *,
        html: bool = False,
        pin: str | None = None,
        expires_at: datetime | None = None,
        max_downloads: int | None = None,
        encryption: EncryptionMode = "client",
    ) -> tuple[Mail, ...]:
        """Send files to one or several people (50 at most), one mail each: all of them, or none.

        `files` are paths, which are uploaded first, or files that are ready. `to` is an address or several, as
        `carol@example.net` or `Carol Carter <carol@example.net>`. `body` is plain text unless `html` is true. `pin` is
        asked of whoever gets the files: tell it by another way. A mail expires after 14 days and has 10 downloads
        unless told otherwise.
        """
        recipients = [recipient_of(text) for text in ([to] if isinstance(to, str) else to)]
        if not recipients or not files:
            raise UsageError("a mail needs somebody to go to, and a file")
        ready = [file if isinstance(file, File) else self.put(file, encryption=encryption) for file in files]
        order = {
            "recipients": recipients,
            "subject": subject,
            "body": body if html else as_html(body),
            "files": [file.id for file in ready],
            "pin": pin,
            "expires_at": rfc3339(expires_at) if expires_at else None,
            "max_downloads": max_downloads,
        }
        return self._api.create_mails({name: value for name, value in order.items() if value is not None})

    def mails(
        self, *, keyword: str | None = None, sort: str = "-created_at", page_size: int | None = None
    ) -> Iterator[Mail]:
        """The mails that the account has sent, fetched page by page, without their bodies.

        `sort` is "created_at", "sent_at", "subject" or "recipient_email", with "-" before it for descending.
        """
        return walk(self._api.mail_page, _query(keyword, sort, page_size))

    def mail(self, mail_id: str) -> Mail:
        """One mail with its body and its files."""
        return self._api.mail(mail_id)

    def revoke(self, mail_id: str) -> None:
        """End every access through a mail, at once. Safe to repeat."""
        self._api.revoke_mail(mail_id)

    def inbox(
        self, *, keyword: str | None = None, sort: str = "-received_at", page_size: int | None = None
    ) -> Iterator[InboxMail]:
        """The mails that you have received, fetched page by page, without their bodies.

        `sort` is "received_at", "subject" or "created_by_email", with "-" before it for descending.
        """
        return walk(self._api.inbox_page, _query(keyword, sort, page_size))

    def read(self, mail_id: str) -> InboxMail:
        """One mail with its body and its files; its sender sees that it was opened. `get` fetches the files."""
        return self._api.inbox_mail(mail_id)

    def hide(self, mail_id: str) -> None:
        """Out of your inbox; its sender sees no difference."""
        self._api.hide_inbox_mail(mail_id)

    def _received(self, mail_id: str, otherwise: NotFound) -> InboxMail:
        """The mail in the user's inbox, which is looked at only where there is no file by this id."""
        try:
            return self.read(mail_id)
        except (NotFound, NotAllowed):
            raise otherwise from None


def _query(keyword: str | None, sort: str, page_size: int | None) -> dict[str, str]:
    asked = {"sort": sort, "keyword": keyword, "limit": str(page_size) if page_size else None}
    return {name: value for name, value in asked.items() if value is not None}


def recipient_of(text: str) -> dict[str, str]:
    """One address, with a name or without. Raises UsageError for all else: what is guessed goes to somebody else.

    (`email.utils.parseaddr` guesses: of several addresses it takes the first, and out of one it takes the spaces.)
    """
    if not (found := _RECIPIENT.fullmatch(text.strip())):
        raise UsageError(
            f"not an e-mail address: {text!r}",
            hint="Write one, as in carol@example.net or Carol Carter <carol@example.net>; several one by one.",
        )
    name = (found["quoted"] or found["name"] or "").strip()
    email = found["alone"] or found["email"]
    return {"email": email, "name": name} if name else {"email": email}
