"""Files as they are asked for."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from chalicelib.domain.file import EncryptionMode, Shelf, Status
from chalicelib.domain.filename import guess_type
from chalicelib.domain.upload import MAX_PART_BYTES, MAX_STORED_BYTES, MIN_PART_BYTES
from chalicelib.services.create_file import NewFile
from chalicelib.services.update_file import FileChanges
from chalicelib.wire.base import In, Moment, NotNull, Query, Sha256, doc
from chalicelib.wire.filenames import FileName, MediaType
from chalicelib.wire.lists import SORTING, Keyword, SortedQuery

CategoryRef = Annotated[
    str, StringConstraints(max_length=100), doc("The id of a category of the account.", format="uuid")
]
FileSort = Literal[  # FILE_SORTS, both ways
    "created_at",
    "-created_at",
    "filename_original",
    "-filename_original",
    "size",
    "-size",
    "encrypted_size",
    "-encrypted_size",
]


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
            "expires_at": "2030-12-31T23:59:00Z",
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
    category_id: CategoryRef | None = None
    expires_at: Annotated[
        Moment | None, doc("When the file ends by itself; in the future.", "2030-12-31T23:59:00Z")
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
            category_id=self.category_id,
        )


class PatchFile(In):
    EXAMPLES: ClassVar = {
        "rename": {"filename": "invoice-2026.txt"},
        "no expiry and no category any more": {"expires_at": None, "category_id": None},
        "out of the trash": {"trashed": False},
    }

    filename: Annotated[FileName | None, NotNull()] = None
    category_id: Annotated[CategoryRef | None, doc("null: it has none.")] = None
    expires_at: Annotated[Moment | None, doc("null: it does not expire.", "2030-12-31T23:59:00Z")] = None
    trashed: Annotated[bool | None, NotNull(), doc("true: to the trash; false: back from it.", False)] = None

    def changes(self) -> FileChanges:
        return FileChanges(
            filename=self.filename,
            trashed=self.trashed,
            sets_expiry="expires_at" in self.model_fields_set,
            expires_at=self.expires_at,
            sets_category="category_id" in self.model_fields_set,
            category_id=self.category_id,
        )


Include = Annotated[Literal["category"] | None, doc("What comes with each file.", "category")]


class FileQuery(Query):
    include: Include = None


class FilesQuery(SortedQuery):
    sort: Annotated[FileSort, SORTING] = "-created_at"
    keyword: Annotated[Keyword | None, doc("A part of the file's name.", "invoice")] = None
    include: Include = None
    status: Annotated[
        Literal["pending", "ready", "rejected"] | None, doc("Files in this state; ready ones without it.", "ready")
    ] = None
    trashed: Annotated[Literal["true", "false"], doc("true: the trash, which holds ready files; without `status`.")] = (
        "false"
    )

    @field_validator("trashed")
    @classmethod
    def _one_list(cls, value: str, given: ValidationInfo) -> str:
        if value == "true" and given.data.get("status"):
            raise ValueError("The trash holds ready files only: leave out status or trashed.")
        return value

    @property
    def shelf(self) -> Shelf:
        return Shelf.TRASHED if self.trashed == "true" else Shelf(self.status or Status.READY)


class DeleteQuery(Query):
    permanent: Annotated[Literal["true", "false"], doc("true: purge at once, past the trash.")] = "false"
