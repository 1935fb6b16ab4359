"""Inbox mails on the wire: a mail as its recipient sees it."""

from typing import Any, Literal, Self

from chalicelib.services.read_inbox import InboxMail
from chalicelib.wire.base import Moment, Out
from chalicelib.wire.downloads import SenderView
from chalicelib.wire.lists import Keyword, SortedQuery
from chalicelib.wire.mails import Embedded, EmbeddedDownloadView, Include, embedded_fields
from chalicelib.wire.people import AuthorView

InboxSort = Literal[  # INBOX_SORTS, both ways
    "received_at",
    "-received_at",
    "subject",
    "-subject",
    "created_by_email",
    "-created_by_email",
]


class InboxQuery(SortedQuery):
    sort: InboxSort = "-received_at"
    keyword: Keyword | None = None
    include: Include = frozenset()


class InboxMailView(Out):
    id: str
    identifier: str
    subject: str
    body: str | None = None  # HTML; left out of lists; null once the mail was revoked or has expired
    sender: SenderView
    received_at: Moment
    opened: bool
    expires_at: Moment
    revoked_at: Moment | None
    pin_required: bool
    download_id: str
    download: EmbeddedDownloadView | None = None  # these two are left out where they were not asked for
    author: AuthorView | None = None

    @classmethod
    def of(cls, received: InboxMail, include: Include, downloads: Embedded) -> Self:
        return cls(**_fields(received), **embedded_fields(received.mail, include, downloads))

    @classmethod
    def of_read(cls, received: InboxMail, include: Include, downloads: Embedded) -> Self:
        embedded = embedded_fields(received.mail, include, downloads)
        return cls(**_fields(received), **embedded, body=received.body)


def _fields(received: InboxMail) -> dict[str, Any]:
    mail = received.mail
    return {
        "id": mail.id,
        "identifier": mail.identifier,
        "subject": mail.subject,
        "sender": SenderView(name=mail.author.name, email=mail.author.email),
        "received_at": received.entry.received_at,
        "opened": mail.opened_at is not None,
        "expires_at": mail.expires_at,
        "revoked_at": mail.revoked_at,
        "pin_required": mail.pin_required,
        "download_id": mail.download_id,
    }
