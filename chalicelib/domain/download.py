"""Downloads: a grant over files with a number of uses and an expiry, and the rule of who may use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.domain.ids import AccountId, DownloadId, FileId, MailId
from chalicelib.domain.people import Author
from chalicelib.domain.pin import PinHolder, PinVerifier
from chalicelib.domain.secret import SecretHash

MANUAL_LIFETIME = timedelta(seconds=60)
MANUAL_USES = 1
MAX_FILES = 100
MAX_LIFETIME = timedelta(days=90)  # of a mail's, too
MAX_USES = 100  # each leaves a session in the download's record
SESSION_LIFETIME = timedelta(hours=6)
DOWNLOAD_URL_LIFETIME = timedelta(minutes=5)
KEPT_AFTER_EXPIRY = timedelta(days=90)  # of a mail and what belongs to it, as a line in the lists of both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    id: DownloadId
    account_id: AccountId
    sender: Author
    file_ids: tuple[FileId, ...]
    uses_left: int
    created_at: datetime
    expires_at: datetime  # the last moment at which a use can be spent; sessions may outlive it, but not a mail's
    mail_id: MailId | None = None  # the mail that it belongs to; None: made by hand
    key_hash: SecretHash | None = None  # of the one download key that is current
    link_hash: SecretHash | None = None  # of the one that went out in an e-mail
    sessions: Mapping[SecretHash, datetime] = field(default_factory=dict)  # until when each may ask for fresh URLs
    revoked_at: datetime | None = None
    pin: PinVerifier | None = None  # made for pin_holder; asked of whoever performs it, and not of its sessions

    @property
    def pin_holder(self) -> PinHolder:
        return PinHolder("download", self.id)

    @property
    def forgotten_at(self) -> datetime:
        """When not even a session can still be open, or the mail is forgotten, and the record may go."""
        return self.expires_at + (KEPT_AFTER_EXPIRY if self.mail_id else SESSION_LIFETIME)

    def ends_by(self, moment: datetime) -> datetime:
        """How long something that it opens may last: what a mail opens does not outlive the mail."""
        return min(moment, self.expires_at) if self.mail_id else moment


@dataclass(frozen=True, slots=True)
class DownloadKey:
    """What a download key leads to. The files stand here too, so that they can be read together with the download."""

    key_hash: SecretHash
    download_id: DownloadId
    file_ids: tuple[FileId, ...]
    forgotten_at: datetime
    is_link: bool = False  # it goes out in the e-mail of the download's mail


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
    return None if key_hash in {download.key_hash, download.link_hash} else Refused("key replaced")
