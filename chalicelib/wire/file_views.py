"""Files as they are answered."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.filename import split_filename
from chalicelib.domain.upload import ReceivedPart
from chalicelib.services.manage_categories import Categories
from chalicelib.services.sign_upload import Upload
from chalicelib.wire.base import Id, Moment, Out, Sha256, doc
from chalicelib.wire.categories import CategoryView
from chalicelib.wire.people import AuthorView
from chalicelib.wire.uploads import (
    EncryptionView,
    PartsView,
    ReceivedPartView,
    ReceivedView,
    SinglePutView,
    upload_view,
)


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
    category_id: Id | None
    category: Annotated[CategoryView | None, doc("Left out where it was not asked for.")] = None
    disk: Annotated[Literal["s3"], doc("Where the bytes are.")]

    @classmethod
    def of(cls, file: File, categories: Categories, *, embed: bool = False) -> Self:
        """`categories` has those that files may name; with `embed` the file's own is shown in full."""
        return cls(**file_fields(file, categories, embed=embed))


def file_fields(file: File, categories: Categories, *, embed: bool = False) -> dict[str, Any]:
    category = categories.get(file.category_id) if file.category_id else None
    embedded = {"category": CategoryView.of(category) if category else None} if embed else {}
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
        "category_id": category.id if category else None,
        **embedded,
        "disk": "s3",
    }


class UploadTicketView(FileView):
    """A pending file with the means to upload it; `encryption` only where the client seals."""

    status: Literal[Status.PENDING]
    ready_at: None
    upload: SinglePutView | PartsView
    encryption: EncryptionView | None = None

    @classmethod
    def of_ticket(cls, file: File, upload: Upload, data_key: bytes | None, categories: Categories) -> Self:
        fields = file_fields(file, categories) | {"upload": upload_view(upload)}
        if encryption := EncryptionView.of(file, data_key):
            fields["encryption"] = encryption
        return cls(**fields)


class PendingFileView(FileView):
    """A pending file with what S3 has of it."""

    status: Literal[Status.PENDING]
    ready_at: None
    upload: ReceivedView

    @classmethod
    def of_received(
        cls, file: File, received: Sequence[ReceivedPart], categories: Categories, *, embed: bool = False
    ) -> Self:
        parts = [ReceivedPartView.of(part) for part in received]
        return cls(**file_fields(file, categories, embed=embed), upload=ReceivedView(received=parts))


def formatted_size(size_bytes: int) -> str:
    size, unit = float(size_bytes), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024 or unit == "TB":
            break
        size /= 1024
    return f"{size_bytes} B" if unit == "B" else f"{size:.2f} {unit}"
