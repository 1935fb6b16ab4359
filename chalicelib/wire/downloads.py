"""Downloads on the wire."""

from typing import Annotated, Any, Self

from pydantic import Field

from chalicelib.domain.download import MAX_FILES, Download
from chalicelib.domain.file import File
from chalicelib.domain.filename import split_filename
from chalicelib.services.perform_download import Performed, ReleasedFile, ShownDownload
from chalicelib.wire.base import In, Moment, Out
from chalicelib.wire.uploads import EncryptionView


class CreateDownload(In):
    files: Annotated[list[str], Field(min_length=1, max_length=MAX_FILES)]


class Perform(In):
    session: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class DownloadView(Out):
    id: str
    created_at: Moment
    expires_at: Moment
    uses_left: int

    @classmethod
    def of(cls, download: Download) -> Self:
        return cls(
            id=download.id,
            created_at=download.created_at,
            expires_at=download.expires_at,
            uses_left=download.uses_left,
        )


class DownloadKeyView(Out):
    key: str
    expires_at: Moment


class SenderView(Out):
    name: str
    email: str


class SharedFileView(Out):
    """A file as whoever holds a download key sees it."""

    id: str
    filename: str
    extension: str
    full_filename: str
    type: str
    size: int
    encrypted_size: int
    encryption_mode: str
    checksum_sha256: str | None

    @classmethod
    def of(cls, file: File) -> Self:
        return cls(**_shared_fields(file))


class ReleasedFileView(SharedFileView):
    url: str
    url_expires_at: Moment
    encryption: EncryptionView | None = None  # of sealed files, when a use is spent; not where a session renews a URL

    @classmethod
    def of_released(cls, released: ReleasedFile, performed: Performed) -> Self:
        fields = _shared_fields(released.file)
        fields |= {"url": released.url, "url_expires_at": performed.urls_expire_at}
        if encryption := EncryptionView.of(released.file, released.data_key):
            fields["encryption"] = encryption
        return cls(**fields)


class PublicDownloadView(Out):
    sender: SenderView
    uses_left: int
    expires_at: Moment
    pin_required: bool
    files: list[SharedFileView]

    @classmethod
    def of(cls, shown: ShownDownload) -> Self:
        download = shown.download
        return cls(
            sender=SenderView(name=download.sender.name, email=download.sender.email),
            uses_left=download.uses_left,
            expires_at=download.expires_at,
            pin_required=False,
            files=[SharedFileView.of(file) for file in shown.files],
        )


class PerformedView(Out):
    files: list[ReleasedFileView]
    uses_left: int
    session: str
    session_expires_at: Moment

    @classmethod
    def of(cls, performed: Performed) -> Self:
        return cls(
            files=[ReleasedFileView.of_released(released, performed) for released in performed.files],
            uses_left=performed.uses_left,
            session=performed.session,
            session_expires_at=performed.session_expires_at,
        )


def _shared_fields(file: File) -> dict[str, Any]:
    stem, extension = split_filename(file.filename)
    return {
        "id": file.id,
        "filename": stem,
        "extension": extension,
        "full_filename": file.filename,
        "type": file.type,
        "size": file.size_bytes,
        "encrypted_size": file.stored_bytes,
        "encryption_mode": str(file.encryption_mode),
        "checksum_sha256": file.checksum_sha256,
    }
