"""A file and its life: pending → ready or rejected; trashed and restored; purged, which is the end.

Every move is a method that answers the changed record, or raises Conflict when the move is not legal. Storing it is
one conditional write on `revision` (ports.FileStore.save), so of two requests that move one file at once, one loses.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, CategoryId, FileId
from chalicelib.domain.page import Sorts, number_value, text_value, time_value
from chalicelib.domain.people import Author
from chalicelib.domain.quota import Usage
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import Multipart

OBJECT_PREFIX = "files/"
PENDING_SILENCE = timedelta(hours=24)  # a pending upload ends this long after its last sign of life,
PENDING_LIMIT = timedelta(days=7)  # and this long after its start at the latest
TRASH_RETENTION = timedelta(days=30)  # also how long a rejected upload can be asked why
SIGN_OF_LIFE_RESOLUTION = timedelta(hours=1)
LATE_BYTES = timedelta(days=1)  # a PUT may still arrive: its URL works for an hour, and then it may be slow


class Status(StrEnum):
    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"


class EncryptionMode(StrEnum):
    SERVER = "server"  # S3 encrypts with our KMS key
    CLIENT = "client"  # the client seals under a data key from our KMS key


class Shelf(StrEnum):
    """The lists that a file can be in; it is in one at a time, or, once a purge has begun, in none."""

    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"
    TRASHED = "trashed"


_MOVES = {Status.PENDING: {Status.READY, Status.REJECTED}, Status.READY: set(), Status.REJECTED: set()}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    id: FileId
    account_id: AccountId
    created_by: Author
    created_at: datetime
    filename: str  # with its extension
    type: str  # media type, the client's word
    size_bytes: int  # of the plain content
    stored_bytes: int  # of the object in S3; more than size_bytes when sealed by the client
    encryption_mode: EncryptionMode
    wrapped_key: WrappedKey | None  # client mode; the first thing a purge removes
    multipart: Multipart | None  # None: a single PUT
    checksum_sha256: str | None  # base64, of the stored bytes, as declared and checked by S3
    expires_at: datetime | None
    category_id: CategoryId | None = None  # of a category that there may be no more: look it up before showing it
    status: Status = Status.PENDING
    alive_at: datetime  # last sign of life of a pending upload
    settled_at: datetime | None = None  # when it became ready or rejected
    rejected_reason: str | None = None
    object_version: str | None = None  # the one version that was verified; downloads pin it
    trashed_at: datetime | None = None
    purging_at: datetime | None = None
    is_charged: bool = True  # to the account's quota; the store's to change, in the write that ends the file
    revision: int = 0  # counts stored changes; 0 is not stored yet

    @property
    def object_key(self) -> str:
        return object_key(self.id)

    @property
    def charge(self) -> Usage:
        """What it takes of the account's quota."""
        return Usage(stored_bytes=self.stored_bytes, files=1) if self.is_charged else Usage()

    @property
    def gives_quota_back(self) -> bool:
        """A rejected upload holds nothing: the write that stores it so gives back what it took."""
        return self.is_charged and self.status is Status.REJECTED

    @property
    def shelf(self) -> Shelf | None:
        if self.purging_at:
            return None
        return Shelf.TRASHED if self.trashed_at else Shelf(self.status)

    @property
    def due_at(self) -> datetime | None:
        """When the sweep has something to do here."""
        if self.purging_at:
            return self.purging_at
        ends = [self.expires_at, self.trashed_at and self.trashed_at + TRASH_RETENTION]
        if self.status is Status.PENDING:
            ends += [self.alive_at + PENDING_SILENCE, self.created_at + PENDING_LIMIT]
        if self.status is Status.REJECTED and self.settled_at:
            ends.append(self.settled_at + TRASH_RETENTION)
        return min((end for end in ends if end), default=None)

    def bytes_may_come_until(self, now: datetime) -> datetime:
        """No PUT is signed once a file is settled, or its purge has begun. Those that were may land for a while."""
        return (self.settled_at or self.purging_at or now) + LATE_BYTES

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def is_visible(self, now: datetime) -> bool:
        """False for what is gone to every reader, though the sweep may not have been there yet."""
        return self.purging_at is None and not self.has_expired(now)

    def can_be_downloaded(self, now: datetime) -> bool:
        return self.status is Status.READY and self.trashed_at is None and self.is_visible(now)

    def made_ready(self, object_version: str, now: datetime) -> "File":
        self._must_be_allowed(Status.READY)
        return replace(self, status=Status.READY, object_version=object_version, settled_at=now, multipart=None)

    def rejected(self, reason: str, now: datetime) -> "File":
        self._must_be_allowed(Status.REJECTED)
        return replace(
            self,
            status=Status.REJECTED,
            rejected_reason=reason,
            settled_at=now,
            wrapped_key=None,
            multipart=None,
        )

    def shows_life(self, now: datetime) -> "File":
        return replace(self, alive_at=max(self.alive_at, now))

    def life_is_stale(self, now: datetime) -> bool:
        return now - self.alive_at >= SIGN_OF_LIFE_RESOLUTION

    def trashed(self, now: datetime) -> "File":
        if self.status is not Status.READY or self.purging_at:
            raise Conflict("Only a ready file can be put in the trash.")
        return self if self.trashed_at else replace(self, trashed_at=now)

    def restored(self) -> "File":
        if self.purging_at:
            raise Conflict("This file is being purged.")
        return replace(self, trashed_at=None)

    def purging(self, now: datetime) -> "File":
        """Without its wrapped key nobody can be given the means to read it, from this write on."""
        return self if self.purging_at else replace(self, purging_at=now, wrapped_key=None)

    def _must_be_allowed(self, target: Status) -> None:
        if self.purging_at or target not in _MOVES[self.status]:
            raise Conflict(f"A file that is {self.status} cannot become {target}.")


def searched_texts(file: File) -> Iterable[str]:
    """What a keyword is looked for in."""
    return (file.filename,)


FILE_SORTS: Sorts[File] = {
    "created_at": lambda file: time_value(file.created_at),
    "filename_original": lambda file: text_value(file.filename),
    "size": lambda file: number_value(file.size_bytes),
    "encrypted_size": lambda file: number_value(file.stored_bytes),
}


def object_key(file_id: FileId) -> str:
    """The S3 key: opaque, never a name that a user chose."""
    return OBJECT_PREFIX + file_id
