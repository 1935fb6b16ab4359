"""What a client says about its body's digest, and whether it is true."""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from infra.local.s3.errors import S3Error, invalid_request, not_implemented
from infra.local.s3.sigv4 import UNSIGNED_PAYLOAD, is_payload_hash

CHECKSUM = "x-amz-checksum-"
_CLAIMED = {CHECKSUM + name for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")}


class Hasher(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_HASHERS: dict[str, Callable[[], Hasher]] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "crc32": _Crc32,
}
_LENGTHS = {"sha256": 32, "sha1": 20, "crc32": 4}


@dataclass(frozen=True)
class Checksum:
    """A digest that S3 keeps with the object."""

    algorithm: str  # lower case
    value: str  # base64

    @property
    def header(self) -> str:
        return CHECKSUM + self.algorithm


class Digests:
    """Fed with the body as it comes in; `check` then says whether all that was claimed is true."""

    def __init__(self, headers: Mapping[str, str], payload_hash: str = UNSIGNED_PAYLOAD) -> None:
        self.checksum = declared_checksum(headers)
        self._md5 = _content_md5(headers)
        self._payload_hash = _expected_payload(payload_hash)
        self._hashers: dict[str, Hasher] = {}
        if self._md5 is not None:
            self._hashers["md5"] = hashlib.md5(usedforsecurity=False)
        if self.checksum:
            self._hashers[self.checksum.algorithm] = _HASHERS[self.checksum.algorithm]()
        if self._payload_hash:
            self._hashers.setdefault("sha256", hashlib.sha256())

    def update(self, chunk: bytes) -> None:
        for hasher in self._hashers.values():
            hasher.update(chunk)

    def check(self) -> None:
        if self._md5 is not None and self._hashers["md5"].digest() != self._md5:
            raise S3Error(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
        if self._payload_hash and self._hashers["sha256"].digest().hex() != self._payload_hash:
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise S3Error(400, "XAmzContentSHA256Mismatch", message)
        if self.checksum and _base64(self._hashers[self.checksum.algorithm].digest()) != self.checksum.value:
            name = self.checksum.algorithm.upper()
            raise S3Error(400, "BadDigest", f"The {name} you specified did not match the calculated checksum.")


def declared_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """The one x-amz-checksum-* header. Raises S3Error for several, a malformed or an unknown one."""
    given = sorted(_CLAIMED & set(headers))
    if len(given) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    if not given:
        if "x-amz-sdk-checksum-algorithm" in headers:
            raise invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* header was found."
            )
        return None
    algorithm = given[0].removeprefix(CHECKSUM)
    return checked_checksum(algorithm, headers[given[0]])


def checked_checksum(algorithm: str, value: str) -> Checksum:
    if algorithm not in _HASHERS:
        raise not_implemented(CHECKSUM + algorithm)
    if len(_decoded(value) or b"") != _LENGTHS[algorithm]:
        raise invalid_request(f"Value for {CHECKSUM}{algorithm} header is invalid.")
    return Checksum(algorithm, value)


def composite(algorithm: str, values: Iterable[str]) -> str:
    """The checksum of a multipart object: that of its parts' checksums, and how many there are."""
    hasher, count = _HASHERS[algorithm](), 0
    for value in values:
        hasher.update(base64.b64decode(value))
        count += 1
    return f"{_base64(hasher.digest())}-{count}"


def _content_md5(headers: Mapping[str, str]) -> bytes | None:
    if "content-md5" not in headers:
        return None
    digest = _decoded(headers["content-md5"])
    if digest is None or len(digest) != 16:
        raise S3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def _expected_payload(payload_hash: str) -> str | None:
    if payload_hash == UNSIGNED_PAYLOAD:
        return None
    if payload_hash.startswith("STREAMING-"):
        raise not_implemented("x-amz-content-sha256: " + payload_hash)
    if not is_payload_hash(payload_hash):
        message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value."
        raise S3Error(400, "InvalidArgument", message)
    return payload_hash


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
