"""What is done once bytes have arrived, by whoever notices first: the S3 event, `complete`, or the sweep.

The checks, numbered as in docs/threat-model.md:
(U1) the object's exact size is the declared one;
(U2) its SHA-256, when one was declared, is the one that S3 verified;
(U3) a client-sealed object begins with a header of our profile;
(U4) whose context and one encrypted data key are this file's own;
(U5) and which was made with this file's data key: key commitment and header tag;
(U9) the object has no Content-Encoding, by which programs would make other bytes of it.
Only the header's bytes are read, never the content. Repeating it is harmless.
"""

from datetime import datetime

from chalicelib.domain.errors import NotFound
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.message_header import EncryptedDataKey, MalformedHeader, MessageHeader, parse_header
from chalicelib.domain.sealing import (
    FRAME_LENGTH,
    KEY_PROVIDER,
    WrappedKey,
    encryption_context,
    header_length,
)
from chalicelib.ports import (
    FileStore,
    HeaderAuthenticator,
    KeyService,
    ObjectGone,
    ObjectStore,
    StaleRecord,
    StoredObject,
)

_ATTEMPTS = 5


def verify_upload(
    file: File,
    now: datetime,
    *,
    files: FileStore,
    objects: ObjectStore,
    keys: KeyService,
    authenticate_header: HeaderAuthenticator,
) -> File:
    """The file as it is afterwards: ready, rejected (its object is deleted), still pending when nothing has come, or
    on its way out when a purge has begun meanwhile.

    Raises NotFound when the file was purged meanwhile; what had arrived is deleted then. Raises StaleRecord when others
    keep changing the record.
    """
    for _ in range(_ATTEMPTS):
        if file.status is not Status.PENDING or file.purging_at:
            return file
        stored = objects.head(file.object_key)
        if stored is None:
            return _read_again(file, files, objects)  # nothing has come, or another has rejected and deleted it
        try:
            problem = _problem(file, stored, objects, keys, authenticate_header)
            settled = file.rejected(problem, now) if problem else file.made_ready(stored.version, now)
            settled = files.save(settled)
        except (ObjectGone, StaleRecord):
            file = _read_again(file, files, objects)
            continue
        if problem:
            objects.delete_versions(file.object_key)
        return settled
    raise StaleRecord


def _read_again(file: File, files: FileStore, objects: ObjectStore) -> File:
    fresh = files.find(file.id)
    if fresh is None:
        objects.delete_versions(file.object_key)
        raise NotFound
    return fresh


def _problem(
    file: File,
    stored: StoredObject,
    objects: ObjectStore,
    keys: KeyService,
    authenticate_header: HeaderAuthenticator,
) -> str | None:
    """Why this object is not the declared file, in words for its owner; None when it is."""
    if stored.size_bytes != file.stored_bytes:  # (U1)
        return f"{stored.size_bytes} bytes arrived instead of {file.stored_bytes}."
    if file.checksum_sha256 and stored.checksum_sha256 != file.checksum_sha256:  # (U2)
        return "The SHA-256 of what arrived is not the declared one."
    if stored.content_encoding:  # (U9)
        return "It was sent with a Content-Encoding: send the file's bytes as they are, without that header."
    if file.encryption_mode is EncryptionMode.SERVER or file.wrapped_key is None:
        return None
    context = encryption_context(file.id, file.account_id)
    start = objects.read_start(file.object_key, stored.version, header_length(context, file.wrapped_key))
    try:
        header = parse_header(start)  # (U3)
    except MalformedHeader as error:
        return f"What arrived is not sealed as agreed: {error}."
    if mismatch := _mismatch(header, context, file.wrapped_key):  # (U4)
        return mismatch
    if not authenticate_header(header, keys.unwrap(file.wrapped_key, context)):  # (U5)
        return "What arrived was not sealed with this file's data key."
    return None


def _mismatch(header: MessageHeader, context: dict[str, str], key: WrappedKey) -> str | None:
    if header.frame_length != FRAME_LENGTH:
        return f"The frame length is {header.frame_length} instead of {FRAME_LENGTH}."
    if header.context != context:
        return "The encryption context is not this file's."
    if header.data_keys != (EncryptedDataKey(KEY_PROVIDER.encode(), key.key_arn.encode(), key.blob),):
        return "The encrypted data key is not the one this file was given."
    return None
