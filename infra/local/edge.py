"""The AWS side of the stack: moto behind the checks that AWS makes and moto does not.

A request to S3 passes, in this order: (1) its signature, (2) the bucket policy, (3) what the operation itself
checks: lengths, digests, conditions. Objects and parts are the edge's own; the rest of S3 is moto's.
"""

import http
import io
import logging
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse

from moto.moto_server.werkzeug_app import create_backend_app

from infra.local.http_server import answer_early
from infra.local.invocations import Invocations
from infra.local.other_services import OtherServices, signing_service
from infra.local.s3 import cors, multipart, reads, writes
from infra.local.s3.bodies import receive
from infra.local.s3.digests import Digests
from infra.local.s3.errors import S3Error, access_denied, invalid_request, not_implemented
from infra.local.s3.forms import post_object
from infra.local.s3.model import S3Answer, model
from infra.local.s3.policy import refuse_denied
from infra.local.s3.request import AwsRequest
from infra.local.s3.sigv4 import ALGORITHM, Verifier

MAX_CONTROL_BODY = 4 * 2**20  # of requests that are not about an object's bytes

_SUBRESOURCES = {"acl", "attributes", "legal-hold", "restore", "retention", "select", "tagging", "torrent"}
_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}

_log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Edge:
    """A WSGI app that answers as AWS."""

    def __init__(
        self,
        credentials: dict[str, str],
        region: str,
        invocations: Invocations,
        outbox: Path,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """`outbox` is the folder for what SES sends."""
        self._verifier, self._now = Verifier(credentials, region, now), now
        self._others = OtherServices(self._verifier, region, invocations, outbox)
        self._moto = create_backend_app("s3")

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = AwsRequest.of(environ)
        if "x-amz-target" in request.headers or signing_service(request) not in {None, "s3"}:
            return self._others(request, environ, start_response)
        request_id = secrets.token_hex(8).upper()
        answer = self._answered(request, environ, request_id)
        answer.headers += [("x-amz-request-id", request_id), *self._cors(request)]
        return _send(answer, environ, start_response)

    def _answered(self, request: AwsRequest, environ: dict[str, Any], request_id: str) -> S3Answer:
        try:
            return self._s3(request, environ)
        except S3Error as error:
            refusal = error
        except Exception:  # noqa: BLE001 - whatever it is, the client gets S3's own shape, and the log the rest
            _log.exception("%s of an object or bucket failed", request.method)
            refusal = S3Error(500, "InternalError", "We encountered an internal error. Please try again.")
        body = refusal.xml(request.resource, request_id)
        return S3Answer(refusal.status, [("Content-Type", "application/xml")], [body])

    def _s3(self, request: AwsRequest, environ: dict[str, Any]) -> S3Answer:
        if request.method == "OPTIONS":
            return S3Answer(200, cors.preflight(_cors_rules(request), request.headers))
        if _is_form(request):
            return post_object(request, environ, self._verifier, self._now)
        payload_hash = self._authenticate(request)  # (1)
        if request.bucket:
            with model() as backend:
                bucket = backend.buckets.get(request.bucket)
            refuse_denied(bucket.policy if bucket else None, request, self._now())  # (2)
        return self._operate(request, environ, payload_hash)  # (3)

    def _authenticate(self, request: AwsRequest) -> str:
        """Answers what the body's hash has to be."""
        if "X-Amz-Algorithm" in request.query or "X-Amz-Signature" in request.query:
            return self._verifier.presigned(request)
        header = request.headers.get("authorization", "")
        if header.startswith(ALGORITHM):
            return self._verifier.in_header(request, "s3", None)
        if header or {"AWSAccessKeyId", "Signature"} & set(request.query):
            raise invalid_request(
                f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
            )
        raise access_denied()  # nothing here is public

    def _operate(self, request: AwsRequest, environ: dict[str, Any], payload_hash: str) -> S3Answer:
        if not request.key or _SUBRESOURCES & set(request.query) or "x-amz-copy-source" in request.headers:
            return self._leave_to_moto(request, environ, payload_hash)
        method, query, stream = request.method, request.query, environ["wsgi.input"]
        if method == "PUT":
            if {"uploadId", "partNumber"} & set(query):
                return multipart.upload_part(request, stream, payload_hash)
            return writes.put_object(request, stream, payload_hash)
        if method in {"GET", "HEAD"}:
            return multipart.list_parts(request) if "uploadId" in query else reads.read_object(request)
        if method == "POST" and "uploads" in query:
            return multipart.create(request)
        if method == "POST" and "uploadId" in query:
            return multipart.complete(request, stream, payload_hash)
        if method == "DELETE":
            return (
                multipart.abort(request) if "uploadId" in query else self._leave_to_moto(request, environ, payload_hash)
            )
        raise not_implemented(f"{method} {sorted(query)}")

    def _leave_to_moto(self, request: AwsRequest, environ: dict[str, Any], payload_hash: str) -> S3Answer:
        size = writes.content_length({"content-length": "0", **request.headers}, MAX_CONTROL_BODY)
        digests = Digests(request.headers, payload_hash)
        body = receive(environ["wsgi.input"], size, digests).all()
        digests.check()
        inner = {
            **environ,
            "RAW_URI": environ["REQUEST_URI"],
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(size),
        }
        got = S3Answer()

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
            got.status = int(status.split()[0])
            got.headers = [
                pair
                for pair in headers
                if not pair[0].lower().startswith(("access-control-", "content-length", "x-amzn-requestid"))
            ]
            return list[bytes]().append

        with model():
            got.body = list(self._moto(inner, start))
        return got

    def _cors(self, request: AwsRequest) -> list[tuple[str, str]]:
        if "origin" not in request.headers or request.method == "OPTIONS":
            return []
        return cors.of_answer(_cors_rules(request), request.method, request.headers)


def _cors_rules(request: AwsRequest) -> list[Any]:
    with model() as backend:
        bucket = backend.buckets.get(request.bucket)
        return list(bucket.cors) if bucket else []


def _is_form(request: AwsRequest) -> bool:
    return (
        request.method == "POST"
        and not request.key
        and request.headers.get("content-type", "").lower().startswith("multipart/form-data")
    )


def _send(answer: S3Answer, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    status = f"{answer.status} {_PHRASES.get(answer.status, 'Unknown')}"
    if answer.length is None:
        return answer_early(environ, start_response, status, answer.headers, b"".join(answer.body))
    start_response(status, [*answer.headers, ("Content-Length", str(answer.length))])
    return () if environ["REQUEST_METHOD"] == "HEAD" else answer.body
