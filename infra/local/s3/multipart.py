"""Multipart uploads: create, parts, list, complete. The parts of one upload lie in one file and are never copied."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from moto.s3.models import S3Backend
from moto.s3.utils import metadata_from_headers

from infra.local.s3.bodies import Body, receive
from infra.local.s3.digests import Checksum, Digests, checked_checksum, composite
from infra.local.s3.errors import S3Error, invalid_argument, invalid_request, no_such_upload, not_implemented
from infra.local.s3.markup import completed_parts, elements, render
from infra.local.s3.model import S3Answer, bucket_of, encryption_headers, model, version_header
from infra.local.s3.moto_model import StoredKey, StoredUpload
from infra.local.s3.request import AwsRequest
from infra.local.s3.writes import check_conditions, content_length, refuse_unknown_headers

MAX_PART = 5 * 2**30
MIN_PART = 5 * 2**20  # of all but the last
MAX_PARTS = 10_000
MAX_LIST_XML = 8 * 2**20
_CREATE_UNDERSTANDS = ("x-amz-checksum-algorithm", "x-amz-checksum-type")


def create(request: AwsRequest) -> S3Answer:
    headers = request.headers
    algorithm = headers.get("x-amz-checksum-algorithm", "").lower()
    if algorithm not in {"", "sha256", "sha1", "crc32"}:
        raise not_implemented(f"x-amz-checksum-algorithm: {algorithm}")
    if headers.get("x-amz-checksum-type", "COMPOSITE") != "COMPOSITE":
        raise not_implemented("x-amz-checksum-type: FULL_OBJECT")
    refuse_unknown_headers({name: it for name, it in headers.items() if name not in _CREATE_UNDERSTANDS})
    with model() as backend:
        bucket_of(backend, request.bucket)
        multipart = backend.create_multipart_upload(
            request.bucket,
            request.key,
            metadata_from_headers(dict(headers)),
            "STANDARD",
            {},
            None,
            headers.get("x-amz-server-side-encryption", ""),
            headers.get("x-amz-server-side-encryption-aws-kms-key-id", ""),
        )
        assert isinstance(multipart, StoredUpload)
        multipart.algorithm = algorithm
    told = [("x-amz-checksum-algorithm", algorithm.upper()), ("x-amz-checksum-type", "COMPOSITE")] if algorithm else []
    body = render(
        "InitiateMultipartUploadResult", {"Bucket": request.bucket, "Key": request.key, "UploadId": multipart.id}
    )
    return S3Answer(200, told, [body])


def upload_part(request: AwsRequest, stream: Any, payload_hash: str) -> S3Answer:
    refuse_unknown_headers(request.headers)
    number = _part_number(request.query.get("partNumber", ""))
    size = content_length(request.headers, MAX_PART)
    digests = Digests(request.headers, payload_hash)
    with model() as backend:
        upload = _upload(backend, request)
        _same_algorithm(upload.algorithm, digests.checksum)
    body = receive(stream, size, digests, upload.disk)
    digests.check()
    with model() as backend:
        part = _upload(backend, request).set_part(number, body)  # type: ignore[arg-type] # StoredKey takes it
        assert isinstance(part, StoredKey)
        part.checksum = digests.checksum
    told = [(part.checksum.header, part.checksum.value)] if part.checksum else []
    return S3Answer(200, [("ETag", part.etag), *told])


def list_parts(request: AwsRequest) -> S3Answer:
    most = min(_number(request, "max-parts", 1000), 1000)
    marker = _number(request, "part-number-marker", 0)
    with model() as backend:
        upload = _upload(backend, request)
        later = [(number, upload.parts[number]) for number in upload.partlist if number > marker]
        algorithm = upload.algorithm
    shown = later[:most]
    fields = {
        "Bucket": request.bucket,
        "Key": request.key,
        "UploadId": upload.id,
        "PartNumberMarker": str(marker),
        "NextPartNumberMarker": str(shown[-1][0] if shown else 0),
        "MaxParts": str(most),
        "IsTruncated": str(len(later) > most).lower(),
        "StorageClass": "STANDARD",
    }
    if algorithm:
        fields |= {"ChecksumAlgorithm": algorithm.upper(), "ChecksumType": "COMPOSITE"}
    return S3Answer(200, [], [render("ListPartsResult", fields, "".join(_listed(*entry) for entry in shown))])


def complete(request: AwsRequest, stream: Any, payload_hash: str) -> S3Answer:
    digests = Digests({}, payload_hash)  # checksum headers here speak of the object, not of this list
    listed = completed_parts(receive(stream, content_length(request.headers, MAX_LIST_XML), digests).all())
    digests.check()
    with model() as backend:
        upload = _upload(backend, request)
        bucket = bucket_of(backend, request.bucket)
        parts = _chosen(upload, listed)
        body = Body.joined([part.body for part in parts])
        _as_announced(request.headers.get("x-amz-mp-object-size"), len(body))
        check_conditions(bucket, request.key, request.headers)
        key = backend.put_object(
            request.bucket,
            request.key,
            body,  # type: ignore[arg-type] # StoredKey takes it
            etag=f"{parts[0].etag.strip(chr(34))}-{len(parts)}",
            encryption=upload.sse_encryption,
            kms_key_id=upload.kms_key_id,
        )
        assert isinstance(key, StoredKey)
        key.set_metadata(upload.metadata)
        algorithm = upload.algorithm
        if algorithm:
            key.checksum = Checksum(algorithm, composite(algorithm, [_value(part) for part in parts]))
        del bucket.multiparts[upload.id]
    fields = {"Location": f"{request.resource}", "Bucket": request.bucket, "Key": request.key, "ETag": key.etag}
    if key.checksum:
        fields |= {f"Checksum{algorithm.upper()}": key.checksum.value, "ChecksumType": "COMPOSITE"}
    headers = [*version_header(key), *encryption_headers(key)]
    return S3Answer(200, headers, [render("CompleteMultipartUploadResult", fields)])


def abort(request: AwsRequest) -> S3Answer:
    with model() as backend:
        upload = _upload(backend, request)
        del bucket_of(backend, request.bucket).multiparts[upload.id]
    return S3Answer(204)


def _upload(backend: S3Backend, request: AwsRequest) -> StoredUpload:
    """An upload id is good for its own key only."""
    upload = bucket_of(backend, request.bucket).multiparts.get(request.query.get("uploadId", ""))
    if not isinstance(upload, StoredUpload) or upload.key_name != request.key:
        raise no_such_upload(request.query.get("uploadId", ""))
    return upload


def _part_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise invalid_argument(message, "partNumber", text)
    return int(text)


def _number(request: AwsRequest, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise invalid_argument(f"Provided {name} not an integer or within integer range", name, text)
    return int(text)


def _same_algorithm(expected: str, given: Checksum | None) -> None:
    """What CreateMultipartUpload named, every part carries; what it did not name, no part may carry."""
    actual = given.algorithm if given else ""
    if expected != actual:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {expected or 'null'}, "
            f"actual checksum Type: {actual or 'null'}"
        )


def _chosen(upload: StoredUpload, listed: list[dict[str, str]]) -> list[StoredKey]:
    numbers = [int(part["PartNumber"]) for part in listed]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        message = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise S3Error(400, "InvalidPartOrder", message)
    parts = [_part(upload, wanted) for wanted in listed]
    for number, part in list(zip(numbers, parts, strict=True))[:-1]:
        if part.size < MIN_PART:
            message = "Your proposed upload is smaller than the minimum allowed size"
            raise S3Error(
                400, "EntityTooSmall", message, PartNumber=str(number), ProposedSize=str(part.size), ETag=part.etag
            )
    return parts


def _part(upload: StoredUpload, wanted: Mapping[str, str]) -> StoredKey:
    number = wanted["PartNumber"]
    part = upload.parts.get(int(number))
    if not isinstance(part, StoredKey) or part.etag.strip('"') != wanted["ETag"].strip().strip('"'):
        raise _invalid_part(number)
    algorithm = upload.algorithm
    if algorithm:
        given = wanted.get(f"Checksum{algorithm.upper()}")
        if given is None:
            raise invalid_request(
                f"The upload was created using a {algorithm} checksum. The complete request must include the "
                f"checksum for each part. It was missing for part {number} in the request."
            )
        if checked_checksum(algorithm, given) != part.checksum:
            raise _invalid_part(number)
    return part


def _value(part: StoredKey) -> str:
    assert part.checksum is not None
    return part.checksum.value


def _as_announced(text: str | None, size: int) -> None:
    if text is not None and text != str(size):
        raise invalid_request(f"The x-amz-mp-object-size header says {text}, the parts have {size} bytes")


def _invalid_part(number: str) -> S3Error:
    message = (
        "One or more of the specified parts could not be found. The part may not have been uploaded, "
        "or the specified entity tag may not match the part's entity tag."
    )
    return S3Error(400, "InvalidPart", message, PartNumber=number)


def _listed(number: int, part: Any) -> str:
    modified = part.last_modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    fields = {"PartNumber": str(number), "LastModified": modified, "ETag": part.etag, "Size": str(part.size)}
    if part.checksum:
        fields[f"Checksum{part.checksum.algorithm.upper()}"] = part.checksum.value
    return f"<Part>{elements(fields)}</Part>"
