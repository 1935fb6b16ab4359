"""GetObject and HeadObject: conditions, ranges, checksums, the overrides that only a signed request may ask for."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from infra.local.s3.errors import S3Error, invalid_argument, not_implemented, precondition_failed
from infra.local.s3.model import (
    Headers,
    S3Answer,
    bucket_of,
    checksum_headers,
    encryption_headers,
    model,
    version,
    version_header,
)
from infra.local.s3.moto_model import StoredKey
from infra.local.s3.request import AwsRequest

_OVERRIDES = {
    f"response-{name}": name
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def read_object(request: AwsRequest) -> S3Answer:
    """GET and HEAD answer alike; whoever sends the answer leaves the body out of HEAD's."""
    if "partNumber" in request.query:
        raise not_implemented("partNumber on a read")
    with model() as backend:
        key = version(bucket_of(backend, request.bucket), request.key, request.query.get("versionId"))
        body = key.body  # ours even if the object is deleted while it is sent
    headers = _headers(request, key)
    if not_modified(key, request.headers):
        return S3Answer(304, [pair for pair in headers if not pair[0].startswith("content-")])
    if (asked := _range(request.headers.get("range"), len(body))) is None:
        if request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            headers += checksum_headers(key)
        return S3Answer(200, headers, body.read(), len(body))
    start, end = asked
    headers.append(("Content-Range", f"bytes {start}-{end - 1}/{len(body)}"))
    return S3Answer(206, headers, body.read(start, end), end - start)


def _headers(request: AwsRequest, key: StoredKey) -> Headers:
    named = {name.lower(): value for name, value in key.metadata.items()}
    for parameter, name in _OVERRIDES.items():
        if parameter in request.query:
            named[name] = _sendable(parameter, request.query[parameter])
    return [
        ("ETag", key.etag),
        ("Last-Modified", format_datetime(_modified(key), usegmt=True)),
        ("Accept-Ranges", "bytes"),
        *version_header(key),
        *encryption_headers(key),
        *named.items(),
    ]


def _sendable(name: str, value: str) -> str:
    if not value.isprintable():
        raise invalid_argument("Header value cannot contain control characters", name, value)
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise invalid_argument("Header value cannot be represented using ISO-8859-1.", name, value) from None
    return value


def _modified(key: StoredKey) -> datetime:
    return key.last_modified.replace(microsecond=0, tzinfo=UTC)


def not_modified(key: StoredKey, headers: Mapping[str, str]) -> bool:
    """True for 304. Raises S3Error 412. ETag conditions outweigh those on time, as RFC 9110 says."""
    if "if-match" in headers:
        if not _names_etag(headers["if-match"], key.etag):
            raise precondition_failed("If-Match")
    elif (since := _date(headers.get("if-unmodified-since"))) and _modified(key) > since:
        raise precondition_failed("If-Unmodified-Since")
    if "if-none-match" in headers:
        return _names_etag(headers["if-none-match"], key.etag)
    since = _date(headers.get("if-modified-since"))
    return since is not None and _modified(key) <= since


def _names_etag(condition: str, etag: str) -> bool:
    return condition.strip() == "*" or etag.strip('"') in {part.strip().strip('"') for part in condition.split(",")}


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None  # S3 ignores what is no date


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """[start, end) of what was asked for; None for all of it, for several ranges and for nonsense, as S3 has it."""
    match = _RANGE.fullmatch((header or "").strip())
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= size:
        raise S3Error(416, "InvalidRange", "The requested range is not satisfiable", RangeRequested=header or "")
    return start, end
