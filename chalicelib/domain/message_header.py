"""Parser of a sealed message's header: outside bytes, so every length is checked before it is believed.

Source: AWS Encryption SDK message format reference, "Header structure", version 2.0.
"""

from dataclasses import dataclass

from chalicelib.domain.sealing import SUITE_ID

MAX_DATA_KEYS = 3
_VERSION = 2
_FRAMED = 2
_MESSAGE_ID_BYTES = 32
_COMMITMENT_BYTES = 32
_TAG_BYTES = 16


class MalformedHeader(ValueError):
    """The bytes are not the header of a message of our profile; the text says why."""


@dataclass(frozen=True, slots=True)
class EncryptedDataKey:
    provider: bytes
    provider_info: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class MessageHeader:
    message_id: bytes
    context: dict[str, str]
    data_keys: tuple[EncryptedDataKey, ...]
    frame_length: int
    commitment: bytes
    authenticated: bytes  # what the tag covers
    tag: bytes

    @property
    def length(self) -> int:
        return len(self.authenticated) + len(self.tag)


def parse_header(data: bytes) -> MessageHeader:
    """Read a header from the first bytes of a message; what follows it is ignored.

    Raises MalformedHeader: not version 2.0, not the committing unsigned suite, not framed, cut off, or inconsistent.
    """
    reader = _Reader(data)
    if reader.number(1) != _VERSION:
        raise MalformedHeader("not a sealed message of format version 2.0")
    if reader.number(2) != SUITE_ID:
        raise MalformedHeader(f"sealed with another algorithm suite than 0x{SUITE_ID:04X}")
    message_id = reader.take(_MESSAGE_ID_BYTES)
    context = _parse_context(reader.take(reader.number(2)))
    data_keys = _parse_data_keys(reader)
    if reader.number(1) != _FRAMED:
        raise MalformedHeader("the body is not framed")
    frame_length = reader.number(4)
    commitment = reader.take(_COMMITMENT_BYTES)
    authenticated = reader.consumed()
    return MessageHeader(
        message_id, context, data_keys, frame_length, commitment, authenticated, reader.take(_TAG_BYTES)
    )


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise MalformedHeader("the header is cut off or longer than allowed")
        taken, self._at = self._data[self._at : end], end
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def consumed(self) -> bytes:
        return self._data[: self._at]

    @property
    def finished(self) -> bool:
        return self._at == len(self._data)


def _parse_context(data: bytes) -> dict[str, str]:
    if not data:
        return {}
    reader = _Reader(data)
    context: dict[str, str] = {}
    for _ in range(reader.number(2)):
        try:
            name, value = reader.sized().decode(), reader.sized().decode()
        except UnicodeDecodeError:
            raise MalformedHeader("the encryption context is not UTF-8") from None
        if name in context:
            raise MalformedHeader("the encryption context names a key twice")
        context[name] = value
    if not reader.finished:
        raise MalformedHeader("the encryption context is longer than its entries")
    return context


def _parse_data_keys(reader: _Reader) -> tuple[EncryptedDataKey, ...]:
    count = reader.number(2)
    if not 1 <= count <= MAX_DATA_KEYS:
        raise MalformedHeader(f"{count} encrypted data keys; from 1 to {MAX_DATA_KEYS} are allowed")
    return tuple(EncryptedDataKey(reader.sized(), reader.sized(), reader.sized()) for _ in range(count))
