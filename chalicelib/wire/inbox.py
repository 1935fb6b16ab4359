"""Inbox mails on the wire: a mail as its recipient sees it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from chalicelib.services.read_inbox import InboxMail
from chalicelib.wire.base import Id, Moment, Out, doc
from chalicelib.wire.downloads import SenderView
from chalicelib.wire.lists import SORTING, Keyword, SortedQuery
from chalicelib.wire.mails import Embedded, EmbeddedDownloadView, Identifier, Include, MailExpiresAt, embedded_fields
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
    sort: Annotated[InboxSort, SORTING] = "-received_at"
    keyword: Annotated[
        Keyword | None, doc("A part of the identifier, the subject, or the sender's name or address.", "contract")
    ] = None
    include: Include = frozenset()


class InboxMailView(Out):
    id: Id
    identifier: Identifier
    subject: Annotated[str, Field(examples=["Your contract"])]
    body: Annotated[
        str | None,
        doc(
            "HTML; left out of lists; null before its PIN was given, and once the mail was revoked or has expired.",
            "<p>Please sign.</p>",
        ),
    ] = None
    sender: SenderView
    received_at: Moment
    opened: Annotated[bool, Field(examples=[True])]
    expires_at: MailExpiresAt
    revoked_at: Annotated[Moment | None, Field(examples=[None])]
    pin_required: Annotated[bool, Field(examples=[False])]
    download_id: Id
    download: Annotated[EmbeddedDownloadView | None, doc("Left out where it was not asked for.")] = None
    author: Annotated[AuthorView | None, doc("Left out where it was not asked for.")] = None

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
