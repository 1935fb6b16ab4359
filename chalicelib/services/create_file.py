"""POST /files: the record of an upload to come, and the signed means to make it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.claim import Claim
from chalicelib.domain.errors import QuotaExceeded, UploadOver, invalid
from chalicelib.domain.expiry import check_expiry
from chalicelib.domain.file import EncryptionMode, File, Status, object_key
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.people import Owner
from chalicelib.domain.sealing import DataKey, encryption_context, header_length, sealed_size
from chalicelib.domain.upload import MAX_STORED_BYTES, SINGLE_PUT_BYTES, Multipart, part_bytes_for
from chalicelib.ports import CategoryStore, Claimed, FileStore, KeyService, NoteStore, ObjectStore
from chalicelib.services.manage_categories import chosen_category
from chalicelib.services.own_files import own_file
from chalicelib.services.sign_upload import Upload, offer_upload, offer_upload_again


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """What the client declares. Cross-checks between the fields are here; each alone was checked at the edge."""

    filename: str
    type: str
    size_bytes: int
    encryption_mode: EncryptionMode
    checksum_sha256: str | None
    part_checksums: bool
    part_bytes: int | None
    expires_at: datetime | None
    category_id: str | None


@dataclass(frozen=True, slots=True)
class UploadTicket:
    file: File
    upload: Upload | None  # None: the upload is over
    data_key: bytes | None  # plaintext, for the owner alone; None in server mode


def create_file(
    new: NewFile,
    owner: Owner,
    now: datetime,
    claim: Claim | None = None,
    *,
    files: FileStore,
    categories: CategoryStore,
    objects: ObjectStore,
    keys: KeyService,
) -> UploadTicket:
    """Raises Invalid when the declared fields do not fit together, or the category is none of the account's;
    QuotaExceeded, Claimed.
    """
    _check_declared(new, now)
    category_id = chosen_category(owner.account_id, new.category_id, categories=categories)
    file_id = FileId(str(uuid.uuid4()))
    data_key = _generate(new, file_id, owner, keys)
    stored_bytes = _stored_bytes(new, file_id, owner, data_key)
    multipart = _start_multipart(new, file_id, stored_bytes, objects)
    file = File(
        id=file_id,
        account_id=owner.account_id,
        created_by=owner.author,
        created_at=now,
        filename=new.filename,
        type=new.type,
        size_bytes=new.size_bytes,
        stored_bytes=stored_bytes,
        encryption_mode=new.encryption_mode,
        wrapped_key=data_key.wrapped if data_key else None,
        multipart=multipart,
        checksum_sha256=new.checksum_sha256,
        expires_at=new.expires_at,
        category_id=category_id,
        alive_at=now,
    )
    file = _add(file, claim, files, objects)
    return UploadTicket(file, offer_upload(file, now, objects=objects), data_key.plaintext if data_key else None)


def find_created(
    account_id: AccountId,
    file_id: str,
    now: datetime,
    *,
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    notes: NoteStore,
) -> UploadTicket:
    """The file that an earlier request made, as it is now, with what it was answered with while that is of use.

    Raises NotFound.
    """
    file = own_file(account_id, file_id, now, files=files)
    if file.status is not Status.PENDING:
        return UploadTicket(file, None, None)
    try:
        again = offer_upload_again(file, now, files=files, objects=objects, keys=keys, notes=notes)
    except UploadOver:  # since it was read
        return UploadTicket(own_file(account_id, file_id, now, files=files), None, None)
    return UploadTicket(again.file, again.upload, again.data_key)


def _generate(new: NewFile, file_id: FileId, owner: Owner, keys: KeyService) -> DataKey | None:
    if new.encryption_mode is EncryptionMode.SERVER:
        return None
    return keys.generate(encryption_context(file_id, owner.account_id))


def _add(file: File, claim: Claim | None, files: FileStore, objects: ObjectStore) -> File:
    try:
        return files.add(file, claim)
    except (Claimed, QuotaExceeded):  # so there is no record; after Busy nobody knows, and S3's own rule tidies up
        if file.multipart:
            objects.abort_multipart(file.object_key, file.multipart.upload_id)
        raise


def _check_declared(new: NewFile, now: datetime) -> None:
    check_expiry(new.expires_at, now)
    if new.checksum_sha256 and new.encryption_mode is EncryptionMode.CLIENT:
        raise invalid(
            "checksum_sha256",
            "Sealed bytes do not exist yet: declare their digest with POST /api/files/{id}/parts.",
        )


def _stored_bytes(new: NewFile, file_id: FileId, owner: Owner, data_key: DataKey | None) -> int:
    if data_key is None:
        return new.size_bytes
    header = header_length(encryption_context(file_id, owner.account_id), data_key.wrapped)
    stored = sealed_size(new.size_bytes, header)
    if stored > MAX_STORED_BYTES:
        raise invalid("size", f"Sealed, the file would be larger than {MAX_STORED_BYTES} bytes.")
    return stored


def _start_multipart(new: NewFile, file_id: FileId, stored_bytes: int, objects: ObjectStore) -> Multipart | None:
    """None where one PUT will do."""
    part_bytes = _part_bytes(new, stored_bytes)
    if not part_bytes:
        return None
    upload_id = objects.start_multipart(object_key(file_id), part_checksums=new.part_checksums)
    return Multipart(upload_id, part_bytes, new.part_checksums, stored_bytes)


def _part_bytes(new: NewFile, stored_bytes: int) -> int | None:
    try:
        part_bytes = part_bytes_for(stored_bytes, new.part_bytes)
    except ValueError as error:
        raise invalid("part_size", str(error)) from None
    if part_bytes and new.checksum_sha256:
        raise invalid(
            "checksum_sha256",
            "S3 has no whole-file SHA-256 of an upload in parts: declare part_checksums instead.",
        )
    if new.part_checksums and not part_bytes:
        raise invalid(
            "part_checksums",
            f"This upload is one PUT, not parts (up to {new.part_bytes or SINGLE_PUT_BYTES} stored bytes): "
            "declare checksum_sha256 instead.",
        )
    return part_bytes
