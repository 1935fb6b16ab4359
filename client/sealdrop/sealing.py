"""Sealing and opening files in the AWS Encryption SDK message format, with the stock SDK and the API's data key.

docs/format.md describes the bytes. Importing this module loads the SDK, which takes half a second: import it late.

A message is opened in these steps; each refusal is NotAuthentic:
(1) at most three encrypted data keys, and only suites that commit to their key;
(2) the header's context and encrypted data key are those that the API named, and the file is the one asked for;
(3) the data key is the one that the header commits to, and the header's tag holds;
(4) the suite, framing and frame length are those of our profile;
(5) each frame is in its place and its tag holds;
(6) nothing follows the last frame.
Plaintext comes out before (6) is known: callers keep it in a temporary file until the iterator has ended.
"""

import io
import logging
import struct
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import aws_encryption_sdk
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError, CustomMaximumValueExceeded
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy, ContentType
from aws_encryption_sdk.materials_managers import DecryptionMaterials, EncryptionMaterials
from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey, MasterKeyInfo
from cryptography.exceptions import InvalidTag

from sealdrop.errors import FileChanged, NotAuthentic
from sealdrop.transfers import FRAME_LENGTH, KEY_PROVIDER, Encryption

SUITE = Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY  # 0x0478; the SDK's own default signs, so it is always named
MOST_DATA_KEYS = 3
FRAME_OVERHEAD = 4 + 12 + 16  # sequence number, IV, tag
FINAL_OVERHEAD = 4 + FRAME_OVERHEAD + 4  # end marker in front, length before the content
_FIXED_HEADER = 1 + 2 + 32 + 2 + 2 + 1 + 4 + 32 + 16  # all of the header but context and data keys

# Each refused message would be logged with a traceback, although the refusal is raised as well.
logging.getLogger("aws_encryption_sdk").setLevel(logging.CRITICAL)


class ApiKeyManager(CryptoMaterialsManager):
    """Gives the SDK the data key that the API answered, in place of a call to KMS."""

    def __init__(self, terms: Encryption) -> None:
        self.terms = terms
        self._wrapped = EncryptedDataKey(MasterKeyInfo(KEY_PROVIDER, terms.key_arn.encode()), terms.encrypted_data_key)

    def get_encryption_materials(self, request: Any) -> Any:  # noqa: ARG002 - the SDK names it
        return EncryptionMaterials(
            algorithm=SUITE,
            encryption_context=dict(self.terms.context),
            data_encryption_key=self._data_key(),
            encrypted_data_keys={self._wrapped},
        )

    def decrypt_materials(self, request: Any) -> Any:
        if dict(request.encryption_context) != self.terms.context:  # (2): the SDK compares neither by itself
            raise NotAuthentic("the sealed file was made for another file or account")
        if set(request.encrypted_data_keys) != {self._wrapped}:
            raise NotAuthentic("the sealed file holds another data key than the service names")
        return DecryptionMaterials(data_key=self._data_key())

    def _data_key(self) -> Any:
        return DataKey(self._wrapped.key_provider, self.terms.data_key, self._wrapped.encrypted_data_key)


def header_length(terms: Encryption) -> int:
    """Bytes before the first frame."""
    pairs = sum(4 + len(name.encode()) + len(value.encode()) for name, value in terms.context.items())
    wrapped = 6 + len(KEY_PROVIDER) + len(terms.key_arn.encode()) + len(terms.encrypted_data_key)
    return _FIXED_HEADER + 2 + pairs + wrapped


def sealed_size(size: int, terms: Encryption) -> int:
    """Bytes of the sealed file. The last frame is always a short one, empty where `size` is a multiple of a frame."""
    return header_length(terms) + size + FRAME_OVERHEAD * (size // FRAME_LENGTH) + FINAL_OVERHEAD


def seal(source: io.RawIOBase | BinaryIO, size: int, terms: Encryption) -> Iterator[bytes]:
    """The sealed form of the `size` bytes that `source` holds, in pieces of up to a frame.

    Raises FileChanged where the source has more than `size` bytes, or fewer.
    """
    sealed = 0
    try:
        with _client().stream(
            mode="e",
            source=source,
            source_length=size,
            materials_manager=ApiKeyManager(terms),
            algorithm=SUITE,
            frame_length=FRAME_LENGTH,
        ) as stream:
            while piece := stream.read(FRAME_LENGTH):  # other sizes copy quadratically
                sealed += len(piece)
                yield piece
    except CustomMaximumValueExceeded:
        raise FileChanged("the file grew while it was read") from None
    if sealed != sealed_size(size, terms):
        raise FileChanged("the file shrank while it was read")


def open_sealed(source: BinaryIO, terms: Encryption) -> Iterator[bytes]:
    """The plaintext of a sealed file, frame by frame; trust none of it until the iterator has ended."""
    return read_message(source, ApiKeyManager(terms), FRAME_LENGTH, _check_profile)


def read_message(
    source: BinaryIO,
    manager: CryptoMaterialsManager,
    most_frame_bytes: int,
    check_header: Callable[[Any], None],
) -> Iterator[bytes]:
    """Any framed message whose frames hold up to `most_frame_bytes`: `open_sealed` without our own profile."""
    try:
        with _client().stream(
            mode="d", source=source, materials_manager=manager, max_body_length=most_frame_bytes
        ) as stream:
            check_header(stream.header)
            while piece := stream.read(most_frame_bytes):
                yield piece
    except InvalidTag:
        raise NotAuthentic("a part of the sealed file was changed") from None
    except (AWSEncryptionSDKClientError, ValueError, struct.error) as error:
        raise NotAuthentic(f"the sealed file cannot be opened ({type(error).__name__})") from None
    if source.read(1):
        raise NotAuthentic("something follows the end of the sealed file")


def _check_profile(header: Any) -> None:
    profile = (header.algorithm, header.content_type, header.frame_length)
    if profile != (SUITE, ContentType.FRAMED_DATA, FRAME_LENGTH):
        raise NotAuthentic("the sealed file is not in Sealdrop's format")


def _client() -> Any:
    make: Any = aws_encryption_sdk.EncryptionSDKClient  # the SDK ships no types
    return make(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
        max_encrypted_data_keys=MOST_DATA_KEYS,
    )
