"""Data keys, and the proof that a sealed header was made with one."""

from collections.abc import Mapping
from typing import Protocol

from chalicelib.domain.message_header import MessageHeader
from chalicelib.domain.sealing import DataKey, WrappedKey


class KeyService(Protocol):
    def generate(self, context: Mapping[str, str]) -> DataKey: ...

    def unwrap(self, key: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Raises WrongContext for a key that was not wrapped under this context."""


class WrongContext(Exception):
    """KMS refuses to unwrap: another encryption context, another key, or damaged bytes."""


class HeaderAuthenticator(Protocol):
    def __call__(self, header: MessageHeader, data_key: bytes) -> bool:
        """Whether this data key is the one the message commits to, and the header is unaltered."""
