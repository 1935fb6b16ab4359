"""Finding a file for its owner: the one place where a file id from a request meets the caller's account."""

from datetime import datetime

from chalicelib.domain.errors import NotFound
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, FileId, is_uuid
from chalicelib.ports import FileStore


def own_file(account_id: AccountId, file_id: str, now: datetime, *, files: FileStore) -> File:
    """Raises NotFound, the same for a file that is another account's, gone, or never was."""
    file = files.find(FileId(file_id)) if is_uuid(file_id) else None
    if file is None or file.account_id != account_id or not file.is_visible(now):
        raise NotFound
    return file
