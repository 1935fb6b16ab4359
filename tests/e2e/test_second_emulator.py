"""What MiniStack does not do, as infra/emulator/gaps.py has it. A failure here is good news: take its line out."""

from collections.abc import Iterator
from typing import Any

import pytest
from boto3.session import Session

from infra.emulator.gaps import SEEN
from tests.e2e.api_kit import announce, granted, perform, send, uploaded
from tests.e2e.conftest import Api, Stack, User

pytestmark = pytest.mark.e2e
GAPS = [f"test_{name}" for name in SEEN]


@pytest.fixture
def client(stack: Stack) -> Iterator[Any]:
    made: list[Any] = []

    def make(service: str) -> Any:
        session = Session("testing", "testing", region_name=stack.ready["region"])
        made.append(session.client(service, endpoint_url=stack.ready["aws_endpoint_url"]))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def api(client: Any) -> tuple[Any, Any]:
    """The API and its stage, as API Gateway describes them."""
    gateway = client("apigateway")
    (found,) = gateway.get_rest_apis()["items"]
    (stage,) = gateway.get_stages(restApiId=found["id"])["item"]
    return found, stage


def released(alice: User, anyone: Api) -> Any:
    _, key = granted(alice.api, uploaded(alice.api, b"0123456789", "a.html", type="text/html")["id"])
    return perform(anyone, key).data["files"][0]


def test_gateway_responses(alice: User) -> None:
    answer = alice.api("GET", "/nothing")
    assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})


def test_preflight(anyone: Api) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"}
    answer = anyone("OPTIONS", "/files", headers=asked)
    assert "Access-Control-Allow-Methods" not in answer.headers


def test_access_log(anyone: Api, api: tuple[Any, Any], client: Any) -> None:
    assert anyone("GET", "/health").status == 200
    assert api[1].get("accessLogSettings") == {}
    assert client("logs").filter_log_events(logGroupName="/aws/apigateway/sealdrop-dev")["events"] == []


def test_tls(api: tuple[Any, Any]) -> None:
    assert api[0]["endpointConfiguration"] == {}
    assert "securityPolicy" not in api[0]


def test_ranges(alice: User, anyone: Api) -> None:
    answer = anyone.fetch("GET", released(alice, anyone)["url"], headers={"Range": "bytes=0-3"})
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_disposition(alice: User, anyone: Api) -> None:
    file = released(alice, anyone)
    assert "response-content-disposition=attachment" in file["url"]
    assert "Content-Disposition" not in anyone.fetch("GET", file["url"]).headers


def test_unsigned_headers(alice: User, anyone: Api) -> None:
    upload = announce(alice.api, 5)["upload"]
    assert send(anyone, upload, b"five!", {**upload["headers"], "x-amz-meta-owner": "me"}).status == 200


def test_every_line_was_looked_at() -> None:
    assert [name for name in GAPS if name not in globals()] == []
