"""The bucket and KMS in memory."""

import base64
import hashlib
import hmac
import itertools
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chalicelib.domain.download import DOWNLOAD_URL_LIFETIME
from chalicelib.domain.errors import Conflict
from chalicelib.domain.sealing import DataKey, WrappedKey
from chalicelib.domain.upload import ReceivedPart
from chalicelib.ports import ObjectGone, SignedRequest, StoredObject, WrongContext
from tests.support.faults import Fake, port

KEY_ARN = "arn:aws:kms:eu-west-1:000000000000:key/5a1d0000-0000-4000-8000-00000000d0d0"
PEPPER_KEY_ARN = "arn:aws:kms:eu-west-1:000000000000:key/5a1d0000-0000-4000-8000-00000000feed"


class S3Refusal(Exception):
    """What S3 would answer a client's upload with; `code` is S3's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MissingKey(ObjectGone):
    """S3's NoSuchKey or NoSuchVersion."""


@dataclass
class Version:
    id: str
    data: bytes | None  # None: a delete marker
    size_bytes: int
    checksum_sha256: str | None
    content_encoding: str | None = None


@dataclass
class MultipartUpload:
    object_key: str
    part_checksums: bool
    parts: dict[int, tuple[ReceivedPart, bytes]] = field(default_factory=dict)


class FakeObjects(Fake):
    """`put` and `put_part` are the client's side; a given `size_bytes` stands for bytes that need not exist."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, list[Version]] = {}
        self.uploads: dict[str, MultipartUpload] = {}
        self.signed: dict[str, dict[str, Any]] = {}  # what each presigned URL allows
        self.clock = datetime(2026, 3, 1, 12, tzinfo=UTC)  # when parts arrive
        self._counter = itertools.count(1)

    # -- what clients do --------------------------------------------------------------------------------------------

    def put(
        self,
        object_key: str,
        data: bytes,
        *,
        checksum_sha256: str | None = None,
        size_bytes: int | None = None,
        content_encoding: str | None = None,
    ) -> str:
        """Store a new version, whatever was signed; answers its id."""
        with self._lock:
            size = len(data) if size_bytes is None else size_bytes
            version = Version(f"v{next(self._counter)}", data, size, checksum_sha256, content_encoding)
            self.versions.setdefault(object_key, []).append(version)
            return version.id

    def put_delete_marker(self, object_key: str) -> None:
        with self._lock:
            marker = Version(f"v{next(self._counter)}", None, 0, None)
            self.versions.setdefault(object_key, []).append(marker)

    def put_part(
        self,
        upload_id: str,
        number: int,
        data: bytes = b"",
        *,
        size_bytes: int | None = None,
        received_at: datetime | None = None,
    ) -> None:
        with self._lock:
            upload = self.uploads[upload_id]
            size = len(data) if size_bytes is None else size_bytes
            digest = sha256_base64(data) if upload.part_checksums else None
            etag = f'"{next(self._counter):032x}"'
            part = ReceivedPart(number, size, etag, received_at or self.clock, digest)
            upload.parts[number] = (part, data)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """A client's presigned PUT, judged as S3 does. Raises S3Refusal."""
        allowed = self._check(url, {name.lower(): value for name, value in headers.items()}, body)
        if upload_id := allowed.get("upload_id"):
            if upload_id not in self.uploads:
                raise S3Refusal("NoSuchUpload")
            self.put_part(upload_id, allowed["number"], body)
            return
        with self._lock:
            if self._current(allowed["object_key"]):
                raise S3Refusal("PreconditionFailed")
            checksum = allowed["headers"].get("x-amz-checksum-sha256")
            encoding = {name.lower(): value for name, value in headers.items()}.get("content-encoding")
            self.put(allowed["object_key"], body, checksum_sha256=checksum, content_encoding=encoding)

    def _check(self, url: str, given: dict[str, str], body: bytes) -> dict[str, Any]:
        allowed = self.signed.get(url)
        if allowed is None or allowed["verb"] != "PUT":
            raise S3Refusal("SignatureDoesNotMatch")
        if any(given.get(name.lower()) != value for name, value in allowed["headers"].items()):
            raise S3Refusal("SignatureDoesNotMatch")
        if given["content-length"] != str(len(body)):
            raise S3Refusal("IncompleteBody")
        if given.get("x-amz-checksum-sha256", sha256_base64(body)) != sha256_base64(body):
            raise S3Refusal("BadDigest")
        return allowed

    def fetch(self, url: str) -> bytes:
        """A client's presigned GET."""
        allowed = self.signed.get(url)
        if allowed is None or allowed["verb"] != "GET":
            raise S3Refusal("SignatureDoesNotMatch")
        return self._version(allowed["object_key"], allowed["version"]).data or b""

    # -- the port ---------------------------------------------------------------------------------------------------

    @port
    def sign_put(self, object_key: str, size_bytes: int, checksum_sha256: str | None) -> SignedRequest:
        headers = {"Content-Length": str(size_bytes), "If-None-Match": "*"}
        return self._sign("PUT", headers, checksum_sha256, object_key=object_key)

    @port
    def sign_part(
        self, object_key: str, upload_id: str, number: int, size_bytes: int, checksum_sha256: str | None
    ) -> SignedRequest:
        headers = {"Content-Length": str(size_bytes)}
        return self._sign("PUT", headers, checksum_sha256, object_key=object_key, upload_id=upload_id, number=number)

    @port
    def sign_get(
        self,
        object_key: str,
        version: str,
        disposition: str,
        media_type: str,
        lifetime: timedelta = DOWNLOAD_URL_LIFETIME,
    ) -> str:
        allowed = {"version": version, "disposition": disposition, "media_type": media_type, "lifetime": lifetime}
        return self._sign("GET", {}, None, object_key=object_key, **allowed).url

    @port
    def start_multipart(self, object_key: str, *, part_checksums: bool) -> str:
        upload_id = f"upload-{next(self._counter)}"
        self.uploads[upload_id] = MultipartUpload(object_key, part_checksums)
        return upload_id

    @port
    def received_parts(self, object_key: str, upload_id: str) -> list[ReceivedPart] | None:
        upload = self._upload(object_key, upload_id)
        return None if upload is None else [part for _, (part, _) in sorted(upload.parts.items())]

    @port
    def finish_multipart(self, object_key: str, upload_id: str, parts: Sequence[ReceivedPart]) -> None:
        upload = self._upload(object_key, upload_id)
        if upload is None or self._current(object_key):
            return
        for part in parts:
            if upload.parts.get(part.number, (None, b""))[0] != part:
                raise Conflict("A part was sent again while the upload was being finished: finish it again.")
        data = b"".join(upload.parts[part.number][1] for part in parts)
        self.put(object_key, data, size_bytes=sum(part.size_bytes for part in parts))
        del self.uploads[upload_id]

    @port
    def abort_multipart(self, object_key: str, upload_id: str) -> None:
        if self._upload(object_key, upload_id):
            del self.uploads[upload_id]

    @port
    def head(self, object_key: str) -> StoredObject | None:
        current = self._current(object_key)
        if current is None:
            return None
        return StoredObject(current.id, current.size_bytes, current.checksum_sha256, current.content_encoding)

    @port
    def read_start(self, object_key: str, version: str, length: int) -> bytes:
        return (self._version(object_key, version).data or b"")[:length]

    @port
    def delete_versions(self, object_key: str) -> None:
        self.versions.pop(object_key, None)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _current(self, object_key: str) -> Version | None:
        versions = self.versions.get(object_key)
        return versions[-1] if versions and versions[-1].data is not None else None

    def _version(self, object_key: str, version_id: str) -> Version:
        for version in self.versions.get(object_key, []):
            if version.id == version_id and version.data is not None:
                return version
        raise MissingKey(object_key)

    def _upload(self, object_key: str, upload_id: str) -> MultipartUpload | None:
        upload = self.uploads.get(upload_id)
        return upload if upload and upload.object_key == object_key else None

    def _sign(self, verb: str, headers: dict[str, str], checksum: str | None, **allowed: Any) -> SignedRequest:
        if checksum:
            headers["x-amz-checksum-sha256"] = checksum
        signature = secrets.token_hex(32)
        url = f"https://bucket.test/{quote(allowed['object_key'])}?X-Amz-Expires=300&X-Amz-Signature={signature}"
        self.signed[url] = {"verb": verb, "headers": headers, **allowed}
        return SignedRequest(url, headers)


