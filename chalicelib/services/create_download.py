"""POST /downloads, its keys, DELETE: a grant over own files, the key that performs it, the end before its time."""

import secrets
import uuid
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.claim import Claim
from chalicelib.domain.download import MANUAL_LIFETIME, MANUAL_USES, Download, DownloadKey
from chalicelib.domain.errors import Conflict, Gone, Invalid, NotFound, invalid
from chalicelib.domain.expiry import end_of_grant
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, DownloadId, FileId, is_uuid
from chalicelib.domain.people import Owner, User
from chalicelib.domain.pin import Pin
from chalicelib.domain.secret import SECRET_BYTES, hash_secret, looks_like_secret, secret_text
from chalicelib.ports import DownloadStore, FileStore, InboxStore, PinHasher, TemporaryKeyStore

NO_PIN_KEY = "You have a PIN: exchange it for a pin key with POST /api/keys."
BAD_PIN_KEY = "Pin key does not exists"  # in the words of the API that this one follows
SENDERS_KEY = "This is a mail's download: its recipient makes the key. Make a download of the same files for yourself."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDownload:
    file_ids: Sequence[str]
    max_downloads: int = MANUAL_USES
    expires_at: datetime | None = None  # None: after MANUAL_LIFETIME
    pin: Pin | None = None  # asked of whoever performs it


def create_download(
    owner: Owner,
    new: NewDownload,
    now: datetime,
    claim: Claim | None = None,
    *,
    files: FileStore,
    downloads: DownloadStore,
    pin_hasher: PinHasher,
) -> Download:
    """Raises Claimed, or Invalid for an expiry out of bounds, and naming each file that is not the account's, or cannot
    be downloaded.
    """
    expires_at = end_of_grant(new.expires_at, MANUAL_LIFETIME, now)
    check_files(owner.account_id, new.file_ids, now, files=files)
    download = Download(
        id=DownloadId(str(uuid.uuid4())),
        account_id=owner.account_id,
        sender=owner.author,
        file_ids=tuple(map(FileId, new.file_ids)),
        uses_left=new.max_downloads,
        created_at=now,
        expires_at=expires_at,
    )
    if new.pin:
        (verifier,) = pin_hasher.make(new.pin, [download.pin_holder])
        download = replace(download, pin=verifier)
    downloads.add(download, claim)
    return download


def find_download(account_id: AccountId, download_id: str, *, downloads: DownloadStore) -> Download:
    """As it is now, spent or not. Raises NotFound, the same for another account's."""
    download = downloads.find(DownloadId(download_id)) if is_uuid(download_id) else None
    if download is None or download.account_id != account_id:
        raise NotFound
    return download


def revoke_download(account_id: AccountId, download_id: str, now: datetime, *, downloads: DownloadStore) -> None:
    """Every access through it ends at once, sessions included. Harmless to repeat.

    Raises NotFound; Conflict for a mail's, which ends with its mail.
    """
    download = find_download(account_id, download_id, downloads=downloads)
    if download.mail_id:
        raise Conflict("This download belongs to a mail: revoke the mail.")
    downloads.revoke(download.id, now)


def create_download_key(
    user: User,
    download_id: str,
    pin_key: str | None,
    now: datetime,
    *,
    downloads: DownloadStore,
    inbox: InboxStore,
    temporary_keys: TemporaryKeyStore,
    pool: Executor,
) -> tuple[str, Download]:
    """A fresh key, which ends the one before. For the account's own downloads made by hand, and for those of mails in
    the user's inbox.

    Raises NotFound; Gone; Conflict for a mail's sender (M3), whose key would end a user's and no link; Invalid for
    want of a good pin key.
    """
    checking = pool.submit(_pin_key_problem, user, pin_key, now, temporary_keys)  # in the same round trip
    download = downloads.find(DownloadId(download_id)) if is_uuid(download_id) else None
    problem = checking.result()
    is_recipient = download is not None and _has_received(user, download, inbox)
    if download is None or not (is_recipient or download.account_id == user.account_id):
        raise NotFound
    if problem:
        raise invalid("pinKey", problem)
    if download.mail_id and not is_recipient:
        raise Conflict(SENDERS_KEY)
    if download.expires_at <= now:
        raise Gone(reason="expired")
    text = secret_text(secrets.token_bytes(SECRET_BYTES))
    key = DownloadKey(hash_secret(text), download.id, download.file_ids, download.forgotten_at)
    downloads.make_key_current(download, key, now)
    return text, download


def _has_received(user: User, download: Download, inbox: InboxStore) -> bool:
    entry = inbox.find(download.mail_id) if download.mail_id else None
    return entry is not None and entry.user_id == user.id


def _pin_key_problem(user: User, pin_key: str | None, now: datetime, temporary_keys: TemporaryKeyStore) -> str | None:
    """Who has a PIN must show a key that it bought (K2, K3). One that is shown needlessly must be good all the same."""
    if pin_key is None:
        return NO_PIN_KEY if user.pin else None
    key = temporary_keys.find(hash_secret(pin_key)) if looks_like_secret(pin_key) else None
    return None if key and key.is_good_for(user, now) else BAD_PIN_KEY


def check_files(account_id: AccountId, file_ids: Sequence[str], now: datetime, *, files: FileStore) -> None:
    """Raises Invalid naming each file that is not the account's, or cannot be downloaded."""
    unique = [FileId(file_id) for file_id in dict.fromkeys(file_ids) if is_uuid(file_id)]
    found = {file.id: file for file in files.find_many(unique)}
    errors: dict[str, list[str]] = {}
    for index, file_id in enumerate(file_ids):
        if problem := _why_not(found.get(FileId(file_id)), account_id, now):
            errors[f"files.{index}"] = [problem]
        elif file_id in file_ids[:index]:
            errors[f"files.{index}"] = ["This file is listed twice."]
    if errors:
        raise Invalid(errors=errors)


def _why_not(file: File | None, account_id: AccountId, now: datetime) -> str | None:
    if file is None or file.account_id != account_id or not file.is_visible(now):
        return "There is no file with this id."
    if file.trashed_at:
        return "This file is in the trash: restore it first."
    return None if file.can_be_downloaded(now) else f"This file is {file.status}, not ready."
