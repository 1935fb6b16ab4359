"""Signing the requests that bring a file's bytes to S3, at creation and again on demand."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import Conflict, NotFound, UploadOver, invalid
from chalicelib.domain.event import EventType, Note
from chalicelib.domain.file import File, Status
from chalicelib.domain.ids import AccountId
from chalicelib.domain.sealing import encryption_context
from chalicelib.domain.upload import PARTS_PER_CALL, UPLOAD_URL_LIFETIME, Multipart
from chalicelib.ports import FileStore, KeyService, NoteStore, ObjectStore, SignedRequest, StaleRecord
from chalicelib.services.own_files import own_file


@dataclass(frozen=True, slots=True)
class SinglePut:
    request: SignedRequest
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedPart:
    number: int
    size_bytes: int
    request: SignedRequest


@dataclass(frozen=True, slots=True)
class SignedParts:
    plan: Multipart
    parts: Sequence[SignedPart]
    expires_at: datetime


Upload = SinglePut | SignedParts


@dataclass(frozen=True, slots=True)
class WantedPart:
    number: int
    checksum_sha256: str | None


@dataclass(frozen=True, slots=True)
class Resigned:
    file: File
    upload: Upload
    data_key: bytes | None


def offer_upload(file: File, now: datetime, *, objects: ObjectStore) -> Upload:
    """What a new file is answered with: its one PUT, or the first parts (none yet where each needs its digest)."""
    plan = file.multipart
    if plan is None:
        return _single(file, now, objects)
    numbers = [] if plan.part_checksums else range(1, min(plan.count, PARTS_PER_CALL) + 1)
    return _parts(file, plan, [WantedPart(number, None) for number in numbers], now, objects)


def sign_parts(
    account_id: AccountId,
    file_id: str,
    wanted: Sequence[WantedPart],
    now: datetime,
    *,
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    notes: NoteStore,
    pool: Executor,
) -> Resigned:
    """Fresh URLs for a pending upload, and its data key again, so that a broken upload can go on.

    Raises NotFound, UploadOver, Invalid for parts that the upload does not have, Conflict when another request changed
    the file while a digest was to be declared.
    """
    file = own_file(account_id, file_id, now, files=files)
    _must_be_pending(file)
    _check_wanted(file, wanted)
    file = _note_life(file, wanted, now, files)
    noting = pool.submit(notes.add, _signed(file), now)
    plan = file.multipart
    upload = _parts(file, plan, wanted, now, objects) if plan else _single(file, now, objects)
    data_key = _data_key(file, keys)
    noting.result()  # nothing is handed out that the audit log will not tell of
    return Resigned(file, upload, data_key)


def offer_upload_again(
    file: File, now: datetime, *, files: FileStore, objects: ObjectStore, keys: KeyService, notes: NoteStore
) -> Resigned:
    """What a pending file was answered with when it was new: signed anew, its data key unwrapped anew.

    Raises NotFound, UploadOver, for one that is gone or not pending any more.
    """
    file = _note_life(file, [], now, files)
    notes.add(_signed(file), now)
    return Resigned(file, offer_upload(file, now, objects=objects), _data_key(file, keys))


def _data_key(file: File, keys: KeyService) -> bytes | None:
    return keys.unwrap(file.wrapped_key, encryption_context(file.id, file.account_id)) if file.wrapped_key else None


def _signed(file: File) -> Note:
    return Note(account_id=file.account_id, type=EventType.UPLOAD_SIGNED, subject={"file": file.id})


def _check_wanted(file: File, wanted: Sequence[WantedPart]) -> None:
    plan = file.multipart
    count = plan.count if plan else 1
    for index, part in enumerate(wanted):
        if not 1 <= part.number <= count:
            raise invalid(f"parts.{index}.number", f"The upload has parts 1 to {count}.")
        if plan and plan.part_checksums and part.checksum_sha256 is None:
            raise invalid(f"parts.{index}.checksum_sha256", "This upload declared part_checksums: send the digest.")
        if plan and not plan.part_checksums and part.checksum_sha256 is not None:
            raise invalid(f"parts.{index}.checksum_sha256", "This upload did not declare part_checksums.")
    if len({part.number for part in wanted}) != len(wanted):
        raise invalid("parts", "A part is asked for twice.")


def _note_life(file: File, wanted: Sequence[WantedPart], now: datetime, files: FileStore) -> File:
    """The digest of a single PUT is declared here when it could not be known before."""
    changed = file
    digest = wanted[0].checksum_sha256 if wanted else None
    if file.multipart is None and digest:
        changed = replace(changed, checksum_sha256=digest)
    if changed == file and not file.life_is_stale(now):
        return file
    try:
        return files.save(changed.shows_life(now))
    except StaleRecord:
        fresh = _still_pending(file, now, files)
    if changed != file:
        raise Conflict
    return fresh  # only a sign of life was to be noted; several threads ask at once, and one of them has noted it


def _still_pending(file: File, now: datetime, files: FileStore) -> File:
    """As it is after another request has changed it. Raises NotFound, UploadOver."""
    fresh = files.find(file.id)
    if fresh is None or not fresh.is_visible(now):
        raise NotFound
    _must_be_pending(fresh)
    return fresh


def _must_be_pending(file: File) -> None:
    if file.status is not Status.PENDING:
        raise UploadOver(f"This upload is over: the file is {file.status}.")


def _single(file: File, now: datetime, objects: ObjectStore) -> SinglePut:
    request = objects.sign_put(file.object_key, file.stored_bytes, file.checksum_sha256)
    return SinglePut(request, now + UPLOAD_URL_LIFETIME)


def _parts(
    file: File, plan: Multipart, wanted: Sequence[WantedPart], now: datetime, objects: ObjectStore
) -> SignedParts:
    signed = []
    for part in wanted:
        size = plan.size_of(part.number)
        request = objects.sign_part(file.object_key, plan.upload_id, part.number, size, part.checksum_sha256)
        signed.append(SignedPart(part.number, size, request))
    return SignedParts(plan, signed, now + UPLOAD_URL_LIFETIME)
