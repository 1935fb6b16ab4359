"""POST /downloads and POST /downloads/{id}/keys: a grant over own files, and the key that performs it."""

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.download import MANUAL_LIFETIME, MANUAL_USES, Download, DownloadKey
from chalicelib.domain.errors import Gone, Invalid, NotFound
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, DownloadId, FileId, is_uuid
from chalicelib.domain.secret import SECRET_BYTES, hash_secret, secret_text
from chalicelib.ports import DownloadStore, FileStore


def create_download(
    owner: ApiToken, file_ids: Sequence[str], now: datetime, *, files: FileStore, downloads: DownloadStore
) -> Download:
    """Raises Invalid naming each file that is not the account's, or cannot be downloaded."""
    _check_files(owner.account_id, file_ids, now, files)
    download = Download(
        id=DownloadId(str(uuid.uuid4())),
        account_id=owner.account_id,
        sender=owner.author,
        file_ids=tuple(map(FileId, file_ids)),
        uses_left=MANUAL_USES,
        created_at=now,
        expires_at=now + MANUAL_LIFETIME,
    )
    downloads.add(download)
    return download


def create_download_key(
    account_id: AccountId, download_id: str, now: datetime, *, downloads: DownloadStore
) -> tuple[str, Download]:
    """A fresh key, which ends any earlier one. Raises NotFound, Gone."""
    download = downloads.find(DownloadId(download_id)) if is_uuid(download_id) else None
    if download is None or download.account_id != account_id:
        raise NotFound
    if download.expires_at <= now:
        raise Gone(reason="expired")
    text = secret_text(secrets.token_bytes(SECRET_BYTES))
    key = DownloadKey(hash_secret(text), download.id, download.file_ids, download.forgotten_at)
    downloads.make_key_current(download, key, now)
    return text, download


def _check_files(account_id: AccountId, file_ids: Sequence[str], now: datetime, files: FileStore) -> None:
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
