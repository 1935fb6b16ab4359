"""PATCH /files/{id}: rename, change the expiry and the category, move to the trash and back."""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import Conflict
from chalicelib.domain.expiry import PASSED, check_expiry
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId
from chalicelib.ports import CategoryStore, FileStore, StaleRecord
from chalicelib.services.manage_categories import chosen_category
from chalicelib.services.own_files import own_file


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChanges:
    filename: str | None = None  # None: leave as it is
    trashed: bool | None = None
    sets_expiry: bool = False  # tells "no expiry any more" from "leave it"
    expires_at: datetime | None = None
    sets_category: bool = False
    category_id: str | None = None


def update_file(
    account_id: AccountId,
    file_id: str,
    changes: FileChanges,
    now: datetime,
    *,
    files: FileStore,
    categories: CategoryStore,
) -> File:
    """Raises NotFound, Conflict when the file cannot be moved so, and Invalid for an expiry that cannot be or a
    category that is none of the account's.
    """
    check_expiry(changes.expires_at, now, passed=f"{PASSED} DELETE the file to end it now.")
    file = own_file(account_id, file_id, now, files=files)
    changed = _apply(changes, file, now)
    if changes.sets_category:
        category_id = chosen_category(account_id, changes.category_id, categories=categories)
        changed = replace(changed, category_id=category_id)
    if changed == file:
        return file
    try:
        return files.save(changed)
    except StaleRecord:
        raise Conflict from None


def _apply(changes: FileChanges, file: File, now: datetime) -> File:
    changed = file
    if changes.filename is not None:
        changed = replace(changed, filename=changes.filename)
    if changes.sets_expiry:
        changed = replace(changed, expires_at=changes.expires_at)
    if changes.trashed is not None:
        changed = changed.trashed(now) if changes.trashed else changed.restored()
    return changed
