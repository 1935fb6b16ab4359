"""GET and POST /public/downloads/{key}: what a download holds, and performing it.

The checks, numbered as in docs/threat-model.md:
(D1) the key is known, and is the download's current one;
(D2) the download is not revoked, has not expired, has a use left (or the session is open);
(D3) at least one of its files can still be had: ready, not trashed, not expired, not purged;
(K6) where the download asks for a PIN it is given and right: before that nothing of the files is told, nothing spent;
(D7) where the performer says which encryption modes they can open, no file is of another: nothing is spent in vain;
(D4) one use is spent by one conditional write, which also opens the session;
(D5) data keys are released only to who made that write, URLs to who holds its session, too;
(D6) URLs live for minutes, force an attachment, and pin the verified version;
(M6) what a mail opens, its session and its URLs, does not outlive the mail.
Whatever check of (D2)-(D6) fails, the performer is told the same.
"""

import secrets
from collections.abc import Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib.domain.download import (
    DOWNLOAD_URL_LIFETIME,
    SESSION_LIFETIME,
    Download,
    DownloadKey,
    Refused,
    may_resume,
    may_spend,
)
from chalicelib.domain.errors import Gone, NotFound, invalid
from chalicelib.domain.event import EventType, Note
from chalicelib.domain.file import EncryptionMode, File
from chalicelib.domain.filename import content_disposition, download_type
from chalicelib.domain.pin import Pin
from chalicelib.domain.sealing import encryption_context
from chalicelib.domain.secret import SECRET_BYTES, SecretHash, hash_secret, looks_like_secret, secret_text
from chalicelib.ports import (
    BodySealer,
    DownloadStore,
    KeyService,
    MailStore,
    NoteStore,
    ObjectStore,
    PinHasher,
    PinTries,
)
from chalicelib.services.check_pin import require_pin
from chalicelib.services.open_mail import ReadMail
from chalicelib.services.read_received import read_received

NO_PIN = "This download asks for a PIN."
OTHER_MODE = "This download holds a file of another encryption mode. Nothing was spent."


@dataclass(frozen=True, slots=True)
class ShownDownload:
    download: Download
    files: Sequence[File] | None  # None where a PIN is asked for first
    mail: ReadMail | None = None  # that they came with


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    file: File
    url: str
    data_key: bytes | None  # None in server mode, and where only the URL is renewed


@dataclass(frozen=True, slots=True)
class Performed:
    files: Sequence[ReleasedFile]
    uses_left: int
    urls_expire_at: datetime
    session: str
    session_expires_at: datetime
    mail: ReadMail | None = None


def show_download(
    key: DownloadKey, now: datetime, *, downloads: DownloadStore, mails: MailStore, bodies: BodySealer
) -> ShownDownload:
    """What the download holds. Spends nothing: link previews are harmless. Raises Gone."""
    download, files = _usable(key, None, now, downloads)
    if download.pin:  # (K6)
        return ShownDownload(download, None)
    return ShownDownload(download, files, read_received(download, now, mails=mails, bodies=bodies))


def find_download_key(text: str, *, downloads: DownloadStore) -> DownloadKey:
    """(D1) Raises NotFound; what cannot be a key is refused without a look-up."""
    key = downloads.find_key(hash_secret(text)) if looks_like_secret(text) else None
    if key is None:
        raise NotFound
    return key


def perform_download(
    key: DownloadKey,
    now: datetime,
    pin: Pin | None = None,
    modes: Collection[EncryptionMode] | None = None,
    *,
    downloads: DownloadStore,
    objects: ObjectStore,
    keys: KeyService,
    mails: MailStore,
    bodies: BodySealer,
    pin_tries: PinTries,
    pin_hasher: PinHasher,
    pool: Executor,
) -> Performed:
    """Spend one use. `modes` are those that the performer can open, None all.

    Raises Gone; Invalid and PinLocked for want of the right PIN, where one is asked for; Invalid for a file of another
    mode; Busy when KMS or DynamoDB fails, and then the use is given back.
    """
    download, files = _usable(key, None, now, downloads)
    if download.pin:
        _check_pin(download, pin, now, pin_tries, pin_hasher)  # (K6)
    _check_modes(files, modes)  # (D7)
    mail = read_received(download, now, mails=mails, bodies=bodies)
    key = replace(key, file_ids=tuple(file.id for file in files))  # what is handed out, and no more
    session = secret_text(secrets.token_bytes(SECRET_BYTES))
    session_hash, until = hash_secret(session), download.ends_by(now + SESSION_LIFETIME)  # (M6)
    unwrapping = _start_unwrapping(files, keys, pool)
    try:
        download = downloads.spend(key, session_hash, until, now)  # (D4)
        data_keys = [future.result() if future else None for future in unwrapping]
        performed = _release(files, data_keys, download, session, until, now, objects)
        return replace(performed, mail=mail)
    except Gone as gone:
        raise Gone(reason=gone.reason, note=_refused(download, gone.reason or "")) from gone
    except Exception:
        downloads.give_back(key, session_hash)  # also a spending of which nobody knows whether it was made
        raise


