"""HTTP request -> the event that an API Gateway REST API hands to Lambda (proxy integration, payload 1.0)."""

import base64
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

ACCOUNT = "123456789012"
API_ID = "local00000"
MAX_QUERY_PARAMETERS = 1000


@dataclass(frozen=True)
class HttpRequest:
    """As it came in. The address is the peer's: no header is believed."""

    method: str
    raw_query: str
    headers: list[tuple[str, str]]
    body: bytes
    peer: str
    protocol: str


@dataclass(frozen=True)
class Match:
    resource: str
    parameters: dict[str, str]


class Resources:
    """The paths of an API: `{name}` takes one segment, literal segments win."""

    def __init__(self, paths: Iterable[str]) -> None:
        listed = [(path, tuple(path.strip("/").split("/"))) for path in paths]
        self._paths = sorted(listed, key=lambda entry: [part.startswith("{") for part in entry[1]])

    def match(self, raw_path: str) -> Match | None:
        # API Gateway ignores one slash at the end; parameters reach the function decoded.
        parts = tuple(unquote(part) for part in raw_path.removesuffix("/").removeprefix("/").split("/"))
        for resource, wanted in self._paths:
            if len(wanted) == len(parts) and all(map(_fits, wanted, parts)):
                found = {w[1:-1]: part for w, part in zip(wanted, parts, strict=True) if w.startswith("{")}
                return Match(resource, found)
        return None


def _fits(wanted: str, part: str) -> bool:
    return bool(part) if wanted.startswith("{") else wanted == part


def build(
    request: HttpRequest, stage: str, path: str, match: Match, request_id: str, binary_types: Iterable[str]
) -> dict[str, Any]:
    """`path` is the raw path without the stage."""
    headers = _grouped([*request.headers, *_added_by_the_gateway(request)])
    query = _query(request.raw_query)
    is_binary = bool(request.body) and _media_type(headers) in set(binary_types)
    return {
        "resource": match.resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": _context(request, stage, path, match, request_id, headers),
        "body": _body(request.body, is_binary=is_binary),
        "isBase64Encoded": is_binary,
    }


def _context(
    request: HttpRequest,
    stage: str,
    path: str,
    match: Match,
    request_id: str,
    headers: Mapping[str, list[str]],
) -> dict[str, Any]:
    now = time.time()
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": _first(headers, "host"),
        "domainPrefix": API_ID,
        "extendedRequestId": base64.urlsafe_b64encode(uuid.uuid4().bytes).decode(),
        "httpMethod": request.method,
        "identity": _identity(request.peer, _first(headers, "user-agent")),
        "path": f"/{stage}{path}",
        "protocol": request.protocol,
        "requestId": request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": "local0",
        "resourcePath": match.resource,
        "stage": stage,
    }


def _identity(peer: str, user_agent: str | None) -> dict[str, Any]:
    unknown = ("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType")
    more = ("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn")
    return dict.fromkeys([*unknown, *more]) | {"sourceIp": peer, "userAgent": user_agent}


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Header names compare without case; the first spelling stays."""
    spelling: dict[str, str] = {}
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
    return grouped


def _added_by_the_gateway(request: HttpRequest) -> list[tuple[str, str]]:
    return [
        ("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"),
        ("X-Forwarded-For", request.peer),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]


def _first(headers: Mapping[str, list[str]], wanted: str) -> str | None:
    return next((values[0] for name, values in headers.items() if name.lower() == wanted), None)


def _media_type(headers: Mapping[str, list[str]]) -> str:
    return (_first(headers, "content-type") or "").split(";")[0].strip().lower()


def _query(raw: str) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True)[:MAX_QUERY_PARAMETERS]:
        grouped.setdefault(name, []).append(value)
    return grouped


def _body(raw: bytes, *, is_binary: bool) -> str | None:
    if not raw:
        return None
    return base64.b64encode(raw).decode() if is_binary else raw.decode("utf-8", errors="replace")
