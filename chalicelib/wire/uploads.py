"""The means to upload a file, on the wire: signed requests, parts, and the key to seal with."""

from typing import Annotated, Self

from pydantic import Field

from chalicelib.domain.file import File
from chalicelib.domain.sealing import ALGORITHM, FRAME_LENGTH, KEY_PROVIDER, encryption_context
from chalicelib.domain.upload import PARTS_PER_CALL, ReceivedPart
from chalicelib.services.sign_upload import SignedPart, SignedParts, SinglePut, Upload, WantedPart
from chalicelib.wire.base import In, Moment, Out, Sha256, base64_text


class PartRequest(In):
    number: Annotated[int, Field(ge=1)]
    checksum_sha256: Sha256 | None = None


class SignParts(In):
    parts: Annotated[list[PartRequest], Field(min_length=1, max_length=PARTS_PER_CALL)]

    def wanted(self) -> list[WantedPart]:
        return [WantedPart(part.number, part.checksum_sha256) for part in self.parts]


class EncryptionView(Out):
    """All that a sealing or opening client needs: the plaintext data key among it."""

    algorithm: str
    frame_length: int
    encryption_context: dict[str, str]
    data_key: str
    encrypted_data_key: str
    key_provider: str
    key_arn: str

    @classmethod
    def of(cls, file: File, data_key: bytes | None) -> Self | None:
        """None for a file that the client does not seal."""
        if data_key is None or file.wrapped_key is None:
            return None
        return cls(
            algorithm=ALGORITHM,
            frame_length=FRAME_LENGTH,
            encryption_context=encryption_context(file.id, file.account_id),
            data_key=base64_text(data_key),
            encrypted_data_key=base64_text(file.wrapped_key.blob),
            key_provider=KEY_PROVIDER,
            key_arn=file.wrapped_key.key_arn,
        )


class SinglePutView(Out):
    method: str
    url: str
    headers: dict[str, str]
    expires_at: Moment


class PartView(Out):
    number: int
    size: int
    url: str
    headers: dict[str, str]

    @classmethod
    def of(cls, part: SignedPart) -> Self:
        headers = dict(part.request.headers)
        return cls(number=part.number, size=part.size_bytes, url=part.request.url, headers=headers)


class PartsView(Out):
    part_size: int
    part_count: int
    parts: list[PartView]
    expires_at: Moment


def upload_view(upload: Upload) -> SinglePutView | PartsView:
    if isinstance(upload, SinglePut):
        request = upload.request
        return SinglePutView(method="PUT", url=request.url, headers=dict(request.headers), expires_at=upload.expires_at)
    return _parts_view(upload)


def _parts_view(upload: SignedParts) -> PartsView:
    return PartsView(
        part_size=upload.plan.part_bytes,
        part_count=upload.plan.count,
        parts=[PartView.of(part) for part in upload.parts],
        expires_at=upload.expires_at,
    )


class ReceivedPartView(Out):
    number: int
    size: int
    checksum_sha256: str | None

    @classmethod
    def of(cls, part: ReceivedPart) -> Self:
        return cls(number=part.number, size=part.size_bytes, checksum_sha256=part.checksum_sha256)


class ReceivedView(Out):
    received: list[ReceivedPartView]
