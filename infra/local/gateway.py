"""API Gateway on this machine: a WSGI app that speaks to the Chalice app as a REST API's proxy integration does."""

import base64
import binascii
import http
import json
import logging
import uuid
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from chalice.app import CORSConfig

from infra.local.functions import FunctionFailed, Functions
from infra.local.gateway_responses import GatewayResponses
from infra.local.http_server import HEADERS, answer_early
from infra.local.rest_events import HttpRequest, Resources, build

STAGE = "api"
MAX_BODY_BYTES = 10 * 2**20  # API Gateway's payload limit
MAX_LAMBDA_BYTES = 6 * 2**20  # Lambda's, for the event as for the answer

_log = logging.getLogger(__name__)

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]


class _Refused(Exception):
    """API Gateway answers by itself; the argument is the type of its gateway response."""


class Gateway:
    def __init__(self, functions: Functions, responses: GatewayResponses) -> None:
        self._functions, self._responses = functions, responses
        self._routes = functions.app.routes
        self._resources = Resources(self._routes)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request_id = str(uuid.uuid4())
        try:
            status, headers, body = self._answer(environ, request_id)
        except _Refused as refused:
            response = self._responses.render(str(refused), request_id)
            status, headers, body = response.status, response.headers, response.body
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("x-amzn-RequestId", request_id))
        return answer_early(environ, start_response, f"{status} {_phrase(status)}", headers, body)

    def _answer(self, environ: dict[str, Any], request_id: str) -> Answer:
        raw_path, _, raw_query = environ["REQUEST_URI"].partition("?")
        path = _without_stage(raw_path)
        match = self._resources.match(path)
        methods = self._routes[match.resource] if match else {}
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS" and method not in methods and (answer := _preflight(methods)):
            return answer
        if match is None or method not in methods:
            raise _Refused("MISSING_AUTHENTICATION_TOKEN")
        request = HttpRequest(
            method=method,
            raw_query=raw_query,
            headers=environ[HEADERS],
            body=_read_body(environ),
            peer=environ["REMOTE_ADDR"],
            protocol=environ["SERVER_PROTOCOL"],
        )
        event = build(request, STAGE, path, match, request_id, self._functions.app.api.binary_types)
        if len(json.dumps(event)) > MAX_LAMBDA_BYTES:
            raise _Refused("REQUEST_TOO_LARGE")
        return self._invoke(event)

    def _invoke(self, event: dict[str, Any]) -> Answer:
        try:
            answer = self._functions.api(event)
            if len(json.dumps(answer)) > MAX_LAMBDA_BYTES:
                raise ValueError("the answer is larger than Lambda's 6 MB")
            return _understood(answer)
        except (FunctionFailed, TypeError, KeyError, ValueError, AttributeError) as error:
            _log.error("%s %s: %s", event["httpMethod"], event["resource"], error)
            raise _Refused("DEFAULT_5XX") from error


def _without_stage(raw_path: str) -> str:
    """Raises _Refused: another stage is not there."""
    stage, slash, rest = raw_path.removeprefix("/").partition("/")
    if stage != STAGE:
        raise _Refused("MISSING_AUTHENTICATION_TOKEN")
    return f"{slash}{rest}" or "/"


def _read_body(environ: dict[str, Any]) -> bytes:
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        raise _Refused("REQUEST_TOO_LARGE")
    body: bytes = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:  # a chunked body says no length
        raise _Refused("REQUEST_TOO_LARGE")
    return body


def _preflight(methods: dict[str, Any]) -> Answer | None:
    """Chalice deploys OPTIONS as a mock integration: no function ever sees it."""
    with_cors = [name for name, entry in methods.items() if isinstance(entry.cors, CORSConfig)]
    if not with_cors:
        return None
    headers = {"Content-Type": "application/json", "Access-Control-Allow-Methods": ",".join([*with_cors, "OPTIONS"])}
    headers |= methods[with_cors[-1]].cors.get_access_control_headers()
    return 200, list(headers.items()), b""


def _understood(answer: Any) -> Answer:
    """A proxy integration's answer. Raises TypeError, KeyError, ValueError or AttributeError for a malformed one."""
    status = int(answer["statusCode"])
    if not 200 <= status <= 599:
        raise ValueError(f"statusCode {status}")
    headers: Headers = [(str(name), str(value)) for name, value in (answer.get("headers") or {}).items()]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(name, str(value)) for value in values]
    if any(set("\r\n\0") & set(name + value) for name, value in headers):
        raise ValueError("a header with a line break")
    "".join(name + value for name, value in headers).encode("latin-1")  # what HTTP carries, else ValueError
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    text = answer.get("body") or ""
    if not answer.get("isBase64Encoded"):
        return status, headers, text.encode()
    try:
        return status, headers, base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the body is not base64") from error


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
