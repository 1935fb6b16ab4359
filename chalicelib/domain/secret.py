"""Secrets that the service hands out: API tokens, download keys, sessions. Only their SHA-256 is ever stored."""

import hashlib
import zlib
from typing import NewType

SecretHash = NewType("SecretHash", str)

SECRET_BYTES = 32
SECRET_LENGTH = 43  # base62 digits that hold 256 bits
CHECKSUM_LENGTH = 6  # base62 digits that hold a CRC32
TOKEN_PREFIX = "sdt_"  # noqa: S105 - a public prefix, so that secret scanners can find leaked tokens

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = frozenset(_ALPHABET)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def secret_text(random: bytes) -> str:
    """32 random bytes as 43 base62 digits: safe in URLs, selected whole by a double click."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a secret is made of {SECRET_BYTES} random bytes")
    return _base62(int.from_bytes(random), SECRET_LENGTH)


def looks_like_secret(text: str) -> bool:
    return len(text) == SECRET_LENGTH and _DIGITS.issuperset(text)


def token_text(random: bytes) -> str:
    """An API token: prefix, secret, and a checksum that stops typing errors before they reach the database."""
    secret = secret_text(random)
    return TOKEN_PREFIX + secret + _checksum(secret)


def looks_like_token(text: str) -> bool:
    secret, checksum = text[len(TOKEN_PREFIX) : -CHECKSUM_LENGTH], text[-CHECKSUM_LENGTH:]
    return text.startswith(TOKEN_PREFIX) and looks_like_secret(secret) and checksum == _checksum(secret)


def hash_secret(text: str) -> SecretHash:
    """Hex SHA-256. A plain hash suffices for 256 random bits, and as a database key it leaves nothing to time."""
    return SecretHash(hashlib.sha256(text.encode()).hexdigest())


def _checksum(secret: str) -> str:
    return _base62(zlib.crc32(secret.encode()), CHECKSUM_LENGTH)
