"""Downloads: a grant over files with a number of uses and an expiry, and the rule of who may use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.ids import AccountId, DownloadId, FileId
from chalicelib.domain.people import Author
from chalicelib.domain.secret import SecretHash

MANUAL_LIFETIME = timedelta(seconds=60)
MANUAL_USES = 1
MAX_FILES = 100
SESSION_LIFETIME = timedelta(hours=6)
URL_LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    id: DownloadId
    account_id: AccountId
    sender: Author
    file_ids: tuple[FileId, ...]
    uses_left: int
    created_at: datetime
    expires_at: datetime  # the last moment at which a use can be spent; sessions may outlive it
    key_hash: SecretHash | None = None  # of the one download key that is current
    sessions: Mapping[SecretHash, datetime] = field(default_factory=dict)  # until when each may ask for fresh URLs
    revoked_at: datetime | None = None

    @property
    def forgotten_at(self) -> datetime:
        """When not even a session can still be open, and the record may go."""
        return self.expires_at + SESSION_LIFETIME


@dataclass(frozen=True, slots=True)
class DownloadKey:
    """What a download key leads to. The files stand here too, so that they can be read together with the download."""

    key_hash: SecretHash
    download_id: DownloadId
    file_ids: tuple[FileId, ...]
    forgotten_at: datetime


@dataclass(frozen=True, slots=True)
class Allowed:
    """The performer may have the files."""


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str  # for the log; the caller is told one thing whatever it is


Decision = Allowed | Refused


def may_spend(download: Download, key_hash: SecretHash, now: datetime) -> Decision:
    """Whether a use could be spent now. The store's conditional write has the last word."""
    if refusal := _withdrawn(download, key_hash):
        return refusal
    if download.expires_at <= now:
        return Refused("expired")
    if download.uses_left < 1:
        return Refused("spent")
    return Allowed()


def may_resume(download: Download, key_hash: SecretHash, session_hash: SecretHash, now: datetime) -> Decision:
    """Whether the holder of a session may have fresh URLs; nothing is spent."""
    if refusal := _withdrawn(download, key_hash):
        return refusal
    until = download.sessions.get(session_hash)
    if until is None:
        return Refused("unknown session")
    return Allowed() if now < until else Refused("session expired")


def _withdrawn(download: Download, key_hash: SecretHash) -> Refused | None:
    if download.revoked_at:
        return Refused("revoked")
    return None if download.key_hash == key_hash else Refused("key replaced")
