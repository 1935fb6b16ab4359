"""Mails as the library answers them. Times are aware datetimes in UTC."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sealdrop import fields
from sealdrop.fields import Json
from sealdrop.models import Person


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file that comes with a mail."""

    id: str
    full_filename: str
    size: int  # bytes of the file itself

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            id=fields.take(record, "id", str),
            full_filename=fields.take(record, "full_filename", str),
            size=fields.size(record, "size"),
        )


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was sent. `status` is queued, success or failed; `failed_reason` says why, else it is None."""

    id: str
    identifier: str  # short, for people
    subject: str
    body: str | None  # HTML; None where a list answered it
    sender: Person
    recipient: Person
    created_at: datetime
    sent_at: datetime | None
    status: str
    failed_reason: str | None
    opened_at: datetime | None
    expires_at: datetime
    revoked_at: datetime | None
    max_downloads: int
    pin_required: bool
    download_id: str
    uses_left: int | None  # of its downloads; None where it was not asked for, or is forgotten
    files: tuple[MailFile, ...]  # empty where they were not asked for

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            **_shared(record),
            recipient=Person.parse(fields.take(record, "recipient", dict)),
            created_at=fields.moment(record, "created_at"),
            sent_at=fields.optional_moment(record, "sent_at"),
            status=fields.take(record, "status", str),
            failed_reason=fields.optional(record, "failed_reason", str),
            opened_at=fields.optional_moment(record, "opened_at"),
            max_downloads=fields.size(record, "max_downloads"),
        )


@dataclass(frozen=True, slots=True)
class InboxMail:
    """A mail that was received."""

    id: str
    identifier: str
    subject: str
    body: str | None  # HTML; None where a list answered it, and once it was revoked or has expired
    sender: Person
    received_at: datetime
    opened: bool
    expires_at: datetime
    revoked_at: datetime | None
    pin_required: bool
    download_id: str
    uses_left: int | None
    files: tuple[MailFile, ...]

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            **_shared(record),
            received_at=fields.moment(record, "received_at"),
            opened=fields.take(record, "opened", bool),
        )


def _shared(record: Json) -> dict[str, Any]:
    download = fields.optional(record, "download", dict)
    return {
        "id": fields.take(record, "id", str),
        "identifier": fields.take(record, "identifier", str),
        "subject": fields.take(record, "subject", str),
        "body": fields.optional(record, "body", str),
        "sender": Person.parse(fields.take(record, "sender", dict)),
        "expires_at": fields.moment(record, "expires_at"),
        "revoked_at": fields.optional_moment(record, "revoked_at"),
        "pin_required": fields.take(record, "pin_required", bool),
        "download_id": fields.take(record, "download_id", str),
        "uses_left": fields.size(download, "uses_left") if download else None,
        "files": fields.items(download, "files", MailFile.parse) if download and "files" in download else (),
    }
