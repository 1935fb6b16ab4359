"""(S1)-(S4): no secret in any log, one line of JSON a request whatever was sent, and metrics that CloudWatch reads."""

import base64
import json
import logging
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from jsonschema import Draft7Validator

from chalicelib.domain.errors import Busy
from chalicelib.logs import describe, log, log_with_metrics
from tests.support.app_client import AppClient, LambdaContext
from tests.support.builders import Caller
from tests.support.fakes import FakeWorld, raises
from tests.support.sealed import seal_for

# After the schema in AWS's "Specification: Embedded metric format", with what our lines hold pinned down.
EMF = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1_500_000_000_000},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {"const": "sealdrop"},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 30,
                                    "uniqueItems": True,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name", "Unit"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                                        "Unit": {"enum": ["Count", "Milliseconds"]},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


class Captured:
    """Everything that a Lambda function would leave in CloudWatch."""

    def __init__(self, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._capfd, self._caplog = capfd, caplog

    def text(self) -> str:
        out, err = self._capfd.readouterr()
        records = "\n".join(self._caplog.handler.format(record) for record in self._caplog.records)
        return out + err + records

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._capfd.readouterr().out.splitlines()]


@pytest.fixture
def captured(capfd, caplog) -> Captured:
    caplog.set_level(logging.DEBUG)
    return Captured(capfd, caplog)


class Journey:
    """The main flows, with a note of every secret that passed by."""

    def __init__(self, world: FakeWorld, api: AppClient, alice: Caller) -> None:
        self.world, self.api, self.my = world, api, api.with_token(alice.text)
        self.secrets: dict[str, str] = {"first token": alice.text, "its secret": alice.text[4:-6]}

    def note(self, name: str, value: str) -> str:
        self.secrets[name] = value
        return value

    def note_url(self, name: str, url: str) -> None:
        self.note(name, url)
        self.note(f"{name}'s signature", url.rpartition("=")[2])

    def tokens(self) -> None:
        body = {"name": "n", "scopes": ["files:read"]}
        new = self.note("second token", self.my.post("/tokens", body).data["token"])
        self.api.with_token(new).get("/files")
        self.api.get("/files", token=self.note("unknown token", "sdt_" + "U" * 49))
        self.api.get("/files", query={"token": new}, headers={"X-Api-Key": new, "Cookie": f"token={new}"})

    def upload(self) -> str:
        body = {"filename": "invoice-of-the-client.pdf", "size": 5, "encryption": "client"}
        created = self.my.post("/files", body).data
        self.note("file name", "invoice-of-the-client")
        key_text = self.note("data key", created["encryption"]["data_key"])
        data_key = base64.b64decode(key_text)
        self.note("data key in hex", data_key.hex())
        self.note("wrapped key", created["encryption"]["encrypted_data_key"])
        sealed = seal_for(self.world.files.find(created["id"]), data_key, b"hello")
        upload = self.my.post(f"/files/{created['id']}/parts", {"parts": [{"number": 1}]}).data["upload"]
        for name, url in (("upload URL", created["upload"]["url"]), ("second upload URL", upload["url"])):
            self.note_url(name, url)
        self.world.objects.send(upload["url"], upload["headers"], sealed)
        assert self.my.post(f"/files/{created['id']}/complete").status == 200
        return created["id"]

    def download(self, file_id: str) -> None:
        download = self.my.post("/downloads", {"files": [file_id]}).data
        key = self.note("download key", self.my.post(f"/downloads/{download['id']}/keys").data["key"])
        path = f"/public/downloads/{key}"
        self.api.get(path)
        performed = self.api.post(path).data
        self.note_url("download URL", performed["files"][0]["url"])
        session = self.note("session", performed["session"])
        self.api.post(path, {"session": session})
        self.api.post(path)  # spent
        self.api.post(path, {"session": self.note("wrong session", "w" * 43)})
        self.api.get(f"/public/downloads/{self.note('unknown key', 'k' * 43)}")
        self.api.post(path, {"session": session, "more": session})  # invalid
        self.api.call("POST", path, body="{" + session, headers={"Content-Type": "application/json"})

    def troubles(self, file_id: str) -> None:
        """Each with a message that quotes a secret, as messages do."""
        quoting = f"cannot GET https://x/?k={self.secrets['download key']} Bearer {self.secrets['first token']}"
        world, key = self.world, self.secrets["download key"]
        for port, method, error in (
            (world.limiter, "take", RuntimeError(quoting)),
            (world.tokens, "find", ValueError(quoting)),
            (world.tokens, "note_use", OSError(quoting)),
            (world.files, "find", KeyError(quoting)),
            (world.downloads, "find_key", RuntimeError(quoting)),
        ):
            port.before(method, raises(error))
            self.my.get(f"/files/{file_id}")
            self.my.get(f"/public/downloads/{key}")
        import app

        app.on_upload({"Records": [{"messageId": "m", "receiptHandle": "r", "body": quoting}]}, LambdaContext("x"))


