"""GET and POST /public/downloads/{key}: what a download holds, and performing it.

The checks, numbered as in docs/threat-model.md:
(D1) the key is known, and is the download's current one;
(D2) the download is not revoked, has not expired, has a use left (or the session is open);
(D3) at least one of its files can still be had: ready, not trashed, not expired, not purged;
(D4) one use is spent by one conditional write, which also opens the session;
(D5) data keys are released only to who made that write, URLs to who holds its session, too;
(D6) URLs live for minutes, force an attachment, and pin the verified version.
Whatever check fails beyond (D1), the performer is told the same.
"""

import secrets
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from chalicelib.domain.download import (
    SESSION_LIFETIME,
    URL_LIFETIME,
    Download,
    DownloadKey,
    Refused,
    may_resume,
    may_spend,
)
from chalicelib.domain.errors import Gone, NotFound
from chalicelib.domain.file import File
from chalicelib.domain.filename import content_disposition, download_type
from chalicelib.domain.sealing import encryption_context
from chalicelib.domain.secret import SECRET_BYTES, SecretHash, hash_secret, looks_like_secret, secret_text
from chalicelib.ports import DownloadStore, KeyService, ObjectStore


@dataclass(frozen=True, slots=True)
class ShownDownload:
    download: Download
    files: Sequence[File]


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


def show_download(key: DownloadKey, now: datetime, *, downloads: DownloadStore) -> ShownDownload:
    """What the download holds. Spends nothing, so link previews are harmless. Raises Gone."""
    download, files = _usable(key, None, now, downloads)
    return ShownDownload(download, files)


def find_download_key(text: str, *, downloads: DownloadStore) -> DownloadKey:
    """(D1) Raises NotFound; what cannot be a key is refused without a look-up."""
    key = downloads.find_key(hash_secret(text)) if looks_like_secret(text) else None
    if key is None:
        raise NotFound
    return key


def perform_download(
    key: DownloadKey,
    now: datetime,
    *,
    downloads: DownloadStore,
    objects: ObjectStore,
    keys: KeyService,
    pool: Executor,
) -> Performed:
    """Spend one use. Raises Gone; Busy when KMS or DynamoDB fails, and then the use is given back."""
    _, files = _usable(key, None, now, downloads)
    session = secret_text(secrets.token_bytes(SECRET_BYTES))
    session_hash, until = hash_secret(session), now + SESSION_LIFETIME
    unwrapping = _start_unwrapping(files, keys, pool)
    try:
        download = downloads.spend(key, session_hash, until, now)  # (D4)
        data_keys = [future.result() if future else None for future in unwrapping]
        return _release(files, data_keys, download, session, until, now, objects)
    except Gone:
        raise
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
) -> Performed:
    """Fresh URLs for the holder of a session, who has the data keys already; nothing is spent. Raises Gone."""
    session_hash = hash_secret(session)
    download, files = _usable(key, session_hash, now, downloads)
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
        raise Gone(reason=decision.reason)
    files = [file for file in files if file.account_id == download.account_id and file.can_be_downloaded(now)]
    if not files:  # (D3)
        raise Gone(reason="no file left")
    return download, files


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
    released = [
        ReleasedFile(file, _sign(file, objects), data_key) for file, data_key in zip(files, data_keys, strict=True)
    ]
    return Performed(released, download.uses_left, now + URL_LIFETIME, session, session_until)


def _sign(file: File, objects: ObjectStore) -> str:
    """(D6)"""
    if file.object_version is None:
        raise AssertionError("a ready file has a verified version")
    media_type = download_type(file.type)
    return objects.sign_get(file.object_key, file.object_version, content_disposition(file.filename), media_type)
