"""GET /files/{id}."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.file import File, Status
from chalicelib.domain.ids import AccountId
from chalicelib.domain.upload import ReceivedPart
from chalicelib.ports import FileStore, ObjectStore
from chalicelib.services.own_files import own_file


@dataclass(frozen=True, slots=True)
class ShownFile:
    file: File
    received: Sequence[ReceivedPart] | None  # what S3 has of a pending upload; None when it is not pending


def show_file(
    account_id: AccountId, file_id: str, now: datetime, *, files: FileStore, objects: ObjectStore
) -> ShownFile:
    """Raises NotFound."""
    file = own_file(account_id, file_id, now, files=files)
    if file.status is not Status.PENDING:
        return ShownFile(file, None)
    if file.multipart:
        return ShownFile(file, objects.received_parts(file.object_key, file.multipart.upload_id) or [])
    stored = objects.head(file.object_key)
    return ShownFile(file, [ReceivedPart(1, stored.size_bytes, "", now, stored.checksum_sha256)] if stored else [])
