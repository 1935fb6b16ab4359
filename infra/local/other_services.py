"""Every AWS service but S3, for signed requests only: moto, DynamoDB one call at a time, and functions of our own."""

import hashlib
import io
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from infra.local.http_server import answer_early
from infra.local.invocations import Invocations
from infra.local.s3.errors import S3Error
from infra.local.s3.request import AwsRequest
from infra.local.s3.sigv4 import Verifier
from infra.local.ses import LocalSes

MAX_BODY = 16 * 2**20  # DynamoDB's, the largest of the services in use

_CODES = {"InvalidAccessKeyId": "UnrecognizedClientException", "SignatureDoesNotMatch": "InvalidSignatureException"}


class OtherServices:
    def __init__(self, verifier: Verifier, region: str, invocations: Invocations, outbox: Path) -> None:
        self._verifier, self._invocations = verifier, invocations
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._ses = LocalSes(self._moto, region, outbox)
        self._dynamodb = threading.RLock()

    def __call__(self, request: AwsRequest, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        try:
            body = _body(environ)
            self._verify(request, body)
        except S3Error as error:
            return _refuse(request, error, environ, start_response)
        if signing_service(request) == "lambda":
            return self._invocations(request, body, environ, start_response)
        environ["RAW_URI"], environ["wsgi.input"] = environ["REQUEST_URI"], io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        if request.headers.get("x-amz-target", "").startswith("DynamoDB"):
            with self._dynamodb:  # moto's conditional writes are not atomic across threads
                return list(self._moto(environ, start_response))
        if signing_service(request) == "ses":
            return self._ses(environ, start_response, body)
        return list(self._moto(environ, start_response))

    def _verify(self, request: AwsRequest, body: bytes) -> None:
        service = signing_service(request)
        if service is None:
            raise S3Error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        self._verifier.in_header(request, service, hashlib.sha256(body).hexdigest())
        if service == "dynamodb" and "x-amz-target" not in request.headers:  # moto would break the connection off
            raise S3Error(400, "UnknownOperationException", "The request names no operation.")


def signing_service(request: AwsRequest) -> str | None:
    """The service that an Authorization header names: .../REGION/SERVICE/aws4_request, ..."""
    credential = request.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
    parts = credential.rsplit("/", 2)
    return parts[1] if len(parts) == 3 else None


def _body(environ: dict[str, Any]) -> bytes:
    body: bytes = environ["wsgi.input"].read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise S3Error(413, "RequestEntityTooLargeException", "The request is too large.")
    return body


def _refuse(
    request: AwsRequest, error: S3Error, environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    code = _CODES.get(error.code, error.code)
    headers = []
    if signing_service(request) == "lambda":
        body, kind = json.dumps({"message": error.message}).encode(), "application/json"
        headers.append(("x-amzn-ErrorType", code))
    elif "x-amz-target" in request.headers:
        body, kind = json.dumps({"__type": code, "message": error.message}).encode(), "application/x-amz-json-1.0"
    else:
        text = f"<Code>{code}</Code><Message>{escape(error.message)}</Message>"
        body = f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error></ErrorResponse>".encode()
        kind = "text/xml"
    return answer_early(environ, start_response, f"{error.status} Refused", [("Content-Type", kind), *headers], body)
