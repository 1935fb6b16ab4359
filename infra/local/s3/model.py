"""moto's S3, seen from the edge: one lock around its model, and what both readers and writers need."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeBucket, S3Backend, s3_backends

from infra.local.s3.errors import S3Error
from infra.local.s3.moto_model import StoredKey

Headers = list[tuple[str, str]]

_NOT_FOUND = "The specified key does not exist."


@dataclass
class S3Answer:
    status: int = 200
    headers: Headers = field(default_factory=list)
    body: Iterable[bytes] = ()
    length: int | None = None  # of the body; None: count it


_lock = threading.RLock()  # moto's model is not safe under threads; bytes are moved outside of it


@contextmanager
def model() -> Iterator[S3Backend]:
    with _lock:
        yield s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def bucket_of(backend: S3Backend, name: str) -> FakeBucket:
    try:
        return backend.get_bucket(name)
    except MissingBucket:
        raise S3Error(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=name) from None


def current(bucket: FakeBucket, key: str) -> StoredKey | None:
    """The object that a request without a version sees; None under a delete marker."""
    versions = bucket.keys.getlist(key, [])
    latest = versions[-1] if versions else None
    return latest if isinstance(latest, StoredKey) else None


def version(bucket: FakeBucket, key: str, version_id: str | None) -> StoredKey:
    versions: list[Any] = bucket.keys.getlist(key, [])
    if version_id is None:
        latest = versions[-1] if versions else None
        if isinstance(latest, StoredKey):
            return latest
        marker = {"DeleteMarker": "true"} if latest is not None else {}
        raise S3Error(404, "NoSuchKey", _NOT_FOUND, Key=key, **marker)
    for each in versions:
        if each.version_id == version_id:
            if isinstance(each, StoredKey):
                return each
            message = "The specified method is not allowed against this resource."
            raise S3Error(405, "MethodNotAllowed", message, Method="GET")
    raise S3Error(404, "NoSuchVersion", "The specified version does not exist.", Key=key, VersionId=version_id)


def encryption_headers(key: StoredKey) -> Headers:
    if key.encryption is None:
        return []
    headers = [("x-amz-server-side-encryption", key.encryption)]
    if key.kms_key_id:
        headers.append(("x-amz-server-side-encryption-aws-kms-key-id", key.kms_key_id))
    if key.bucket_key_enabled is not None:
        enabled = str(key.bucket_key_enabled).lower()
        headers.append(("x-amz-server-side-encryption-bucket-key-enabled", enabled))
    return headers


def version_header(key: StoredKey) -> Headers:
    return [("x-amz-version-id", key.version_id)] if key.version_id != "null" else []


def checksum_headers(key: StoredKey) -> Headers:
    if key.checksum is None:
        return []
    kind = "COMPOSITE" if "-" in key.checksum.value else "FULL_OBJECT"
    return [(key.checksum.header, key.checksum.value), ("x-amz-checksum-type", kind)]
