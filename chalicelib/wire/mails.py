"""Mails on the wire, as their sender's account sees them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from chalicelib.domain.download import MAX_FILES
from chalicelib.domain.ids import DownloadId
from chalicelib.domain.mail import DEFAULT_DOWNLOADS, MAX_DOWNLOADS, MAX_RECIPIENTS, Mail, Recipient
from chalicelib.domain.pin import Pin
from chalicelib.domain.text import one_line
from chalicelib.services.embed_downloads import EmbeddedDownload
from chalicelib.services.open_mail import ReadMail
from chalicelib.services.send_mails import NewMails
from chalicelib.wire.base import In, Moment, Out, Query
from chalicelib.wire.downloads import DownloadView, SenderView, SharedFileView
from chalicelib.wire.html_body import MAX_BODY_LENGTH, sanitised
from chalicelib.wire.lists import Keyword, SortedQuery
from chalicelib.wire.people import AuthorView, Email, Name
from chalicelib.wire.pins import NewPin

Subject = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)
]
Html = Annotated[str, StringConstraints(max_length=MAX_BODY_LENGTH), AfterValidator(sanitised)]
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


Include = Annotated[frozenset[Literal["download", "download.files", "author"]], BeforeValidator(_listed)]


class IncludeQuery(Query):
    include: Include = frozenset()


class MailsQuery(SortedQuery):
    sort: MailSort = "-created_at"
    keyword: Keyword | None = None
    include: Include = frozenset()


class RecipientIn(In):
    email: Email
    name: Name | None = None

    def recipient(self) -> Recipient:
        return Recipient(email=self.email, name=self.name or self.email)


class CreateMails(In):
    recipients: Annotated[list[RecipientIn], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    subject: Subject
    body: Html
    files: Annotated[list[str], Field(min_length=1, max_length=MAX_FILES)]
    expires_at: Moment | None = None
    max_downloads: Annotated[int, Field(ge=1, le=MAX_DOWNLOADS)] = DEFAULT_DOWNLOADS
    pin: NewPin | None = None  # told by another way: no e-mail holds it

    def new_mails(self) -> NewMails:
        return NewMails(
            recipients=[recipient.recipient() for recipient in self.recipients],
            subject=self.subject,
            body=self.body,
            file_ids=self.files,
            max_downloads=self.max_downloads,
            expires_at=self.expires_at,
            pin=Pin(self.pin) if self.pin else None,
        )


class RecipientView(Out):
    """Nothing here may depend on whether the recipient has an account."""

    name: str
    initials: str
    email: str
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
    files: list[SharedFileView] | None = None  # left out where they were not asked for

    @classmethod
    def of_embedded(cls, embedded: EmbeddedDownload) -> Self:
        fields = DownloadView.of(embedded.download).model_dump()
        if embedded.files is not None:
            fields["files"] = [SharedFileView.of(file) for file in embedded.files]
        return cls(**fields)


Embedded = Mapping[DownloadId, EmbeddedDownload]


class MailView(Out):
    id: str
    identifier: str
    subject: str
    body: str | None = None  # HTML; left out of lists
    sender: SenderView
    recipient: RecipientView
    recipient_email: str
    created_at: Moment
    sent_at: Moment | None
    status: str
    failed_reason: str | None
    opened_at: Moment | None
    expires_at: Moment
    revoked_at: Moment | None
    max_downloads: int
    pin_required: bool
    download_id: str
    download: EmbeddedDownloadView | None = None  # these two are left out where they were not asked for
    author: AuthorView | None = None

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
        "status": str(mail.status),
        "failed_reason": mail.failed_reason,
        "opened_at": mail.opened_at,
        "expires_at": mail.expires_at,
        "revoked_at": mail.revoked_at,
        "max_downloads": mail.max_downloads,
        "pin_required": mail.pin_required,
        "download_id": mail.download_id,
    }
