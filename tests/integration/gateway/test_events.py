"""HTTP in, API Gateway's REST proxy event out. The example is AWS's own, with our values in it:
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.integration.edge.kit import HTTP, line_to
from tests.integration.gateway.conftest import Mirror, Recording

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ask(url: str, method: str = "GET", **arguments: Any) -> urllib3.BaseHTTPResponse:
    return HTTP.request(method, url, **arguments)


def test_the_whole_event(url: str, mirror: Mirror, functions: Recording) -> None:
    host = urlsplit(url).netloc
    line = (
        "POST /api/things?name=me&multi=1&multi=2&empty= HTTP/1.1\r\n"
        f"Host: {host}\r\nUser-Agent: test/1\r\nHeader1: value1\r\nheader1: value2\r\n"
        "X-Forwarded-For: 203.0.113.9\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n"
    )
    with line_to(url) as connection:
        connection.say(line, b'{"a": 1}')
        status, headers, _ = connection.answer()
    assert status == 200
    event, context = mirror.event, mirror.event["requestContext"]
    assert {name: event[name] for name in ("resource", "path", "httpMethod", "pathParameters", "stageVariables")} == {
        "resource": "/things",
        "path": "/things",
        "httpMethod": "POST",
        "pathParameters": None,
        "stageVariables": None,
    }
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    assert event["queryStringParameters"] == {"name": "me", "multi": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"name": ["me"], "multi": ["1", "2"], "empty": [""]}
    assert event["headers"]["Header1"] == "value2"
    assert event["multiValueHeaders"]["Header1"] == ["value1", "value2"]
    assert event["multiValueHeaders"]["X-Forwarded-For"] == ["203.0.113.9", "127.0.0.1"]
    assert set(event["headers"]) == set(event["multiValueHeaders"])
    identity = context.pop("identity")
    assert (identity.pop("sourceIp"), identity.pop("userAgent")) == ("127.0.0.1", "test/1")
    assert set(identity.values()) == {None}
    assert UUID.fullmatch(context["requestId"])
    assert headers["x-amzn-requestid"] == context.pop("requestId")
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("requestTime"))
    assert abs(context.pop("requestTimeEpoch") / 1000 - time.time()) < 60
    assert context.pop("extendedRequestId")
    assert context == {
        "accountId": "123456789012",
        "apiId": "local00000",
        "domainName": host,
        "domainPrefix": "local00000",
        "httpMethod": "POST",
        "path": "/api/things",
        "protocol": "HTTP/1.1",
        "resourceId": "local0",
        "resourcePath": "/things",
        "stage": "api",
    }


def test_nothing_is_none(url: str, mirror: Mirror, functions: Recording) -> None:
    ask(url + "/things")
    empty = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body", "stageVariables")
    assert {mirror.event[name] for name in empty} == {None}


def test_the_context_is_lambdas(url: str, mirror: Mirror, functions: Recording) -> None:
    ask(url + "/things")
    first = mirror.context
    ask(url + "/things")
    assert first.aws_request_id != mirror.context.aws_request_id
    assert 28_000 < first.get_remaining_time_in_millis() <= 29_000


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP"])
def test_no_header_changes_the_source_address(url: str, mirror: Mirror, functions: Recording, header: str) -> None:
    ask(url + "/things", headers={header: "for=203.0.113.9"})
    assert mirror.event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("sent", "parameter"),
    [
        ("plain", "plain"),
        ("a%20b%2Bc", "a b+c"),
        ("a+b", "a+b"),
        ("%C3%BC%E6%97%A5", "ü日"),
        ("a%2Fb", "a/b"),
        ("%2e%2e", ".."),
        ("%FF", "\ufffd"),
        ("100%", "100%"),
    ],
)
def test_path_parameters_are_decoded(url: str, mirror: Mirror, functions: Recording, sent: str, parameter: str) -> None:
    with line_to(url) as line:  # by hand: HTTP libraries tidy paths up
        line.say(f"GET /api/things/{sent} HTTP/1.1\r\nHost: x\r\n\r\n")
        status, _, body = line.answer()
    assert (status, json.loads(body)) == (200, {"thing_id": parameter})
    assert mirror.event["pathParameters"] == {"thing_id": parameter}
    assert mirror.event["path"] == f"/things/{sent}"
    assert mirror.event["requestContext"]["path"] == f"/api/things/{sent}"
    assert mirror.event["resource"] == "/things/{thing_id}"


def test_a_literal_path_wins(url: str, functions: Recording) -> None:
    assert ask(url + "/things/special").json() == {"special": True}


@pytest.mark.parametrize("path", ["", "/", "/things/"])
def test_the_root_and_the_slash_at_the_end(url: str, functions: Recording, path: str) -> None:
    assert ask(url + path).status == 200


class TestBodies:
    def test_binary_types_go_in_base64(self, url: str, mirror: Mirror) -> None:
        headers = {"Content-Type": "application/octet-stream; x=y", "Accept": "application/octet-stream"}
        reply = ask(url + "/bytes", "PUT", body=b"\xff\0", headers=headers)
        assert (mirror.event["body"], mirror.event["isBase64Encoded"]) == (base64.b64encode(b"\xff\0").decode(), True)
        assert reply.data == bytes(range(256))

    def test_what_is_no_utf_8_is_replaced(self, url: str, mirror: Mirror) -> None:
        ask(url + "/things", "POST", body=b'"\xff\xc3("', headers={"Content-Type": "application/json"})
        assert (mirror.event["body"], mirror.event["isBase64Encoded"]) == ('"\ufffd\ufffd("', False)

    def test_a_chunked_body(self, url: str, mirror: Mirror) -> None:
        ask(url + "/things", "POST", body=iter([b"one ", b"two"]), chunked=True)
        assert mirror.event["body"] == "one two"

    def test_headers_answered_several_times(self, url: str) -> None:
        reply = ask(url + "/cookies")
        assert reply.status == 204
        assert reply.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
        assert reply.headers["X-One"] == "1"

    def test_a_head_has_no_body(self, url: str) -> None:
        with line_to(url) as line:
            line.say("HEAD /api/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert line.rest().endswith(b"\r\n\r\n")


def test_no_default_content_type(url: str, functions: Recording) -> None:
    functions.function = lambda *_: {"statusCode": 200, "body": "x"}
    assert ask(url + "/things").headers["Content-Type"] == "application/json"
