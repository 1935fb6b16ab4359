"""The judge of answers (tests/support/contract.py) sees what it is there to see."""

import json

import pytest

from chalicelib.domain.errors import Conflict, Gone
from tests.support.app_client import AppClient
from tests.support.contract import assert_declared
from tests.support.every_route import GOOD


@pytest.fixture
def good(api: AppClient, world, alice):
    """A good answer of GET /files/{file_id}, to be spoilt."""
    answer = api.get(GOOD["GET", "/files/{file_id}"](world, alice).path("/files/{file_id}"), token=alice.text)

    def judge(status=answer.status, headers=None, text=answer.text, fields=None) -> None:
        if fields:
            text = json.dumps({"data": answer.data | fields})
        assert_declared("GET", "/files/{file_id}", status, answer.headers | (headers or {}), text)

    return judge


def refusal(code: str) -> str:
    return json.dumps({"message": "No.", "code": code, "request_id": "1"})


def test_a_good_answer_passes(good) -> None:
    good()
    good(404, text=refusal("not_found"))


@pytest.mark.parametrize(
    "fields", [{"owner": "alice"}, {"size": "5"}, {"id": "x"}, {"created_at": "2026-01-01"}, {"status": "lost"}]
)
def test_a_field_that_is_not_as_declared(good, fields) -> None:
    with pytest.raises(AssertionError):
        good(fields=fields)


def test_a_status_that_is_not_declared(good) -> None:
    with pytest.raises(AssertionError, match=r"409 conflict.*name the error in `raises`"):
        good(409, text=refusal("conflict"))


def test_a_code_that_is_not_declared_under_its_status(good) -> None:
    with pytest.raises(AssertionError, match=r"404 gone.*name the error in `raises`"):
        good(404, text=refusal("gone"))


@pytest.mark.parametrize("headers", [{"x-new": "1"}, {"cache-control": "public"}, {"x-ratelimit-limit": "-1"}])
def test_a_header_that_is_not_as_declared(good, headers) -> None:
    with pytest.raises(AssertionError):
        good(headers=headers)


def test_a_header_that_is_missing(good) -> None:
    with pytest.raises(AssertionError, match="missing"):
        good(401, text=refusal("unauthenticated"))  # without WWW-Authenticate


def test_every_answer_in_every_test_is_judged(api: AppClient, world, alice) -> None:
    """A view that is refused with what it does not declare fails whatever test meets it."""
    path = GOOD["GET", "/files/{file_id}"](world, alice).path("/files/{file_id}")
    for error in (Conflict(), Gone()):

        def refuse(error=error) -> None:
            raise error

        world.files.before("find", refuse)
        with pytest.raises(AssertionError, match="name the error in `raises`"):
            api.get(path, token=alice.text)