def resume_download(
    key: DownloadKey,
    session: str,
    now: datetime,
    *,
    downloads: DownloadStore,
    objects: ObjectStore,
    notes: NoteStore,
) -> Performed:
    """Fresh URLs for the holder of a session, who has the data keys already; nothing is spent.

    Raises Gone; Busy also when it cannot be noted.
    """
    session_hash = hash_secret(session)
    download, files = _usable(key, session_hash, now, downloads)
    notes.add(_resumed(download, files), now)
    until = download.sessions[session_hash]
    return _release(files, [None] * len(files), download, session, until, now, objects)


def _usable(
    key: DownloadKey, session_hash: SecretHash | None, now: datetime, downloads: DownloadStore
) -> tuple[Download, list[File]]:
    download, files = downloads.find_with_files(key)
    if download is None:
        raise Gone(reason="forgotten")
    if session_hash is None:
        decision = may_spend(download, key.key_hash, now)  # (D2)
    else:
        decision = may_resume(download, key.key_hash, session_hash, now)
    if isinstance(decision, Refused):
        raise Gone(reason=decision.reason, note=_refused(download, decision.reason))
    files = [file for file in files if file.account_id == download.account_id and file.can_be_downloaded(now)]
    if not files:  # (D3)
        raise Gone(reason="no file left", note=_refused(download, "no file left"))
    return download, files


def _resumed(download: Download, files: Sequence[File]) -> Note:
    return Note(
        account_id=download.account_id,
        type=EventType.DOWNLOAD_RESUMED,
        subject={"download": download.id},
        file_ids=tuple(file.id for file in files),
    )


def _refused(download: Download, reason: str) -> Note:
    return Note(
        account_id=download.account_id,
        type=EventType.DOWNLOAD_REFUSED,
        subject={"download": download.id},
        detail={"reason": reason},
    )


def _check_pin(download: Download, pin: Pin | None, now: datetime, pin_tries: PinTries, pin_hasher: PinHasher) -> None:
    if pin is None:
        raise invalid("pin", NO_PIN)
    require_pin(pin, download.pin_holder, download.account_id, "pin", now, pin_tries=pin_tries, pin_hasher=pin_hasher)


def _check_modes(files: Sequence[File], modes: Collection[EncryptionMode] | None) -> None:
    if modes is not None and any(file.encryption_mode not in modes for file in files):
        raise invalid("modes", OTHER_MODE)


def _start_unwrapping(files: Sequence[File], keys: KeyService, pool: Executor) -> list["Future[bytes] | None"]:
    """KMS works while the use is being spent; what it answers is released only if the spending succeeds."""
    return [
        pool.submit(partial(keys.unwrap, file.wrapped_key, encryption_context(file.id, file.account_id)))
        if file.wrapped_key
        else None
        for file in files
    ]


def _release(
    files: Sequence[File],
    data_keys: Sequence[bytes | None],
    download: Download,
    session: str,
    session_until: datetime,
    now: datetime,
    objects: ObjectStore,
) -> Performed:
    urls_until = download.ends_by(now + DOWNLOAD_URL_LIFETIME)  # (M6)
    released = [
        ReleasedFile(file, _sign(file, urls_until - now, objects), data_key)
        for file, data_key in zip(files, data_keys, strict=True)
    ]
    return Performed(released, download.uses_left, urls_until, session, session_until)


def _sign(file: File, lifetime: timedelta, objects: ObjectStore) -> str:
    """(D6)"""
    if file.object_version is None:
        raise AssertionError("a ready file has a verified version")
    disposition, media_type = content_disposition(file.filename), download_type(file.type)
    return objects.sign_get(file.object_key, file.object_version, disposition, media_type, lifetime)