class TestS1NoSecretIsLogged:
    def test_s1_on_any_of_the_main_flows_and_their_failures(self, world, api, alice, captured) -> None:
        journey = Journey(world, api, alice)
        journey.tokens()
        file_id = journey.upload()
        journey.download(file_id)
        journey.troubles(file_id)
        text = captured.text()
        assert text.count('"event": "request"') > 20
        assert file_id  # an id is no secret
        leaked = [name for name, secret in journey.secrets.items() if secret in text]
        assert leaked == []

    def test_s1_the_capture_would_see_one(self, alice, captured) -> None:
        """Through print, standard error and logging alike."""
        import sys

        log("careless", token=alice.text)
        assert alice.text in captured.text()
        sys.stderr.write(alice.text)
        assert alice.text in captured.text()
        logging.getLogger("boto3").debug("Bearer %s", alice.text)
        assert alice.text in captured.text()

    def test_s1_the_route_is_logged_and_never_the_path(self, api, captured) -> None:
        api.get(f"/public/downloads/{'k' * 43}")
        [line] = captured.lines()
        assert line["route"] == "GET /public/downloads/{key}"
        assert line["reason" if "reason" in line else "code"] == "not_found"


class TestS3OneLineARequest:
    @pytest.mark.parametrize(
        "odd", ['x\n{"event": "forged"}', "x\r\ny", "\x1b[31mred", "\u2028x", "\x00", "\U0001f600", "\ud800"]
    )
    def test_s3_whatever_is_sent(self, api, alice, captured, odd: str) -> None:
        my = api.with_token(alice.text)
        requests = [
            lambda: my.post("/files", {"filename": odd, "size": 5}),
            lambda: my.post("/files", {odd: 1}),
            lambda: my.get("/files", headers={"User-Agent": odd, "X-Amzn-Trace-Id": odd}),
            lambda: my.get("/files", query={odd: odd}),
            lambda: api.get("/files", headers={"Authorization": f"Bearer {odd}"}),
            lambda: my.post("/tokens", {"name": odd, "scopes": [odd]}),
        ]
        for request in requests:
            request()
        raw = captured._capfd.readouterr().out
        assert raw.isascii()
        lines = raw.split("\n")
        assert lines.pop() == ""
        assert [json.loads(line)["event"] for line in lines] == ["request"] * len(requests)

    def test_s3_its_fields_tell_who_and_what(self, api, alice, captured) -> None:
        answer = api.with_token(alice.text).get("/files/x")
        [line] = captured.lines()
        assert {name: line[name] for name in ("route", "status", "code", "account", "token", "request_id")} == {
            "route": "GET /files/{file_id}",
            "status": 404,
            "code": "not_found",
            "account": alice.account_id,
            "token": alice.token.id,
            "request_id": answer.headers["x-request-id"],
        }

    def test_s3_the_reason_is_for_the_log_alone(self, api, captured) -> None:
        answer = api.get("/files", headers={"Authorization": "Bearer sdt_x"})
        [line] = captured.lines()
        assert line["reason"] == "malformed token"
        assert "malformed" not in answer.text

    def test_a_connection_error_has_no_code_of_awss(self) -> None:
        error = ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com/")
        assert describe(error) == {"error": "ReadTimeoutError", "aws_code": "", "where": ""}

    def test_s3_an_unknown_error_is_described_by_its_place_not_its_words(self) -> None:
        try:
            raise KeyError("sdt_secret")
        except KeyError as error:
            described = describe(error)
        assert described["error"] == "KeyError"
        assert "test_logs.py:" in described["where"]
        assert "sdt_secret" not in str(described)


class TestMetrics:
    @pytest.mark.parametrize("status", [200, 404, 429, 500, 503])
    def test_every_request_line_is_a_metric_line(self, world, api, captured, status: int) -> None:
        if status == 500:
            world.limiter.before("take", raises(RuntimeError()))
        if status == 503:
            world.downloads.before("find_key", raises(Busy()))
        for _ in range(301 if status == 429 else 1):
            answer = api.get("/health" if status in {200, 429} else f"/public/downloads/{'k' * 43}")
        assert answer.status == status
        line = captured.lines()[-1]
        Draft7Validator(EMF).validate(line)
        [directive] = line["_aws"]["CloudWatchMetrics"]
        metrics = {metric["Name"]: line[metric["Name"]] for metric in directive["Metrics"]}
        assert all(isinstance(value, int | float) for value in metrics.values())
        assert all(name in line for names in directive["Dimensions"] for name in names)
        assert metrics["Requests"] == 1
        assert metrics["Latency"] >= 0
        assert metrics.get("ServerErrors", 0) == (status >= 500)
        assert metrics.get("RateLimited", 0) == (status == 429)

    def test_no_field_hides_a_metric(self, captured) -> None:
        log_with_metrics("sealdrop", "x", [("Done", 3, "Count")], ("kind", "test"), note=None, more="y")
        [line] = captured.lines()
        assert (line["Done"], line["kind"], line["more"]) == (3, "test", "y")
        assert "note" not in line
