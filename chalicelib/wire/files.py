"""Files on the wire."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from chalicelib.domain.file import EncryptionMode, File, Shelf, Status
from chalicelib.domain.filename import guess_type, split_filename
from chalicelib.domain.upload import (
    MAX_PART_BYTES,
    MAX_STORED_BYTES,
    MIN_PART_BYTES,
    ReceivedPart,
)
from chalicelib.services.create_file import NewFile
from chalicelib.services.sign_upload import Upload
from chalicelib.services.update_file import FileChanges
from chalicelib.wire.base import Id, In, Moment, NotNull, Out, Query, Sha256, doc
from chalicelib.wire.filenames import FileName, MediaType
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


class CreateFile(In):
    EXAMPLES: ClassVar = {
        "one PUT, its digest signed": {
            "filename": "invoice.txt",
            "size": 17,
            "checksum_sha256": "DRx/GSp70IuF1qjNiAICBnarsJyZ1ECszwaa1c244qQ=",
        },
        "sealed by the client": {"filename": "invoice.txt", "size": 17, "encryption": "client"},
        "in parts, each with its digest": {
            "filename": "film.mov",
            "size": 262144000,
            "part_checksums": True,
            "part_size": 8388608,
            "expires_at": "2036-12-31T23:59:00Z",
        },
    }

    filename: FileName
    size: Annotated[int, Field(ge=0, le=MAX_STORED_BYTES), doc("Bytes of the content, before any sealing.", 17)]
    type: MediaType | None = None
    encryption: Annotated[
        Literal["server", "client"],
        doc(
            "`server`: S3 encrypts with the service's KMS key, any HTTP client can upload. `client`: sealed before it "
            "leaves the sender, in the AWS Encryption SDK message format, under the data key of the answer."
        ),
    ] = "server"
    checksum_sha256: Annotated[
        Sha256 | None,
        doc("Of the bytes that are sent: S3 refuses others. For a `server` file in one PUT."),
    ] = None
    part_checksums: Annotated[
        bool, doc("For an upload in parts: each part's URL is asked for with its digest, and signed with it.")
    ] = False
    part_size: Annotated[
        Annotated[int, Field(ge=MIN_PART_BYTES, le=MAX_PART_BYTES)] | None,
        doc("Bytes of a part. A larger file goes up in parts of this size; without it, one of more than 100 MiB does."),
    ] = None
    expires_at: Annotated[
        Moment | None, doc("When the file ends by itself; in the future.", "2036-12-31T23:59:00Z")
    ] = None

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
    EXAMPLES: ClassVar = {
        "rename": {"filename": "invoice-2026.txt"},
        "no expiry any more": {"expires_at": None},
        "out of the trash": {"trashed": False},
    }

    filename: Annotated[FileName | None, NotNull()] = None
    expires_at: Annotated[Moment | None, doc("null: it does not expire.", "2036-12-31T23:59:00Z")] = None
    trashed: Annotated[bool | None, NotNull(), doc("true: to the trash; false: back from it.", False)] = None

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
    status: Annotated[
        Literal["pending", "ready", "rejected"] | None, doc("Files in this state; ready ones without it.", "ready")
    ] = None
    trashed: Annotated[Literal["true", "false"], doc("true: the trash, which holds ready files; without `status`.")] = (
        "false"
    )

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.status and self.trashed == "true":
            raise ValueError("The trash holds ready files only: leave out status or trashed.")
        return self

    @property
    def shelf(self) -> Shelf:
        return Shelf.TRASHED if self.trashed == "true" else Shelf(self.status or Status.READY)


class DeleteQuery(Query):
    permanent: Annotated[Literal["true", "false"], doc("true: purge at once, past the trash.")] = "false"


class FileView(Out):
    id: Id
    filename: Annotated[str, doc("Without the extension.", "invoice")]
    extension: Annotated[str, doc("Without the dot; empty where there is none.", "txt")]
    full_filename: Annotated[str, Field(examples=["invoice.txt"])]
    type: Annotated[str, doc("The media type that the client declared.", "text/plain")]
    size: Annotated[int, doc("Bytes of the content.", 17)]
    formatted_size: Annotated[str, Field(examples=["17 B"])]
    encrypted_size: Annotated[int, doc("Bytes as stored: more than `size` where the client seals.", 514)]
    formatted_encrypted_size: Annotated[str, Field(examples=["514 B"])]
    encryption_mode: Annotated[EncryptionMode, Field(examples=["client"])]
    checksum_sha256: Annotated[Sha256 | None, doc("Of the stored bytes, as declared and checked by S3.", None)]
    status: Annotated[Status, doc("A rejected file says why in `rejected_reason`.", "ready")]
    rejected_reason: Annotated[str | None, Field(examples=[None])]
    trashed: Annotated[bool, Field(examples=[False])]
    created_by: AuthorView
    created_at: Moment
    ready_at: Moment | None
    expires_at: Annotated[Moment | None, doc("null: it does not expire.", None)]
    disk: Annotated[Literal["s3"], doc("Where the bytes are.")]

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
        "status": file.status,
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

    status: Literal[Status.PENDING]
    ready_at: None
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

    status: Literal[Status.PENDING]
    ready_at: None
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
