"""What an S3 "Object Created" event sets off. Events come at least once, late, in any order, or never."""

from datetime import datetime

from chalicelib.domain.errors import NotFound
from chalicelib.domain.file import Status, object_key
from chalicelib.domain.ids import FileId
from chalicelib.ports import FileStore, HeaderAuthenticator, KeyService, ObjectStore
from chalicelib.services.verify_upload import verify_upload


def on_upload(
    file_id: FileId,
    now: datetime,
    *,
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    authenticate_header: HeaderAuthenticator,
) -> None:
    """Verify the upload; delete bytes that belong to no file, or to one that was rejected.

    A record is written before the first URL to its object is signed, so an object without one was purged.
    """
    file = files.find(file_id)
    if file is None:
        objects.delete_versions(object_key(file_id))
        return
    try:
        file = verify_upload(
            file, now, files=files, objects=objects, keys=keys, authenticate_header=authenticate_header
        )
    except NotFound:
        return  # purged while we looked; verify_upload has deleted the bytes
    if file.status is Status.REJECTED or file.purging_at:
        objects.delete_versions(file.object_key)
