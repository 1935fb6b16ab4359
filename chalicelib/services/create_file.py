"""POST /files: the record of an upload to come, and the signed means to make it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import invalid
from chalicelib.domain.expiry import check_expiry
from chalicelib.domain.file import EncryptionMode, File, object_key
from chalicelib.domain.ids import FileId
from chalicelib.domain.sealing import DataKey, encryption_context, header_length, sealed_size
from chalicelib.domain.upload import MAX_STORED_BYTES, SINGLE_PUT_BYTES, Multipart, part_bytes_for
from chalicelib.ports import FileStore, KeyService, ObjectStore
from chalicelib.services.sign_upload import Upload, offer_upload


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


@dataclass(frozen=True, slots=True)
class UploadTicket:
    file: File
    upload: Upload
    data_key: bytes | None  # plaintext, for the owner alone; None in server mode


def create_file(
    new: NewFile, owner: ApiToken, now: datetime, *, files: FileStore, objects: ObjectStore, keys: KeyService
) -> UploadTicket:
    """Raises Invalid when the declared fields do not fit together."""
    check_expiry(new.expires_at, now)
    if new.checksum_sha256 and new.encryption_mode is EncryptionMode.CLIENT:
        raise invalid(
            "checksum_sha256",
            "Sealed bytes do not exist yet: declare their digest with POST /api/files/{id}/parts.",
        )
    file_id = FileId(str(uuid.uuid4()))
    data_key = None
    if new.encryption_mode is EncryptionMode.CLIENT:
        data_key = keys.generate(encryption_context(file_id, owner.account_id))
    stored_bytes = _stored_bytes(new, file_id, owner, data_key)
    part_bytes = _part_bytes(new, stored_bytes)
    multipart = None
    if part_bytes:
        upload_id = objects.start_multipart(object_key(file_id), part_checksums=new.part_checksums)
        multipart = Multipart(upload_id, part_bytes, new.part_checksums, stored_bytes)
    file = files.add(
        File(
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
            alive_at=now,
        )
    )
    return UploadTicket(file, offer_upload(file, now, objects=objects), data_key.plaintext if data_key else None)


def _stored_bytes(new: NewFile, file_id: FileId, owner: ApiToken, data_key: DataKey | None) -> int:
    if data_key is None:
        return new.size_bytes
    header = header_length(encryption_context(file_id, owner.account_id), data_key.wrapped)
    stored = sealed_size(new.size_bytes, header)
    if stored > MAX_STORED_BYTES:
        raise invalid("size", f"Sealed, the file would be larger than {MAX_STORED_BYTES} bytes.")
    return stored


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