class FakeKeys(Fake):
    """Real AES-GCM under one master key, the encryption context as additional data: what KMS promises."""

    def __init__(self, key_arn: str = KEY_ARN) -> None:
        super().__init__()
        self.key_arn = key_arn
        self._master = AESGCM(AESGCM.generate_key(256))

    @port
    def generate(self, context: Mapping[str, str]) -> DataKey:
        plaintext, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
        blob = nonce + self._master.encrypt(nonce, plaintext, canonical(context))
        return DataKey(plaintext, WrappedKey(self.key_arn, blob))

    @port
    def unwrap(self, key: WrappedKey, context: Mapping[str, str]) -> bytes:
        if key.key_arn != self.key_arn or len(key.blob) < 12:
            raise WrongContext
        try:
            return self._master.decrypt(key.blob[:12], key.blob[12:], canonical(context))
        except InvalidTag as error:
            raise WrongContext from error


class FakeMacs(Fake):
    """HMAC-SHA256 under a key that stays here: what KMS promises."""

    def __init__(self) -> None:
        super().__init__()
        self._key = secrets.token_bytes(32)

    @port
    def derive(self, label: bytes) -> bytes:
        return hmac.digest(self._key, label, hashlib.sha256)


def sha256_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def canonical(context: Mapping[str, str]) -> bytes:
    return json.dumps(dict(context), sort_keys=True).encode()
