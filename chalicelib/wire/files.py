"""Files on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.domain.file import EncryptionMode, File, Shelf, Status
from chalicelib.domain.filename import clean_filename, guess_type, split_filename
from chalicelib.domain.upload import (
    MAX_PART_BYTES,
    MAX_STORED_BYTES,
    MIN_PART_BYTES,
    ReceivedPart,
)
from chalicelib.services.create_file import NewFile
from chalicelib.services.sign_upload import Upload
from chalicelib.services.update_file import FileChanges
from chalicelib.wire.base import In, Moment, Out, Query, Sha256
from chalicelib.wire.lists import ListQuery
from chalicelib.wire.people import AuthorView
from chalicelib.wire.uploads import (
    EncryptionView,
    PartsView,
    ReceivedPartView,
    ReceivedView,
    SinglePutView,
    upload_view,
)

FileName = Annotated[str, StringConstraints(max_length=1000), AfterValidator(clean_filename)]
MediaType = Annotated[
    str,
    StringConstraints(max_length=127, pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$", to_lower=True),
]


class CreateFile(In):
    filename: FileName
    size: Annotated[int, Field(ge=0, le=MAX_STORED_BYTES)]
    type: MediaType | None = None
    encryption: Literal["server", "client"] = "server"
    checksum_sha256: Sha256 | None = None
    part_checksums: bool = False
    part_size: Annotated[int, Field(ge=MIN_PART_BYTES, le=MAX_PART_BYTES)] | None = None
    expires_at: Moment | None = None

    def new_file(self) -> NewFile:
        return NewFile(
            filename=self.filename,
            type=self.type or guess_type(self.filename),
            size_bytes=self.size,
            encryption_mode=EncryptionMode(self.encryption),
            checksum_sha256=self.checksum_sha256,
            part_checksums=self.part_checksums,
            part_bytes=self.part_size,
            expires_at=self.expires_at,
        )


class PatchFile(In):
    filename: FileName | None = None
    expires_at: Moment | None = None
    trashed: bool | None = None

    @model_validator(mode="after")
    def _only_expiry_can_be_cleared(self) -> Self:
        for name in ("filename", "trashed"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it.")
        return self

    def changes(self) -> FileChanges:
        return FileChanges(
            filename=self.filename,
            trashed=self.trashed,
            sets_expiry="expires_at" in self.model_fields_set,
            expires_at=self.expires_at,
        )


class FilesQuery(ListQuery):
    status: Literal["pending", "ready", "rejected"] | None = None
    trashed: Literal["true", "false"] = "false"

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.status and self.trashed == "true":
            raise ValueError("The trash holds ready files only: leave out status or trashed.")
        return self

    @property
    def shelf(self) -> Shelf:
        return Shelf.TRASHED if self.trashed == "true" else Shelf(self.status or Status.READY)


class DeleteQuery(Query):
    permanent: Literal["true", "false"] = "false"


class FileView(Out):
    id: str
    filename: str  # without the extension
    extension: str
    full_filename: str
    type: str
    size: int  # bytes of the content
    formatted_size: str
    encrypted_size: int  # bytes as stored
    formatted_encrypted_size: str
    encryption_mode: str
    checksum_sha256: str | None
    status: str
    rejected_reason: str | None
    trashed: bool
    created_by: AuthorView
    created_at: Moment
    ready_at: Moment | None
    expires_at: Moment | None
    disk: str

    @classmethod
    def of(cls, file: File) -> Self:
        return cls(**file_fields(file))


def file_fields(file: File) -> dict[str, Any]:
    stem, extension = split_filename(file.filename)
    return {
        "id": file.id,
        "filename": stem,
        "extension": extension,
        "full_filename": file.filename,
        "type": file.type,
        "size": file.size_bytes,
        "formatted_size": formatted_size(file.size_bytes),
        "encrypted_size": file.stored_bytes,
        "formatted_encrypted_size": formatted_size(file.stored_bytes),
        "encryption_mode": str(file.encryption_mode),
        "checksum_sha256": file.checksum_sha256,
        "status": str(file.status),
        "rejected_reason": file.rejected_reason,
        "trashed": file.trashed_at is not None,
        "created_by": AuthorView.of(file.created_by),
        "created_at": file.created_at,
        "ready_at": file.settled_at if file.status is Status.READY else None,
        "expires_at": file.expires_at,
        "disk": "s3",
    }


class UploadTicketView(FileView):
    """A pending file with the means to upload it; `encryption` only where the client seals."""

    upload: SinglePutView | PartsView
    encryption: EncryptionView | None = None

    @classmethod
    def of_ticket(cls, file: File, upload: Upload, data_key: bytes | None) -> Self:
        fields = file_fields(file) | {"upload": upload_view(upload)}
        if encryption := EncryptionView.of(file, data_key):
            fields["encryption"] = encryption
        return cls(**fields)


class PendingFileView(FileView):
    """A pending file with what S3 has of it."""

    upload: ReceivedView

    @classmethod
    def of_received(cls, file: File, received: Sequence[ReceivedPart]) -> Self:
        parts = [ReceivedPartView.of(part) for part in received]
        return cls(**file_fields(file), upload=ReceivedView(received=parts))


def formatted_size(size_bytes: int) -> str:
    size, unit = float(size_bytes), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            break
        size /= 1024
    return f"{size_bytes} B" if unit == "B" else f"{size:.2f} {unit}"
