"""POST Object: a browser's form becomes an object, as far as its signed policy allows."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from infra.local.s3 import post_policy
from infra.local.s3.bodies import receive
from infra.local.s3.digests import Digests
from infra.local.s3.errors import S3Error, access_denied
from infra.local.s3.markup import render
from infra.local.s3.model import S3Answer, bucket_of, model
from infra.local.s3.policy import refuse_denied
from infra.local.s3.request import AwsRequest
from infra.local.s3.sigv4 import Verifier
from infra.local.s3.writes import MAX_OBJECT_PUT, content_length, created_headers, refuse_unknown_headers, store

Files = list[tuple[str, FileStorage]]

_FORM_OVERHEAD = 1 << 20
_SIGNATURE_FIELDS = {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
_STATUS = {"200": 200, "201": 201}


def post_object(
    request: AwsRequest, environ: dict[str, Any], verifier: Verifier, now: Callable[[], datetime]
) -> S3Answer:
    content_length(request.headers, MAX_OBJECT_PUT + _FORM_OVERHEAD)
    with _form(environ) as (fields, files):
        file = _only_file(files)
        if "policy" not in fields:
            raise access_denied()
        verifier.policy_document(fields)
        if not fields.get("key"):
            raise S3Error(400, "InvalidArgument", "Bucket POST must contain a field named 'key'.")
        fields["key"] = fields["key"].replace("${filename}", file.filename or "")
        size = _size(file)
        policy = post_policy.parse(fields["policy"])
        post_policy.enforce(policy, {**fields, "bucket": request.bucket}, size, now())
        return _keep(request, fields, file, size, now())


def _keep(request: AwsRequest, fields: Mapping[str, str], file: FileStorage, size: int, now: datetime) -> S3Answer:
    """From here on a form is a PUT whose headers are its fields."""
    headers = {name: value for name, value in fields.items() if name not in _SIGNATURE_FIELDS}
    refuse_unknown_headers(headers)
    signed_at = f"X-Amz-Date={fields['x-amz-date']}"  # it grows old as a URL does
    as_put = AwsRequest("PUT", f"/{request.bucket}/{quote(fields['key'])}", signed_at, list(headers.items()))
    with model() as backend:
        refuse_denied(bucket_of(backend, request.bucket).policy, as_put, now)
    digests = Digests(headers)
    body = receive(file.stream, size, digests)
    digests.check()
    key = store(request.bucket, fields["key"], body, headers, digests.checksum)
    status = _STATUS.get(fields.get("success_action_status", ""), 204)
    told = {"Bucket": request.bucket, "Key": key.name, "ETag": key.etag}
    return S3Answer(status, created_headers(key), [render("PostResponse", told)] if status == 201 else [])


@contextmanager
def _form(environ: dict[str, Any]) -> Iterator[tuple[dict[str, str], Files]]:
    """Fields by lower-case name, and the files, which are closed afterwards."""
    parser = FormDataParser(max_form_memory_size=_FORM_OVERHEAD, max_form_parts=200, silent=False)
    try:
        _, form, files = parser.parse_from_environ(environ)
    except (RequestEntityTooLarge, ValueError):
        message = "The body of your POST request is not well-formed multipart/form-data."
        raise S3Error(400, "MalformedPOSTRequest", message) from None
    try:
        listed = [(name.lower(), value) for name, value in form.items(multi=True)]
        fields = dict(listed)
        if len(fields) != len(listed):
            raise S3Error(400, "InvalidArgument", "A form field is given twice.")
        yield fields, list(files.items(multi=True))
    finally:
        for file in (pair[1] for pair in files.items(multi=True)):
            file.close()


def _only_file(files: Files) -> FileStorage:
    if [name for name, _ in files] != ["file"]:
        raise S3Error(400, "InvalidArgument", "POST requires exactly one file upload per request.")
    return files[0][1]


def _size(file: FileStorage) -> int:
    size = file.stream.seek(0, 2)
    file.stream.seek(0)
    return size
