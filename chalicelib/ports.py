"""What the services need from the world. Each method says what it raises and what is atomic about it.

Any method may raise `Busy`: AWS throttles or does not answer, and nothing is known about the effect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.download import Download, DownloadKey
from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId, DownloadId, FileId, TokenId, UserId
from chalicelib.domain.message_header import MessageHeader
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Account, User
from chalicelib.domain.rate_limit import RateLimit
from chalicelib.domain.sealing import DataKey, WrappedKey
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.upload import ReceivedPart


class StaleRecord(Exception):
    """The record was changed, or went, since it was read: read it again and decide anew."""


class Limiter(Protocol):
    def refused_from_memory(self, address: str, now_us: int) -> RateLimit | None:
        """The refusal that is still true of this address, found without any call; else None."""

    def take(self, address: str, now_us: int) -> RateLimit:
        """Take one token, if there is one, in one atomic write. A refused request takes none."""


class TokenStore(Protocol):
    def add(self, token: ApiToken) -> None: ...

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        """The token as of now: a revocation that was answered is seen."""

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        """Newest first."""

    def remove(self, token_id: TokenId, user_id: UserId) -> bool:
        """Atomic: False when this user has no such token."""

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        """Remember the time of use, unless the token has gone meanwhile: then nothing is written."""


class UserStore(Protocol):
    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        """All or nothing. Raises Conflict when the e-mail address has a user already."""

    def find(self, user_id: UserId) -> User | None: ...

    def find_account(self, account_id: AccountId) -> Account | None: ...


class FileStore(Protocol):
    def add(self, file: File) -> File: ...

    def find(self, file_id: FileId) -> File | None:
        """The record as of now, whoever asks: callers check the account (domain ownership is theirs)."""

    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        """Those of at most 100 files that have a record, in the order asked for; one round trip."""

    def list_of(self, account_id: AccountId, shelf: Shelf, limit: int, after: Position | None) -> Page[File]:
        """Newest first; reads no more records than it returns. May lag behind `find` by moments."""

    def save(self, file: File) -> File:
        """Store a changed record, if nobody has changed it since it was read: one conditional write.

        Answers the record with its new revision. Raises StaleRecord.
        """

    def remove(self, file: File) -> None:
        """Forget a purged record. Harmless when it has gone already."""

    def due(self, now: datetime, limit: int) -> Sequence[FileId]:
        """Files whose `due_at` has come, oldest first within a shard. May lag, so `find` decides."""


class DownloadStore(Protocol):
    def add(self, download: Download) -> None: ...

    def find(self, download_id: DownloadId) -> Download | None: ...

    def find_key(self, key_hash: SecretHash) -> DownloadKey | None: ...

    def find_with_files(self, key: DownloadKey) -> tuple[Download | None, list[File]]:
        """The download and those of its files that still have a record, in its order; one round trip."""

    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        """Replace the download's key, atomically. Raises Gone: spent, expired or revoked meanwhile."""

    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        """Spend one use and open a session, in one conditional write. Raises Gone, with the reason for the log."""

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        """Undo exactly the spending that opened this session, if it stands: once, however often it is called."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    url: str
    headers: Mapping[str, str]  # what the client must send, byte for byte


@dataclass(frozen=True, slots=True)
class StoredObject:
    version: str
    size_bytes: int
    checksum_sha256: str | None


class ObjectStore(Protocol):
    """The bucket. Signing is local arithmetic and calls nothing."""

    def sign_put(self, object_key: str, size_bytes: int, checksum_sha256: str | None) -> SignedRequest: ...

    def sign_part(
        self, object_key: str, upload_id: str, number: int, size_bytes: int, checksum_sha256: str | None
    ) -> SignedRequest: ...

    def sign_get(self, object_key: str, version: str, disposition: str, media_type: str) -> str: ...

    def start_multipart(self, object_key: str, *, part_checksums: bool) -> str:
        """Answers the upload id."""

    def received_parts(self, object_key: str, upload_id: str) -> list[ReceivedPart] | None:
        """None when S3 knows no such upload: completed, aborted, or never begun."""

    def finish_multipart(self, object_key: str, upload_id: str, parts: Sequence[ReceivedPart]) -> None:
        """Harmless to repeat: what became of it is for `head` to say.

        Raises Conflict when one of these parts was replaced since they were listed.
        """

    def abort_multipart(self, object_key: str, upload_id: str) -> None:
        """Harmless when there is nothing to abort."""

    def head(self, object_key: str) -> StoredObject | None: ...

    def read_start(self, object_key: str, version: str, length: int) -> bytes:
        """Raises ObjectGone when the version was deleted since it was seen."""

    def delete_versions(self, object_key: str) -> None:
        """Delete every version and delete marker of this key: nothing is left to restore."""


class ObjectGone(Exception):
    """The version of an object that was to be read is there no more."""


class KeyService(Protocol):
    def generate(self, context: Mapping[str, str]) -> DataKey: ...

    def unwrap(self, key: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Raises WrongContext for a key that was not wrapped under this context."""


class WrongContext(Exception):
    """KMS refuses to unwrap: another encryption context, another key, or damaged bytes."""


class HeaderAuthenticator(Protocol):
    def __call__(self, header: MessageHeader, data_key: bytes) -> bool:
        """Whether this data key is the one the message commits to, and the header is unaltered."""
