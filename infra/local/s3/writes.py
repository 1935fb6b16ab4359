"""PutObject, and what it shares with the other ways of making an object."""

from collections.abc import Mapping
from typing import Any

from moto.s3.models import FakeBucket
from moto.s3.utils import metadata_from_headers

from infra.local.s3.bodies import Body, receive
from infra.local.s3.digests import Checksum, Digests
from infra.local.s3.errors import S3Error, not_implemented, precondition_failed
from infra.local.s3.model import (
    S3Answer,
    bucket_of,
    checksum_headers,
    current,
    encryption_headers,
    model,
    version_header,
)
from infra.local.s3.moto_model import StoredKey
from infra.local.s3.request import AwsRequest

MAX_OBJECT_PUT = 5 * 2**30  # more goes in parts

_UNDERSTOOD = (
    "x-amz-checksum-",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-meta-",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-server-side-encryption",
    "x-amz-user-agent",
)
_ENCRYPTION = "x-amz-server-side-encryption"


def put_object(request: AwsRequest, stream: Any, payload_hash: str) -> S3Answer:
    refuse_unknown_headers(request.headers)
    size = content_length(request.headers, MAX_OBJECT_PUT)
    with model() as backend:  # before gigabytes are taken in vain
        check_conditions(bucket_of(backend, request.bucket), request.key, request.headers)
    digests = Digests(request.headers, payload_hash)
    body = receive(stream, size, digests)
    digests.check()
    key = store(request.bucket, request.key, body, request.headers, digests.checksum)
    return S3Answer(200, created_headers(key))


def store(
    bucket_name: str, key_name: str, body: Body, headers: Mapping[str, str], checksum: Checksum | None
) -> StoredKey:
    """Make the object; of writers who ask for "only if none is there" one succeeds."""
    with model() as backend:
        check_conditions(bucket_of(backend, bucket_name), key_name, headers)
        key = backend.put_object(
            bucket_name,
            key_name,
            body,  # type: ignore[arg-type] # StoredKey takes it
            encryption=headers.get(_ENCRYPTION),
            kms_key_id=headers.get(f"{_ENCRYPTION}-aws-kms-key-id"),
        )
        assert isinstance(key, StoredKey)
        key.checksum = checksum
        key.set_metadata(metadata_from_headers(dict(headers)))
        return key


def created_headers(key: StoredKey) -> list[tuple[str, str]]:
    return [("ETag", key.etag), *version_header(key), *encryption_headers(key), *checksum_headers(key)]


def check_conditions(bucket: FakeBucket, key_name: str, headers: Mapping[str, str]) -> None:
    there = current(bucket, key_name)
    if "if-none-match" in headers:
        if headers["if-none-match"] != "*":
            raise not_implemented("If-None-Match other than * on a write")
        if there is not None:
            raise precondition_failed("If-None-Match")
    if "if-match" in headers:
        if there is None:
            raise S3Error(404, "NoSuchKey", "The specified key does not exist.", Key=key_name)
        if headers["if-match"].strip('"') != there.etag.strip('"'):
            raise precondition_failed("If-Match")


def content_length(headers: Mapping[str, str], most: int) -> int:
    if "transfer-encoding" in headers:
        raise not_implemented("Transfer-Encoding")
    text = headers.get("content-length")
    if text is None:
        raise S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if not text.isdecimal():
        raise S3Error(400, "InvalidArgument", "Content-Length is not a number")
    if int(text) > most:
        message = "Your proposed upload exceeds the maximum allowed size"
        raise S3Error(400, "EntityTooLarge", message, ProposedSize=text, MaxSizeAllowed=str(most))
    return int(text)


def refuse_unknown_headers(headers: Mapping[str, str]) -> None:
    """Better to refuse than to take no notice of an ACL, a tag or a lock."""
    unknown = [name for name in headers if name.startswith("x-amz-") and not name.startswith(_UNDERSTOOD)]
    if "x-amz-acl" in unknown:
        raise S3Error(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
    if unknown:
        raise not_implemented(", ".join(sorted(unknown)))
    if "aws-chunked" in headers.get("content-encoding", ""):
        raise not_implemented("Content-Encoding: aws-chunked")
