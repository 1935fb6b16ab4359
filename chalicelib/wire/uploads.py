"""The means to upload a file, on the wire: signed requests, parts, and the key to seal with."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from chalicelib.domain.file import File
from chalicelib.domain.sealing import ALGORITHM, FRAME_LENGTH, KEY_PROVIDER, encryption_context
from chalicelib.domain.upload import MAX_PARTS, PARTS_PER_CALL, ReceivedPart
from chalicelib.services.sign_upload import SignedPart, SignedParts, SinglePut, Upload, WantedPart
from chalicelib.wire.base import Base64, In, Moment, Out, Sha256, Url, base64_text, doc

Headers = Annotated[
    dict[str, str],
    doc("Send each of them exactly so: they are signed.", {"content-length": "514", "if-none-match": "*"}),
]
ExpiresAt = Annotated[Moment, doc("Of the URLs: after that, have them signed again.", "2026-03-01T13:00:00.000000Z")]
_CONTEXT = {"file": "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42", "account": "9d1c5b7a-2e4f-4a68-b3c0-7f6e5d4c3b2a"}
_KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/0f5e2a1c-6a7b-4c1d-9e2f-3a4b5c6d7e8f"


class PartRequest(In):
    number: Annotated[int, Field(ge=1, le=MAX_PARTS), doc("Counted from 1; 1 for an upload in one PUT.", 1)]
    checksum_sha256: Annotated[
        Sha256 | None,
        doc("Of the part's bytes, if the upload declared `part_checksums`; of the whole file for one PUT."),
    ] = None


class SignParts(In):
    EXAMPLES: ClassVar = {
        "parts again": {"parts": [{"number": 4}, {"number": 5}]},
        "with a digest": {"parts": [{"number": 1, "checksum_sha256": "DRx/GSp70IuF1qjNiAICBnarsJyZ1ECszwaa1c244qQ="}]},
    }

    parts: Annotated[list[PartRequest], Field(min_length=1, max_length=PARTS_PER_CALL)]

    def wanted(self) -> list[WantedPart]:
        return [WantedPart(part.number, part.checksum_sha256) for part in self.parts]


class EncryptionView(Out):
    """All that a sealing or opening client needs: the plaintext data key among it."""

    algorithm: Annotated[str, doc("The AWS Encryption SDK's name of the suite, 0x0478.", ALGORITHM)]
    frame_length: Annotated[int, doc("Bytes of content in a frame.", FRAME_LENGTH)]
    encryption_context: Annotated[
        dict[str, str], doc("Stands in the message's header, and is authenticated.", _CONTEXT)
    ]
    data_key: Annotated[Base64, doc("32 bytes in clear. Never stored by the service, never to be stored by you.")]
    encrypted_data_key: Annotated[Base64, doc("As KMS wrapped it: the one data key in the message's header.")]
    key_provider: Annotated[str, Field(examples=[KEY_PROVIDER])]
    key_arn: Annotated[str, Field(examples=[_KEY_ARN])]

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
    method: Literal["PUT"]
    url: Url
    headers: Headers
    expires_at: ExpiresAt


class PartView(Out):
    number: Annotated[int, doc("Counted from 1.", 1)]
    size: Annotated[int, doc("Bytes of this part, exactly.", 8388608)]
    url: Url
    headers: Headers

    @classmethod
    def of(cls, part: SignedPart) -> Self:
        headers = dict(part.request.headers)
        return cls(number=part.number, size=part.size_bytes, url=part.request.url, headers=headers)


class PartsView(Out):
    part_size: Annotated[int, doc("Bytes of every part but the last.", 8388608)]
    part_count: Annotated[int, Field(examples=[32])]
    parts: Annotated[list[PartView], doc("The first 100, or those asked for; none yet where each needs its digest.")]
    expires_at: ExpiresAt


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
    number: Annotated[int, doc("Counted from 1.", 1)]
    size: Annotated[int, doc("Bytes that S3 has of it.", 514)]
    checksum_sha256: Sha256 | None

    @classmethod
    def of(cls, part: ReceivedPart) -> Self:
        return cls(number=part.number, size=part.size_bytes, checksum_sha256=part.checksum_sha256)


class ReceivedView(Out):
    received: list[ReceivedPartView]
