"""DELETE /files/{id}, and the purge that the sweep shares with it."""

from datetime import datetime

from chalicelib.domain.errors import Conflict
from chalicelib.domain.file import File, Status
from chalicelib.domain.ids import AccountId
from chalicelib.ports import FileStore, ObjectStore, StaleRecord
from chalicelib.services.own_files import own_file


def delete_file(
    account_id: AccountId,
    file_id: str,
    now: datetime,
    *,
    permanent: bool,
    files: FileStore,
    objects: ObjectStore,
) -> None:
    """A ready file goes to the trash; one that is there, or that never became ready, is purged.

    Raises NotFound, Conflict when another request changed the file meanwhile: two simple deletes that cross each
    other must not add up to a purge.
    """
    file = own_file(account_id, file_id, now, files=files)
    try:
        if permanent or file.trashed_at or file.status is not Status.READY:
            purge_file(file, now, files=files, objects=objects)
        else:
            files.save(file.trashed(now))
    except StaleRecord:
        raise Conflict from None


def purge_file(file: File, now: datetime, *, files: FileStore, objects: ObjectStore) -> None:
    """End a file: its wrapped key, then every version of its object, then the record.

    From the first write on nobody is given the means to read it. Interrupted anywhere, the sweep goes on from there.
    Where an upload may still land, by a URL that works, a tombstone has the sweep look once more. Raises StaleRecord.
    """
    if not file.purging_at:
        file = files.save(file.purging(now))
    until = file.bytes_may_come_until(now)
    if until > now:
        files.leave_tombstone(file.id, until)
    if file.multipart:
        objects.abort_multipart(file.object_key, file.multipart.upload_id)
    objects.delete_versions(file.object_key)
    files.remove(file)
