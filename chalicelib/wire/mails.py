"""Mails on the wire, as their sender's account sees them."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from chalicelib.domain.download import MAX_FILES, MAX_USES
from chalicelib.domain.ids import DownloadId
from chalicelib.domain.mail import DEFAULT_DOWNLOADS, MAX_RECIPIENTS, Mail, MailStatus, Recipient
from chalicelib.domain.text import one_line
from chalicelib.services.embed_downloads import EmbeddedDownload
from chalicelib.services.open_mail import ReadMail
from chalicelib.services.send_mails import NewMails
from chalicelib.wire.base import Id, In, Moment, Out, Query, doc
from chalicelib.wire.downloads import DownloadView, SenderView, SharedFileView
from chalicelib.wire.html_body import MAX_BODY_LENGTH, sanitised
from chalicelib.wire.lists import SORTING, Keyword, SortedQuery
from chalicelib.wire.people import AuthorView, Email, Name
from chalicelib.wire.pins import NewPin

Subject = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(one_line),
    doc("One line. Space around it is dropped.", "Your contract", pattern=r"\S"),
]
Html = Annotated[
    str,
    StringConstraints(max_length=MAX_BODY_LENGTH),
    AfterValidator(sanitised),
    doc("HTML. Text, its structure and links are kept; what runs, loads or styles is dropped.", "<p>Please sign.</p>"),
]
Identifier = Annotated[str, doc("For people: short, and unique in its account.", "K7WPX4D")]
MailExpiresAt = Annotated[Moment, doc("Until then its files can be had.", "2026-03-15T12:00:00.000000Z")]
MailSort = Literal[  # MAIL_SORTS, both ways
    "created_at",
    "-created_at",
    "sent_at",
    "-sent_at",
    "subject",
    "-subject",
    "recipient_email",
    "-recipient_email",
]


def _listed(given: Any) -> Any:
    return given.split(",") if isinstance(given, str) else given


Include = Annotated[
    frozenset[Literal["download", "download.files", "author"]],
    BeforeValidator(_listed),
    doc("What comes with each mail.", ["download.files", "author"]),
]


class IncludeQuery(Query):
    include: Include = frozenset()


class MailsQuery(SortedQuery):
    sort: Annotated[MailSort, SORTING] = "-created_at"
    keyword: Annotated[
        Keyword | None, doc("A part of the identifier, the subject, a name or an address.", "contract")
    ] = None
    include: Include = frozenset()


class RecipientIn(In):
    email: Email
    name: Annotated[Name | None, doc("The address stands for it when it is left out.", "Carol Chen")] = None

    def recipient(self) -> Recipient:
        return Recipient(email=self.email, name=self.name or self.email)


class CreateMails(In):
    EXAMPLES: ClassVar = {
        "one file to one person": {
            "recipients": [{"email": "carol@example.com", "name": "Carol Chen"}],
            "subject": "Your contract",
            "body": "<p>Please sign.</p>",
            "files": ["3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"],
        },
        "to two people, with a PIN": {
            "recipients": [{"email": "carol@example.com"}, {"email": "dan@example.com"}],
            "subject": "Your contract",
            "body": "<p>I tell you the PIN by telephone.</p>",
            "files": ["3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"],
            "pin": "7294",
            "max_downloads": 3,
        },
    }

    recipients: Annotated[
        list[RecipientIn], Field(min_length=1, max_length=MAX_RECIPIENTS), doc("Each gets a mail of their own.")
    ]
    subject: Subject
    body: Html
    files: Annotated[list[Id], Field(min_length=1, max_length=MAX_FILES), doc("Ids of own files that are ready.")]
    expires_at: Annotated[Moment | None, doc("Within 90 days; in 14 days when it is left out.")] = None
    max_downloads: Annotated[
        int, Field(ge=1, le=MAX_USES), doc("How often each recipient can perform the download.", 3)
    ] = DEFAULT_DOWNLOADS
    pin: Annotated[
        NewPin | None, doc("Asked for before anything is shown. Tell it another way: no e-mail holds it.")
    ] = None

    def new_mails(self) -> NewMails:
        return NewMails(
            recipients=[recipient.recipient() for recipient in self.recipients],
            subject=self.subject,
            body=self.body,
            file_ids=self.files,
            max_downloads=self.max_downloads,
            expires_at=self.expires_at,
            pin=self.pin,
        )


class RecipientView(Out):
    """Nothing here may depend on whether the recipient has an account."""

    name: Annotated[str, Field(examples=["Carol Chen"])]
    initials: Annotated[str, Field(examples=["CC"])]
    email: Annotated[str, Field(examples=["carol@example.com"])]
    photo_url: None
    timezone: None

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        return cls(
            name=recipient.name,
            initials=recipient.initials,
            email=recipient.email,
            photo_url=None,
            timezone=None,
        )


class EmbeddedDownloadView(DownloadView):
    files: Annotated[
        list[SharedFileView] | None,
        doc("Left out where they were not asked for; in an inbox also where a PIN is asked for first."),
    ] = None

    @classmethod
    def of_embedded(cls, embedded: EmbeddedDownload) -> Self:
        fields = DownloadView.of(embedded.download).model_dump()
        if embedded.files is not None:
            fields["files"] = [SharedFileView.of(file) for file in embedded.files]
        return cls(**fields)


Embedded = Mapping[DownloadId, EmbeddedDownload]


class MailView(Out):
    id: Id
    identifier: Identifier
    subject: Annotated[str, Field(examples=["Your contract"])]
    body: Annotated[str | None, doc("HTML; left out of lists.", "<p>Please sign.</p>")] = None
    sender: SenderView
    recipient: RecipientView
    recipient_email: Annotated[str, Field(examples=["carol@example.com"])]
    created_at: Moment
    sent_at: Moment | None
    status: Annotated[MailStatus, doc("`queued`, then `success` or `failed`, as a bounce can show later.", "success")]
    failed_reason: Annotated[str | None, Field(examples=[None])]
    opened_at: Annotated[Moment | None, doc("null until then.", None)]
    expires_at: MailExpiresAt
    revoked_at: Annotated[Moment | None, Field(examples=[None])]
    max_downloads: Annotated[int, Field(examples=[3])]
    pin_required: Annotated[bool, Field(examples=[False])]
    download_id: Id
    download: Annotated[EmbeddedDownloadView | None, doc("Left out where it was not asked for.")] = None
    author: Annotated[AuthorView | None, doc("Left out where it was not asked for.")] = None

    @classmethod
    def of(cls, mail: Mail, include: Include, downloads: Embedded) -> Self:
        return cls(**_mail_fields(mail), **embedded_fields(mail, include, downloads))

    @classmethod
    def of_read(cls, read: ReadMail, include: Include, downloads: Embedded) -> Self:
        return cls(**_mail_fields(read.mail), **embedded_fields(read.mail, include, downloads), body=read.body)


def embedded_fields(mail: Mail, include: Include, downloads: Embedded) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if include & {"download", "download.files"}:
        found = downloads.get(mail.download_id)
        fields["download"] = EmbeddedDownloadView.of_embedded(found) if found else None
    if "author" in include:
        fields["author"] = AuthorView.of(mail.author)
    return fields


def _mail_fields(mail: Mail) -> dict[str, Any]:
    return {
        "id": mail.id,
        "identifier": mail.identifier,
        "subject": mail.subject,
        "sender": SenderView(name=mail.author.name, email=mail.author.email),
        "recipient": RecipientView.of(mail.recipient),
        "recipient_email": mail.recipient.email,
        "created_at": mail.created_at,
        "sent_at": mail.sent_at,
        "status": mail.status,
        "failed_reason": mail.failed_reason,
        "opened_at": mail.opened_at,
        "expires_at": mail.expires_at,
        "revoked_at": mail.revoked_at,
        "max_downloads": mail.max_downloads,
        "pin_required": mail.pin_required,
        "download_id": mail.download_id,
    }
