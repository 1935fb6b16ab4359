"""What the service answers while bytes move: where to send them, where to get them, and under which key."""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Self

from sealdrop import fields
from sealdrop.errors import BadAnswer
from sealdrop.fields import Json
from sealdrop.models import EncryptionMode, File, encryption_mode

ALGORITHM = "AES_256_GCM_HKDF_SHA512_COMMIT_KEY"
FRAME_LENGTH = 262_144
KEY_PROVIDER = "aws-kms"
DATA_KEY_BYTES = 32
PUT_HEADERS = frozenset({"content-length", "content-type", "content-md5", "if-none-match", "x-amz-checksum-sha256"})
MOST_PARTS = 10_000  # S3's own limit


@dataclass(frozen=True, slots=True)
class Encryption:
    """The terms a client-sealed file is sealed under. Any profile but ours is refused here, before a byte is read."""

    context: dict[str, str]
    data_key: bytes = field(repr=False)
    encrypted_data_key: bytes
    key_arn: str

    @classmethod
    def parse(cls, record: Json, file_id: str) -> Self:
        terms = (record.get("algorithm"), record.get("frame_length"), record.get("key_provider"))
        if terms != (ALGORITHM, FRAME_LENGTH, KEY_PROVIDER):
            raise BadAnswer("the service names a sealing profile that this client does not know")
        data_key = fields.binary(record, "data_key")
        if len(data_key) != DATA_KEY_BYTES:
            raise BadAnswer("the service answered a data key of a wrong length")
        context = fields.strings(record, "encryption_context")
        if context.keys() != {"file", "account"} or context["file"] != file_id:
            raise BadAnswer("the service answered the key of another file")
        return cls(
            context=context,
            data_key=data_key,
            encrypted_data_key=fields.binary(record, "encrypted_data_key"),
            key_arn=fields.take(record, "key_arn", str),
        )

    def record(self) -> Json:
        """What `parse` reads."""
        return {
            "algorithm": ALGORITHM,
            "frame_length": FRAME_LENGTH,
            "key_provider": KEY_PROVIDER,
            "encryption_context": self.context,
            "data_key": base64.b64encode(self.data_key).decode(),
            "encrypted_data_key": base64.b64encode(self.encrypted_data_key).decode(),
            "key_arn": self.key_arn,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """One presigned PUT: the bytes to send, where, and the headers that are signed into it."""

    number: int
    size: int
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            number=fields.size(record, "number"),
            size=fields.size(record, "size"),
            url=fields.take(record, "url", str),
            headers=_headers(record),
        )


def _headers(record: Json) -> dict[str, str]:
    """Header names in lower case, so that none goes out twice; nothing in them that would end a header."""
    headers = {name.lower(): value for name, value in fields.strings(record, "headers").items()}
    if not all(text.isascii() and text.isprintable() and text for pair in headers.items() for text in pair):
        raise BadAnswer("the service names headers that cannot be sent")
    if unknown := headers.keys() - PUT_HEADERS:
        raise BadAnswer(f"the service names a header that no upload takes: {min(unknown)}")
    return headers


