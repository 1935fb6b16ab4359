"""What a browser asks before it lets a page of another origin talk to the API and to the bucket."""

import pytest

from tests.e2e.api_kit import PROTECTED, PUBLIC, announce, granted, perform, uploaded
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e

ORIGIN = "https://files.example.com"


def preflight(anyone: Api, url: str, method: str, *headers: str) -> Answer:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = ",".join(headers)
    return anyone.fetch("OPTIONS", url, headers=asked)


def allows(answer: Answer, method: str, *headers: str) -> bool:
    """As the Fetch standard reads it, for a request without credentials."""
    methods = {word.strip() for word in answer.headers.get("Access-Control-Allow-Methods", "").split(",")}
    names = {word.strip().lower() for word in answer.headers.get("Access-Control-Allow-Headers", "").split(",")}
    return (
        200 <= answer.status < 300
        and answer.headers.get("Access-Control-Allow-Origin") in {"*", ORIGIN}
        and method in methods
        and all(header.lower() in names for header in headers)
    )


def exposed(answer: Answer) -> set[str]:
    return {word.strip().lower() for word in answer.headers.get("Access-Control-Expose-Headers", "").split(",")}


@pytest.mark.parametrize(("method", "path", "_"), PROTECTED + PUBLIC)
def test_a_page_may_call_every_route(anyone: Api, method: str, path: str, _: str | None) -> None:
    url = anyone.url + path.replace("{", "").replace("}", "")
    answer = preflight(anyone, url, method, "authorization", "content-type")
    assert allows(answer, method, "authorization", "content-type"), answer
    assert "Access-Control-Allow-Credentials" not in answer.headers, "bearer tokens only, no cookies"
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_there_is_nothing_to_preflight_on_an_unknown_route(anyone: Api) -> None:
    assert not allows(preflight(anyone, anyone.url + "/nothing", "GET"), "GET")


def test_a_page_may_read_what_it_needs_to_behave(alice: User) -> None:
    answer = alice.api("GET", "/user", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {"x-ratelimit-remaining", "x-ratelimit-reset", "retry-after", "x-request-id"} <= exposed(answer)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_may_read_refusals(anyone: Api, method: str) -> None:
    answer = anyone(method, "/files", headers={"Origin": ORIGIN})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, "*")


def test_a_page_may_put_to_the_signed_url_and_read_what_s3_says(alice: User, anyone: Api) -> None:
    upload = announce(alice.api, 5)["upload"]
    sent_by_script = [name for name in upload["headers"] if name.lower() != "content-length"]  # the browser's own
    answer = preflight(anyone, upload["url"], "PUT", *(name.lower() for name in sent_by_script))
    assert allows(answer, "PUT", *sent_by_script), answer
    stored = anyone.fetch("PUT", upload["url"], body=b"five!", headers={**upload["headers"], "Origin": ORIGIN})
    assert stored.status == 200, stored.body
    assert stored.headers["Access-Control-Allow-Origin"] in {"*", ORIGIN}
    assert {"etag", "x-amz-checksum-sha256", "x-amz-version-id"} <= exposed(stored)


def test_a_page_may_get_by_the_signed_url_in_ranges(alice: User, anyone: Api) -> None:
    _, key = granted(alice.api, uploaded(alice.api, b"0123456789")["id"])
    url = perform(anyone, key).data["files"][0]["url"]
    assert allows(preflight(anyone, url, "GET", "range"), "GET", "range")
    answer = anyone.fetch("GET", url, headers={"Range": "bytes=2-4", "Origin": ORIGIN})
    assert (answer.status, answer.body) == (206, b"234")
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", ORIGIN}
    assert {"content-range", "content-length", "etag"} <= exposed(answer)


def test_a_page_may_not_delete_in_the_bucket(alice: User, anyone: Api) -> None:
    upload = announce(alice.api, 5)["upload"]
    assert not allows(preflight(anyone, upload["url"], "DELETE"), "DELETE")
