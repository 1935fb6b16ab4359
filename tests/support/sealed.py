"""Sealed messages for tests: whole ones by the stock AWS Encryption SDK, and headers written out by hand.

The hand-written ones follow the format's reference, not chalicelib, so that a mistake there is not repeated here.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_encryption_sdk import CommitmentPolicy, EncryptionSDKClient
from aws_encryption_sdk.identifiers import Algorithm
from aws_encryption_sdk.materials_managers import EncryptionMaterials
from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey, MasterKeyInfo
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chalicelib.domain.file import File
from chalicelib.domain.sealing import WrappedKey

logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)

SUITE = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
FRAME = 262_144


class GivenKey(CryptoMaterialsManager):
    """The data key that the API answered, in the place of a call to KMS."""

    def __init__(self, data_key: bytes, wrapped: WrappedKey, context: Mapping[str, str]) -> None:
        self.data_key, self.context = data_key, dict(context)
        self.provider = MasterKeyInfo("aws-kms", wrapped.key_arn.encode())
        self.blob = wrapped.blob

    def get_encryption_materials(self, request: Any) -> EncryptionMaterials:
        return EncryptionMaterials(
            algorithm=request.algorithm,
            encryption_context=self.context,
            data_encryption_key=DataKey(self.provider, self.data_key, self.blob),
            encrypted_data_keys={EncryptedDataKey(self.provider, self.blob)},
        )

    def decrypt_materials(self, request: Any) -> None:
        raise NotImplementedError("these tests only seal")


def seal(
    data: bytes,
    data_key: bytes,
    wrapped: WrappedKey,
    context: Mapping[str, str],
    *,
    frame_length: int = FRAME,
    algorithm: Algorithm = SUITE,
    policy: CommitmentPolicy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
) -> bytes:
    client = EncryptionSDKClient(commitment_policy=policy)
    manager = GivenKey(data_key, wrapped, context)
    sealed, _ = client.encrypt(source=data, materials_manager=manager, frame_length=frame_length, algorithm=algorithm)
    return bytes(sealed)


def seal_for(file: File, data_key: bytes, data: bytes, **more: Any) -> bytes:
    """What an honest client stores for this file."""
    assert file.wrapped_key
    return seal(data, data_key, file.wrapped_key, {"file": file.id, "account": file.account_id}, **more)


@dataclass(frozen=True)
class Header:
    """Every field of a version 2.0 header, true or not; `write` signs what it is given."""

    data_key: bytes = bytes(32)
    version: int = 2
    suite: int = 0x0478
    message_id: bytes = bytes(range(32))
    context: tuple[tuple[bytes, bytes], ...] = ((b"account", b"a"), (b"file", b"f"))
    context_count: int | None = None  # None: as many as there are
    context_extra: bytes = b""
    data_keys: tuple[tuple[bytes, bytes, bytes], ...] = ((b"aws-kms", b"arn", b"blob"),)
    data_key_count: int | None = None
    content_type: int = 2
    frame_length: int = FRAME
    commitment: bytes | None = None  # None: the true one

    def but(self, **changes: Any) -> "Header":
        return replace(self, **changes)

    def write(self) -> bytes:
        context = b"".join(_sized(name) + _sized(value) for name, value in self.context)
        if self.context or self.context_count is not None:
            context = _two(len(self.context) if self.context_count is None else self.context_count) + context
        context += self.context_extra
        keys = b"".join(_sized(field) for key in self.data_keys for field in key)
        count = len(self.data_keys) if self.data_key_count is None else self.data_key_count
        body = (
            bytes([self.version])
            + _two(self.suite)
            + self.message_id
            + _sized(context)
            + _two(count)
            + keys
            + bytes([self.content_type])
            + self.frame_length.to_bytes(4)
            + (self._derive(b"COMMITKEY") if self.commitment is None else self.commitment)
        )
        return body + AESGCM(self._derive(b"\x04\x78DERIVEKEY")).encrypt(bytes(12), b"", body)

    def _derive(self, info: bytes) -> bytes:
        return HKDF(SHA512(), length=32, salt=self.message_id, info=info).derive(self.data_key)


def random_key() -> bytes:
    return os.urandom(32)


def _two(number: int) -> bytes:
    return number.to_bytes(2)


def _sized(data: bytes) -> bytes:
    return _two(len(data)) + data
