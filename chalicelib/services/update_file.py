"""PATCH /files/{id}: rename, change the expiry, move to the trash and back."""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import Conflict
from chalicelib.domain.expiry import PASSED, check_expiry
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId
from chalicelib.ports import FileStore, StaleRecord
from chalicelib.services.own_files import own_file


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChanges:
    filename: str | None = None  # None: leave as it is
    trashed: bool | None = None
    sets_expiry: bool = False  # tells "no expiry any more" from "leave it"
    expires_at: datetime | None = None


def update_file(account_id: AccountId, file_id: str, changes: FileChanges, now: datetime, *, files: FileStore) -> File:
    """Raises NotFound, Invalid for an expiry that cannot be, Conflict when the file cannot be moved so."""
    check_expiry(changes.expires_at, now, passed=f"{PASSED} DELETE the file to end it now.")
    file = own_file(account_id, file_id, now, files=files)
    changed = file
    if changes.filename is not None:
        changed = replace(changed, filename=changes.filename)
    if changes.sets_expiry:
        changed = replace(changed, expires_at=changes.expires_at)
    if changes.trashed is not None:
        changed = changed.trashed(now) if changes.trashed else changed.restored()
    if changed == file:
        return file
    try:
        return files.save(changed)
    except StaleRecord:
        raise Conflict from None
