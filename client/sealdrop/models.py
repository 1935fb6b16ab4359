"""What the service keeps, as the library answers it. Times are aware datetimes in UTC, sizes are bytes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self, cast

from sealdrop import fields
from sealdrop.errors import BadAnswer
from sealdrop.fields import Json

EncryptionMode = Literal["client", "server"]


def encryption_mode(record: Json) -> EncryptionMode:
    mode = fields.take(record, "encryption_mode", str)
    if mode not in ("client", "server"):
        raise BadAnswer("the file has an encryption mode that this client does not know")
    return cast("EncryptionMode", mode)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as they are shown beside what they made, sent or are sent."""

    name: str
    email: str
    initials: str | None = None
    photo_url: str | None = None
    timezone: str | None = None

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            name=fields.take(record, "name", str),
            email=fields.take(record, "email", str),
            initials=fields.optional(record, "initials", str),
            photo_url=fields.optional(record, "photo_url", str),
            timezone=fields.optional(record, "timezone", str),
        )


@dataclass(frozen=True, slots=True)
class File:
    """One uploaded file. `status` is pending, ready or rejected; `rejected_reason` says why, else it is None."""

    id: str
    filename: str  # without the extension
    extension: str
    full_filename: str
    type: str | None  # media type, as declared by the uploader
    size: int  # bytes of the file itself
    encrypted_size: int | None  # bytes as stored: more than `size` when sealed by the client
    encryption_mode: EncryptionMode
    checksum_sha256: str | None  # base64, of the stored bytes; None where nobody declared one
    status: str
    rejected_reason: str | None
    trashed: bool
    created_by: Person | None
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    category_id: str | None

    @property
    def stored_size(self) -> int:
        """Bytes that travel: what a progress bar counts."""
        return self.size if self.encrypted_size is None else self.encrypted_size

    @classmethod
    def parse(cls, record: Json) -> Self:
        person = record.get("created_by")
        stored = record.get("encrypted_size")
        return cls(
            id=fields.take(record, "id", str),
            filename=fields.take(record, "filename", str),
            extension=fields.optional(record, "extension", str) or "",
            full_filename=fields.take(record, "full_filename", str),
            type=fields.optional(record, "type", str),
            size=fields.size(record, "size"),
            encrypted_size=None if stored is None else fields.size(record, "encrypted_size"),
            encryption_mode=encryption_mode(record),
            checksum_sha256=fields.optional(record, "checksum_sha256", str),
            status=fields.take(record, "status", str),
            rejected_reason=fields.optional(record, "rejected_reason", str),
            trashed=fields.take(record, "trashed", bool),
            created_by=None if person is None else Person.parse(fields.as_object(person, "created_by")),
            created_at=fields.moment(record, "created_at"),
            ready_at=fields.optional_moment(record, "ready_at"),
            expires_at=fields.optional_moment(record, "expires_at"),
            category_id=fields.optional(record, "category_id", str),
        )


@dataclass(frozen=True, slots=True)
class Download:
    """A grant over files, with a number of uses and an expiry. It needs a key before it can be performed."""

    id: str
    created_at: datetime | None
    expires_at: datetime
    uses_left: int

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            id=fields.take(record, "id", str),
            created_at=fields.optional_moment(record, "created_at"),
            expires_at=fields.moment(record, "expires_at"),
            uses_left=fields.size(record, "uses_left"),
        )


@dataclass(frozen=True, slots=True)
class DownloadKey:
    """The secret that performs a download: whoever has it gets the files."""

    key: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(key=fields.take(record, "key", str), expires_at=fields.moment(record, "expires_at"))


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file inside a download, before a use is spent."""

    id: str
    full_filename: str
    size: int
    encrypted_size: int | None
    type: str | None
    encryption_mode: EncryptionMode

    @classmethod
    def parse(cls, record: Json) -> Self:
        stored = record.get("encrypted_size")
        return cls(
            id=fields.take(record, "id", str),
            full_filename=fields.take(record, "full_filename", str),
            size=fields.size(record, "size"),
            encrypted_size=None if stored is None else fields.size(record, "encrypted_size"),
            type=fields.optional(record, "type", str),
            encryption_mode=encryption_mode(record),
        )

    @property
    def stored_size(self) -> int:
        """Bytes that travel."""
        return self.size if self.encrypted_size is None else self.encrypted_size


@dataclass(frozen=True, slots=True)
class DownloadView:
    """What a download key holds; looking spends nothing."""

    sender_name: str
    sender_email: str
    uses_left: int
    expires_at: datetime
    pin_required: bool
    files: tuple[OfferedFile, ...]  # empty where a PIN is asked first

    @classmethod
    def parse(cls, record: Json) -> Self:
        sender = fields.take(record, "sender", dict)
        return cls(
            sender_name=fields.take(sender, "name", str),
            sender_email=fields.take(sender, "email", str),
            uses_left=fields.size(record, "uses_left"),
            expires_at=fields.moment(record, "expires_at"),
            pin_required=fields.take(record, "pin_required", bool),
            files=fields.items(record, "files", OfferedFile.parse) if "files" in record else (),
        )
