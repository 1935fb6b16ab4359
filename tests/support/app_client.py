"""Calls the Chalice app in this process, as API Gateway calls Lambda: REST proxy events, payload 1.0."""

import base64
import json
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from chalice.app import Chalice, Request

STAGE = "api"
Pairs = Iterable[tuple[str, str]]


class ThreadedChalice(Chalice):
    """Chalice keeps the current request in an attribute, which threads would share: Lambda has one at a time."""

    _here = threading.local()

    @property
    def current_request(self) -> Request:
        return self._here.request

    @current_request.setter
    def current_request(self, request: Request) -> None:
        self._here.request = request


@dataclass(frozen=True)
class LambdaContext:
    aws_request_id: str
    function_name: str = "sealdrop-api"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        return self.json["data"]


class AppClient:
    """`token` and `source_ip` stand for every call that names none of its own."""

    def __init__(self, app: Chalice, *, token: str | None = None, source_ip: str = "192.0.2.1") -> None:
        if not isinstance(app, ThreadedChalice):
            app.__class__ = ThreadedChalice
        self.app, self.token, self.source_ip = app, token, source_ip

    def with_token(self, token: str | None) -> "AppClient":
        return AppClient(self.app, token=token, source_ip=self.source_ip)

    def get(self, path: str, **more: Any) -> Answer:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Answer:
        return self.call("POST", path, json=json, **more)

    def patch(self, path: str, json: Any = None, **more: Any) -> Answer:
        return self.call("PATCH", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> Answer:
        return self.call("DELETE", path, **more)

    def call(self, method: str, path: str, **more: Any) -> Answer:
        return self.send(self.event(method, path, **more))

    def send(self, event: dict[str, Any]) -> Answer:
        raw = self.app(event, LambdaContext(event["requestContext"].get("requestId", "")))
        headers = {name.lower(): value for name, value in raw["headers"].items()}
        headers |= {name.lower(): ",".join(values) for name, values in raw["multiValueHeaders"].items()}
        return Answer(raw["statusCode"], headers, raw["body"] or "")

    def event(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: str | bytes | None = None,
        query: Mapping[str, str] | Pairs = (),
        headers: Mapping[str, str] | Pairs = (),
        token: str | None = None,
        source_ip: str | None = None,
    ) -> dict[str, Any]:
        """`json` is sent with its content type; `body` goes as it is, bytes as base64."""
        sent = list(headers.items() if isinstance(headers, Mapping) else headers)
        if token or self.token:
            sent.append(("Authorization", f"Bearer {token or self.token}"))
        if json is not None:
            body = _dumps(json)
            sent.append(("Content-Type", "application/json"))
        resource, parameters = self._match(path)
        many_headers, many_query = _grouped(sent), _grouped(query.items() if isinstance(query, Mapping) else query)
        return {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": _last(many_headers),
            "multiValueHeaders": many_headers,
            "queryStringParameters": _last(many_query) or None,
            "multiValueQueryStringParameters": many_query or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "unittest00",
                "httpMethod": method,
                "identity": {
                    "sourceIp": source_ip or self.source_ip,
                    "userAgent": _last(many_headers).get("User-Agent"),
                },
                "path": f"/{STAGE}{path}",
                "protocol": "HTTP/1.1",
                "requestId": str(uuid.uuid4()),
                "resourcePath": resource,
                "stage": STAGE,
            },
            "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
            "isBase64Encoded": isinstance(body, bytes),
        }

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
        parts = [unquote(part) for part in path.split("/")]
        for resource in self.app.routes:
            wanted = resource.split("/")
            if len(wanted) == len(parts) and all(map(_fits, wanted, parts)):
                return resource, {w[1:-1]: p for w, p in zip(wanted, parts, strict=True) if w.startswith("{")}
        raise LookupError(f"API Gateway knows no route for {path}")


def _fits(wanted: str, part: str) -> bool:
    return bool(part) if wanted.startswith("{") else wanted == part


def _dumps(value: Any) -> str:
    return json.dumps(value)


def _grouped(pairs: Pairs) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _last(many: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in many.items()}
