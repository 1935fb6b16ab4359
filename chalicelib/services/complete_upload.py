"""POST /files/{id}/complete: finish an upload and say what became of it. Safe to repeat, also after a time-out."""

from datetime import datetime

from chalicelib.domain.errors import Conflict, Invalid, NotFound, invalid
from chalicelib.domain.file import File, Status
from chalicelib.domain.ids import AccountId
from chalicelib.domain.upload import Multipart, missing_from
from chalicelib.ports import FileStore, HeaderAuthenticator, KeyService, ObjectStore, StaleRecord
from chalicelib.services.own_files import own_file
from chalicelib.services.verify_upload import verify_upload


def complete_upload(
    account_id: AccountId,
    file_id: str,
    now: datetime,
    *,
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    authenticate_header: HeaderAuthenticator,
) -> File:
    """The file, ready.

    Raises NotFound, Invalid saying what is missing or why the upload was rejected, Conflict when others keep changing
    the record.
    """
    file = own_file(account_id, file_id, now, files=files)
    if file.status is Status.PENDING:
        if file.multipart:
            _finish(file, file.multipart, objects)
        try:
            file = verify_upload(
                file, now, files=files, objects=objects, keys=keys, authenticate_header=authenticate_header
            )
        except StaleRecord:
            raise Conflict from None
        if not file.is_visible(now):  # a purge has begun meanwhile
            raise NotFound
    if file.status is Status.REJECTED:
        raise _rejection(file)
    if file.status is Status.PENDING:
        nothing = "Nothing has been uploaded yet: PUT the bytes to upload.url first."
        raise invalid("file", "S3 has given this upload up: create the file anew." if file.multipart else nothing)
    return file


def _finish(file: File, plan: Multipart, objects: ObjectStore) -> None:
    parts = objects.received_parts(file.object_key, plan.upload_id)
    if parts is None:  # finished by an earlier call: the object will say
        return
    if problems := missing_from(plan, parts):
        raise Invalid(errors={"parts": problems})
    objects.finish_multipart(file.object_key, plan.upload_id, parts)


def _rejection(file: File) -> Invalid:
    reason = file.rejected_reason or "The upload was rejected."
    return Invalid(errors={"file": [f"{reason} Create the file anew."]})
