"""Downloads on the wire."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from chalicelib.domain.download import MANUAL_USES, MAX_FILES, MAX_USES, Download
from chalicelib.domain.file import EncryptionMode, File
from chalicelib.domain.filename import split_filename
from chalicelib.domain.secret import SECRET_LENGTH
from chalicelib.services.create_download import NewDownload
from chalicelib.services.open_mail import ReadMail
from chalicelib.services.perform_download import Performed, ReleasedFile, ShownDownload
from chalicelib.wire.base import Id, In, Moment, Out, Sha256, Url, doc
from chalicelib.wire.pins import NewPin, PinGuess
from chalicelib.wire.uploads import EncryptionView

DownloadKeyText = Annotated[
    str,
    doc(
        "The secret that performs the download: 256 bits in base62. Who has it has the files, once.",
        "7hJ2mQxW9bTzK4cRfV8nYdL1sGpE6aUo3iBvXwCq5Ht",
        pattern=rf"^[0-9A-Za-z]{{{SECRET_LENGTH}}}$",
    ),
]
Session = Annotated[
    str,
    Field(min_length=1, max_length=100),
    doc("The secret of a session, as a perform answered it.", "2kPqZs8LwYvN5tRb3XcMdF7hGj1AaEeUu4OoIiTyQxK"),
]
ExpiresAt = Annotated[Moment, doc("After that no use can be spent.", "2026-03-01T12:01:00.000000Z")]
UsesLeft = Annotated[int, doc("How often it can still be performed.", 1)]


class CreateDownload(In):
    EXAMPLES: ClassVar = {
        "for oneself, at once": {"files": ["3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"]},
        "a link for somebody else": {
            "files": ["3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"],
            "expires_at": "2026-03-15T12:00:00Z",
            "max_downloads": 3,
            "pin": "7294",
        },
    }

    files: Annotated[list[Id], Field(min_length=1, max_length=MAX_FILES), doc("Ids of own files that are ready.")]
    expires_at: Annotated[Moment | None, doc("Within 90 days; in 60 seconds when it is left out.")] = None
    max_downloads: Annotated[int, Field(ge=1, le=MAX_USES), doc("How often it can be performed.", 3)] = MANUAL_USES
    pin: Annotated[
        NewPin | None, doc("Asked of whoever performs it, before anything is shown. Tell it another way than the key.")
    ] = None

    def new_download(self) -> NewDownload:
        return NewDownload(
            file_ids=self.files,
            max_downloads=self.max_downloads,
            expires_at=self.expires_at,
            pin=self.pin,
        )


class CreateKey(In):
    pinKey: Annotated[  # noqa: N815 - an alias would let the other spelling pass as nothing
        str | None,
        doc("A temporary key: needed of users who have a PIN.", "5tGbN8yHuJmK2cRfVwQxZaS7dEe4LoPi9TzBqYhUkWn"),
    ] = None


class Perform(In):
    EXAMPLES: ClassVar = {
        "spend a use": {},
        "with the PIN that the sender told you": {"pin": "7294"},
        "only where a browser can open all of it": {"modes": ["server"]},
        "fresh URLs, nothing spent": {"session": "2kPqZs8LwYvN5tRb3XcMdF7hGj1AaEeUu4OoIiTyQxK"},
    }

    session: Session | None = None
    pin: PinGuess | None = None
    modes: Annotated[
        list[EncryptionMode] | None,
        Field(min_length=1),
        doc("What you can open: where a file is of another mode, 422, and nothing is spent.", ["server"]),
    ] = None


class DownloadView(Out):
    id: Id
    created_at: Moment
    expires_at: ExpiresAt
    uses_left: UsesLeft

    @classmethod
    def of(cls, download: Download) -> Self:
        return cls(
            id=download.id,
            created_at=download.created_at,
            expires_at=download.expires_at,
            uses_left=download.uses_left,
        )


class DownloadKeyView(Out):
    key: DownloadKeyText
    expires_at: ExpiresAt


class SenderView(Out):
    name: Annotated[str, Field(examples=["Alice Archer"])]
    email: Annotated[str, Field(examples=["alice@example.com"])]


class SharedFileView(Out):
    """A file as whoever holds a download key sees it."""

    id: Id
    filename: Annotated[str, doc("Without the extension.", "invoice")]
    extension: Annotated[str, doc("Without the dot; empty where there is none.", "txt")]
    full_filename: Annotated[str, Field(examples=["invoice.txt"])]
    type: Annotated[str, doc("The media type that the sender declared.", "text/plain")]
    size: Annotated[int, doc("Bytes of the content.", 17)]
    encrypted_size: Annotated[int, doc("Bytes as stored: more than `size` where the client seals.", 514)]
    encryption_mode: Annotated[EncryptionMode, Field(examples=["client"])]
    checksum_sha256: Annotated[Sha256 | None, doc("Of the stored bytes, as declared and checked by S3.", None)]

    @classmethod
    def of(cls, file: File) -> Self:
        return cls(**_shared_fields(file))


class ReleasedFileView(SharedFileView):
    url: Annotated[Url, doc("GET it, without a token; Range works. Forces an attachment, and pins what was verified.")]
    url_expires_at: Annotated[Moment, doc("After that, ask with the session.", "2026-03-01T12:05:00.000000Z")]
    encryption: Annotated[
        EncryptionView | None, doc("Of sealed files, when a use is spent; not where a session renews a URL.")
    ] = None

    @classmethod
    def of_released(cls, released: ReleasedFile, performed: Performed) -> Self:
        fields = _shared_fields(released.file)
        fields |= {"url": released.url, "url_expires_at": performed.urls_expire_at}
        if encryption := EncryptionView.of(released.file, released.data_key):
            fields["encryption"] = encryption
        return cls(**fields)


class LinkedMailView(Out):
    """The mail that the files came with, as its recipient reads it."""

    identifier: Annotated[str, Field(examples=["K7WPX4D"])]
    subject: Annotated[str, Field(examples=["Your contract"])]
    body: Annotated[str | None, doc("HTML, sanitised.", "<p>Please sign.</p>")]

    @classmethod
    def of(cls, read: ReadMail) -> Self:
        return cls(identifier=read.mail.identifier, subject=read.mail.subject, body=read.body)


class PublicDownloadView(Out):
    sender: SenderView
    uses_left: UsesLeft
    expires_at: ExpiresAt
    pin_required: Annotated[bool, Field(examples=[False])]
    files: Annotated[list[SharedFileView] | None, doc("Left out where a PIN is asked for first.")] = None
    mail: Annotated[LinkedMailView | None, doc("Left out there, too, and where there is none.")] = None

    @classmethod
    def of(cls, shown: ShownDownload) -> Self:
        download = shown.download
        fields: dict[str, Any] = {
            "sender": SenderView(name=download.sender.name, email=download.sender.email),
            "uses_left": download.uses_left,
            "expires_at": download.expires_at,
            "pin_required": download.pin is not None,
        }
        if shown.files is not None:
            fields["files"] = [SharedFileView.of(file) for file in shown.files]
        if shown.mail:
            fields["mail"] = LinkedMailView.of(shown.mail)
        return cls(**fields)


class PerformedView(Out):
    files: list[ReleasedFileView]
    uses_left: UsesLeft
    session: Session
    session_expires_at: Annotated[Moment, Field(examples=["2026-03-01T18:00:00.000000Z"])]
    mail: Annotated[LinkedMailView | None, doc("Left out where there is none, and where a session is resumed.")] = None

    @classmethod
    def of(cls, performed: Performed) -> Self:
        fields: dict[str, Any] = {
            "files": [ReleasedFileView.of_released(released, performed) for released in performed.files],
            "uses_left": performed.uses_left,
            "session": performed.session,
            "session_expires_at": performed.session_expires_at,
        }
        if performed.mail:
            fields["mail"] = LinkedMailView.of(performed.mail)
        return cls(**fields)


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
