"""What API Gateway answers by itself: from overrides.yaml, and from the routes' own CORS."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra import template
from infra.local import gateway
from infra.local.gateway_responses import GatewayResponses
from tests.integration.edge.kit import line_to
from tests.integration.gateway.conftest import Mirror, Recording
from tests.integration.gateway.test_events import UUID, ask

FIXED = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "Vary": "Authorization",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "none",
}


def check_shape(reply: urllib3.BaseHTTPResponse, status: int, code: str) -> None:
    assert reply.status == status
    body = reply.json()
    assert (set(body), body["code"]) == ({"message", "code", "request_id"}, code)
    assert UUID.fullmatch(body["request_id"])
    assert reply.headers["X-Request-Id"] == reply.headers["x-amzn-RequestId"] == body["request_id"]
    assert {name: reply.headers[name] for name in FIXED} == FIXED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nowhere"),
        ("GET", "/api/things/a/b"),
        ("GET", "/api/things//"),
        ("GET", "/api//things"),
        ("PATCH", "/api/things"),
        ("DELETE", "/api/things/x"),
        ("OPTIONS", "/api/things/x"),  # a route without CORS
        ("OPTIONS", "/api/nowhere"),
        ("GET", "/"),
        ("GET", "/things"),  # without its stage
        ("GET", "/prod/things"),
        ("GET", "/apix/things"),
        ("BREW", "/api/things"),
    ],
)
def test_unknown_route_or_method(running: Any, method: str, path: str) -> None:
    mirror, _, base = running
    mirror.event = None
    check_shape(ask(base + path, method), 404, "not_found")
    assert mirror.event is None, "the function was not asked"


def test_preflight(url: str, mirror: Mirror) -> None:
    mirror.event = {}
    headers = {"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}
    reply = ask(url + "/things", "OPTIONS", headers=headers)
    assert (reply.status, reply.data, mirror.event) == (200, b"", {})
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert set(reply.headers["Access-Control-Allow-Methods"].split(",")) == {"GET", "POST", "OPTIONS"}
    assert "Idempotency-Key" in reply.headers["Access-Control-Allow-Headers"].split(",")
    assert reply.headers["Access-Control-Expose-Headers"] == "X-Request-Id"
    assert reply.headers["Access-Control-Max-Age"] == "600"


class TestSizes:
    LIMIT = 10 * 2**20

    @pytest.mark.parametrize("chunked", [False, True])
    def test_more_than_api_gateway_takes(self, url: str, chunked: bool) -> None:
        body = bytes(self.LIMIT + 1)
        check_shape(
            ask(url + "/things", "POST", body=iter([body]) if chunked else body, chunked=chunked), 413, "too_large"
        )

    def test_more_than_lambda_takes(self, url: str) -> None:
        check_shape(ask(url + "/things", "POST", body=b"x" * (6 * 2**20)), 413, "too_large")

    def test_less(self, url: str) -> None:
        assert ask(url + "/things", "POST", body=b"x" * (6 * 2**20 - 8192)).status == 200

    def test_who_only_announces_too_much_is_answered_at_once(self, url: str) -> None:
        with line_to(url) as line:
            line.say(f"POST /api/things HTTP/1.1\r\nHost: x\r\nContent-Length: {self.LIMIT + 1}\r\n\r\n")
            status, headers, body = line.answer()
        assert (status, json.loads(body)["code"], headers["connection"]) == (413, "too_large", "close")

    def test_an_answer_of_more_than_6_mb(self, url: str) -> None:
        assert ask(url + f"/large/{5 * 2**20}").status == 200
        check_shape(ask(url + f"/large/{6 * 2**20}"), 502, "internal")


MALFORMED = [
    None,
    "text",
    [],
    {},
    {"statusCode": "many"},
    {"statusCode": 99},
    {"statusCode": 200, "body": {"not": "text"}},
    {"statusCode": 200, "headers": ["a"]},
    {"statusCode": 200, "headers": {"X-Evil": "a\r\nSet-Cookie: b=1"}},
    {"statusCode": 200, "headers": {"X-Far": "日"}},
    {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
    {"statusCode": 200, "body": object()},
]


@pytest.mark.parametrize("answer", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_answer(url: str, functions: Recording, answer: Any) -> None:
    functions.function = lambda *_: answer
    check_shape(ask(url + "/things"), 502, "internal")


@pytest.mark.parametrize("error", [ValueError("secret detail"), RecursionError(), KeyError("x")])
def test_a_crash(url: str, functions: Recording, error: Exception) -> None:
    functions.error = error
    reply = ask(url + "/things")
    check_shape(reply, 502, "internal")
    assert b"secret" not in reply.data


def test_32_threads_keep_their_requests_apart(url: str, mirror: Mirror, functions: Recording) -> None:
    """All 32 are inside the view at the same time before any reads `current_request`."""
    wrong: list[object] = []
    pool = urllib3.PoolManager(maxsize=32, retries=False, timeout=30)

    def call(number: int) -> None:
        for _ in range(4):
            n = str(number)
            reply = pool.request("GET", f"{url}/slow/{n}?n={n}", headers={"X-N": n})
            if reply.status != 200 or set(reply.json().values()) != {n}:
                wrong.append((n, reply.status, reply.data))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


class TestDeclarations:
    def test_every_type_we_meet_is_declared_in_our_shape(self) -> None:
        responses = GatewayResponses.of()
        for kind in ("MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "DEFAULT_4XX", "DEFAULT_5XX"):
            answer = responses.render(kind, "the-id")
            assert json.loads(answer.body)["request_id"] == "the-id"
            assert dict(answer.headers).items() >= FIXED.items()

    @pytest.mark.parametrize("kind", ["MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN"])
    def test_an_unknown_route_is_one_answer_whatever_the_header_is_taken_for(self, kind: str) -> None:
        """API Gateway may read a bearer token on an unknown path as a signature of its own, and find that wrong."""
        answer = GatewayResponses.of().render(kind, "the-id")
        assert (answer.status, json.loads(answer.body)["code"]) == (404, "not_found")

    def test_every_declared_response_has_our_shape_and_the_fixed_headers(self) -> None:
        api = template.load(Path("infra/overrides.yaml"))["Resources"]["RestAPI"]["Properties"]
        declared = api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"].values()
        assert len(declared) >= 8
        for response in declared:
            body = json.loads(response["responseTemplates"]["application/json"])
            assert (set(body), body["request_id"]) == ({"message", "code", "request_id"}, "$context.requestId")
            headers = {
                name.removeprefix("gatewayresponse.header."): value
                for name, value in response["responseParameters"].items()
            }
            constant = {name: value for name, value in FIXED.items() if name != "Content-Type"}
            assert {name: headers[name].strip("'") for name in constant} == constant
            if response.get("statusCode") in {"429", "503", "504"}:
                assert "Retry-After" in headers

    def test_a_type_of_its_own_wins_over_the_default(self) -> None:
        shared = {"responseTemplates": {"application/json": '{"code": "default"}'}}
        own = {"statusCode": "418", "responseTemplates": {"application/json": '{"code": "own"}'}}
        responses = GatewayResponses({"DEFAULT_4XX": shared, "REQUEST_TOO_LARGE": own})
        assert responses.render("REQUEST_TOO_LARGE", "x").status == 418
        fallen_back = responses.render("MISSING_AUTHENTICATION_TOKEN", "x")
        assert (fallen_back.status, fallen_back.body) == (403, b'{"code": "default"}')

    def test_the_limits_are_awss(self) -> None:
        assert (gateway.MAX_BODY_BYTES, gateway.MAX_LAMBDA_BYTES) == (10 * 2**20, 6 * 2**20)
