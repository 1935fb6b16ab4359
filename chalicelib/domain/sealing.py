"""The profile of the AWS Encryption SDK message format that Sealdrop seals with, in numbers.

Source: AWS Encryption SDK message format reference, version 2.0; docs/format.md has our page of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.ids import AccountId, FileId

ALGORITHM = "AES_256_GCM_HKDF_SHA512_COMMIT_KEY"
SUITE_ID = 0x0478
FRAME_LENGTH = 262_144
KEY_PROVIDER = "aws-kms"

FRAME_OVERHEAD = 4 + 12 + 16  # sequence number, IV, tag
FINAL_FRAME_OVERHEAD = 4 + FRAME_OVERHEAD + 4  # end marker before, content length between IV and content
_FIXED_HEADER = 1 + 2 + 32 + 2 + 2 + 1 + 4 + 32 + 16  # version … tag, less the context and the data keys


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as KMS gave it back: safe to store, useless without KMS and the encryption context."""

    key_arn: str
    blob: bytes


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    plaintext: bytes  # never stored, never logged: lives for one request
    wrapped: WrappedKey


def encryption_context(file_id: FileId, account_id: AccountId) -> dict[str, str]:
    """Opaque ids only: the context stands in clear in the message and in CloudTrail."""
    return {"file": file_id, "account": account_id}


def header_length(context: Mapping[str, str], key: WrappedKey) -> int:
    """Bytes of a message header that holds this context and one encrypted data key."""
    pairs = sum(4 + len(name.encode()) + len(value.encode()) for name, value in context.items())
    data_key = 6 + len(KEY_PROVIDER) + len(key.key_arn.encode()) + len(key.blob)
    return _FIXED_HEADER + 2 + pairs + data_key


def sealed_size(size_bytes: int, header_bytes: int) -> int:
    """Stored bytes of a sealed file. The final frame is always a short one, empty at exact multiples."""
    return header_bytes + size_bytes + FRAME_OVERHEAD * (size_bytes // FRAME_LENGTH) + FINAL_FRAME_OVERHEAD