@dataclass(frozen=True, slots=True)
class Upload:
    """How a pending file wants its bytes. A single PUT counts as one part, the whole of it."""

    part_size: int
    part_count: int
    targets: tuple[Target, ...]  # those signed so far
    is_single: bool

    @classmethod
    def parse(cls, record: Json, stored_size: int) -> Self:
        if "part_count" not in record:
            if record.get("method") != "PUT":
                raise BadAnswer("the service names a way of uploading that this client does not know")
            single = Target.parse({"number": 1, "size": stored_size, **record})
            return cls(part_size=stored_size, part_count=1, targets=(single,), is_single=True)
        part_size, part_count = fields.size(record, "part_size"), fields.size(record, "part_count")
        fits = part_size > 0 and -(-stored_size // part_size) == part_count <= MOST_PARTS
        if not fits:
            raise BadAnswer("the service cut the upload into parts that do not add up to the file")
        targets = fields.items(record, "parts", Target.parse)
        return cls(part_size=part_size, part_count=part_count, targets=targets, is_single=False)

    def size_of(self, number: int, stored_size: int) -> int:
        """Bytes of a part; numbers start at 1, the last part takes the rest."""
        return min(self.part_size, stored_size - (number - 1) * self.part_size)


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A file just registered, with everything needed to send it."""

    file: File
    upload: Upload
    encryption: Encryption | None

    @classmethod
    def parse(cls, record: Json) -> Self:
        file = File.parse(record)
        return cls(
            file=file,
            upload=Upload.parse(fields.take(record, "upload", dict), file.stored_size),
            encryption=_encryption(record, file.id, file.encryption_mode),
        )


@dataclass(frozen=True, slots=True)
class ReceivedPart:
    """A part that the storage already holds."""

    number: int
    size: int
    checksum_sha256: str | None

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            number=fields.size(record, "number"),
            size=fields.size(record, "size"),
            checksum_sha256=fields.optional(record, "checksum_sha256", str),
        )


@dataclass(frozen=True, slots=True)
class PerformedFile:
    """A file whose use was spent: its address, good for minutes, and for a sealed one its key."""

    id: str
    full_filename: str
    size: int
    encrypted_size: int | None
    encryption_mode: EncryptionMode
    checksum_sha256: str | None
    url: str = field(repr=False)
    url_expires_at: datetime
    encryption: Encryption | None  # None for a sealed file, too, where its address was only renewed

    @property
    def stored_size(self) -> int:
        """Bytes that travel."""
        return self.size if self.encrypted_size is None else self.encrypted_size

    @classmethod
    def parse(cls, record: Json, *, renewed: bool = False) -> Self:
        mode = encryption_mode(record)
        stored = record.get("encrypted_size")
        file_id = fields.take(record, "id", str)
        return cls(
            id=file_id,
            full_filename=fields.take(record, "full_filename", str),
            size=fields.size(record, "size"),
            encrypted_size=None if stored is None and mode == "server" else fields.size(record, "encrypted_size"),
            encryption_mode=mode,
            checksum_sha256=fields.optional(record, "checksum_sha256", str),
            url=fields.take(record, "url", str),
            url_expires_at=fields.moment(record, "url_expires_at"),
            encryption=None if renewed else _encryption(record, file_id, mode),
        )

    def record(self) -> Json:
        """What `parse` reads."""
        return {
            "id": self.id,
            "full_filename": self.full_filename,
            "size": self.size,
            "encrypted_size": self.encrypted_size,
            "encryption_mode": self.encryption_mode,
            "checksum_sha256": self.checksum_sha256,
            "url": self.url,
            "url_expires_at": self.url_expires_at.isoformat(),
            **({"encryption": self.encryption.record()} if self.encryption else {}),
        }


def _encryption(record: Json, file_id: str, mode: EncryptionMode) -> Encryption | None:
    return Encryption.parse(fields.take(record, "encryption", dict), file_id) if mode == "client" else None


@dataclass(frozen=True, slots=True)
class Performed:
    """One use spent. `session` asks for fresh addresses until `session_expires_at`, without spending another."""

    files: tuple[PerformedFile, ...]
    uses_left: int
    session: str = field(repr=False)
    session_expires_at: datetime

    @classmethod
    def parse(cls, record: Json, *, renewed: bool = False) -> Self:
        return cls(
            files=fields.items(record, "files", partial(PerformedFile.parse, renewed=renewed)),
            uses_left=fields.size(record, "uses_left"),
            session=fields.take(record, "session", str),
            session_expires_at=fields.moment(record, "session_expires_at"),
        )

    def record(self) -> Json:
        """What `parse` reads."""
        return {
            "files": [file.record() for file in self.files],
            "uses_left": self.uses_left,
            "session": self.session,
            "session_expires_at": self.session_expires_at.isoformat(),
        }
