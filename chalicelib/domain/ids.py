"""Identifiers, each a type of its own so that one cannot stand in for another."""

import re
import uuid
from typing import NewType

AccountId = NewType("AccountId", str)
UserId = NewType("UserId", str)
TokenId = NewType("TokenId", str)
FileId = NewType("FileId", str)
DownloadId = NewType("DownloadId", str)
MailId = NewType("MailId", str)
BodyId = NewType("BodyId", str)
CategoryId = NewType("CategoryId", str)
WebhookId = NewType("WebhookId", str)
DeliveryId = NewType("DeliveryId", str)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """True for a lower-case canonical UUID, the only spelling that the service makes and takes."""
    return _UUID.fullmatch(text) is not None


def uuid_from_digest(digest: bytes) -> str:
    """A UUID of version 8 (RFC 9562, section 5.8) that carries the first 122 free bits of a digest."""
    number = int.from_bytes(digest[:16])
    number = number & ~(0xF << 76) | 0x8 << 76
    number = number & ~(0b11 << 62) | 0b10 << 62
    return str(uuid.UUID(int=number))
