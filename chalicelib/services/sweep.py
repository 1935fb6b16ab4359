"""The scheduled sweep: ends what is overdue, finishes what was interrupted, and misses nothing an event forgot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.errors import NotFound
from chalicelib.domain.file import PENDING_SILENCE, File, Status, object_key
from chalicelib.domain.ids import FileId
from chalicelib.ports import DUE_RESOLUTION, FileStore, HeaderAuthenticator, KeyService, ObjectStore, StaleRecord
from chalicelib.services.delete_file import purge_file
from chalicelib.services.verify_upload import verify_upload

NOT_FINISHED = "The upload was not finished in time."
RETRY_AFTER = timedelta(hours=1)  # a file that failed makes room for the others for so long


@dataclass(frozen=True, slots=True)
class Swept:
    seen: int
    ended: int
    failures: Mapping[FileId, Exception]


def sweep(
    now: datetime,
    *,
    in_time: Callable[[], bool],
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    authenticate_header: HeaderAuthenticator,
) -> Swept:
    """Goes on until nothing is due, or `in_time` says that there is no time for one more; the next run goes on then.

    One file's trouble must not keep the others waiting: it is answered, and the file tried again after the others.
    """
    seen = ended = 0
    failures: dict[FileId, Exception] = {}
    for file_id in files.due(now):
        if not in_time():
            break
        seen += 1
        try:
            ended += _settle(file_id, now, files, objects, keys, authenticate_header)
        except (StaleRecord, NotFound):
            continue  # somebody else is at it; the next run looks again
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported and the others go on
            failures[file_id] = _put_off(file_id, now, files) or error
    return Swept(seen, ended, failures)


def _put_off(file_id: FileId, now: datetime, files: FileStore) -> Exception | None:
    """What kept the file from being put off, if anything did: it then stays in the way of the others."""
    try:
        files.put_off(file_id, now + RETRY_AFTER)
    except Exception as error:  # noqa: BLE001 - reported in the place of what it followed on
        return error
    return None


def _settle(
    file_id: FileId,
    now: datetime,
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    authenticate_header: HeaderAuthenticator,
) -> bool:
    file = files.find(file_id)
    if file is None:  # a tombstone, unless the index lags behind the record: whatever lies there came after a purge
        objects.delete_versions(object_key(file_id))
        files.remove_tombstone(file_id, now)
        return False
    if file.due_at is None or file.due_at > now + DUE_RESOLUTION:
        return False  # the index lags behind the record
    if file.status is Status.PENDING and file.is_visible(now):
        file = verify_upload(
            file, now, files=files, objects=objects, keys=keys, authenticate_header=authenticate_header
        )
        if not file.purging_at:  # else somebody has begun a purge meanwhile, and it is finished here
            return file.status is not Status.PENDING or _end_pending(file, now, files, objects)
    purge_file(file, now, files=files, objects=objects)
    return True


def _end_pending(file: File, now: datetime, files: FileStore, objects: ObjectStore) -> bool:
    """Parts go to S3 without asking us, so S3 is asked for the last sign of life before an upload is given up."""
    plan = file.multipart
    parts = (plan and objects.received_parts(file.object_key, plan.upload_id)) or []
    last = max((part.received_at for part in parts), default=file.alive_at)
    living = file.shows_life(last)
    if living.due_at and living.due_at > now and now - last < PENDING_SILENCE:
        files.save(living)
        return False
    files.save(file.rejected(NOT_FINISHED, now))
    if plan:
        objects.abort_multipart(file.object_key, plan.upload_id)
    objects.delete_versions(file.object_key)
    return True
