"""What each route asks of AWS, counted on the real app: the limits that were promised, and the page that says so."""

import pytest

from bench import calls
from bench.calls import Measured
from tests.support.every_route import GOOD, name_of
from tests.support.fakes import InlinePool

OVER_THE_LIMIT = "GET /files, over the limit, from then on"
MOST = {  # request: calls, steps
    "GET /files": (3, 2),
    "POST /files, server": (3, 2),
    "POST /files, client": (4, 3),
    "POST /public/downloads/{key}, client": (5, 3),
    "POST /public/downloads/{key}, server": (4, 3),
    OVER_THE_LIMIT: (0, 0),
}


@pytest.fixture(scope="module")
def measured() -> dict[str, Measured]:
    return {it.request: it for it in calls.measure()}


@pytest.mark.parametrize("request_name", MOST)
def test_no_more_than_promised(measured: dict[str, Measured], request_name: str) -> None:
    it = measured[request_name]
    most_calls, most_steps = MOST[request_name]
    assert it.calls <= most_calls, it.steps
    assert len(it.steps) <= most_steps, it.steps


def test_every_route_is_measured(measured: dict[str, Measured]) -> None:
    assert {name_of(route) for route in GOOD} <= set(measured)


def test_every_request_but_a_remembered_refusal_asks_the_limiter_first(measured: dict[str, Measured]) -> None:
    for it in measured.values():
        if it.request != OVER_THE_LIMIT:
            assert "DynamoDB UpdateItem rate limit" in it.steps[0], it


def test_the_page_says_what_is_measured(measured: dict[str, Measured]) -> None:
    said = calls.PAGE.read_text(encoding="utf-8")
    assert said == calls.page(list(measured.values())), "python -m bench.calls --write"


def test_without_the_pool_every_call_is_a_step_of_its_own() -> None:
    """So the steps above are owed to what the service does at the same time."""
    with calls.on_emulated_aws() as bench:
        bench.api.get("/user")
        vars(bench.world)["pool"] = InlinePool()
        listed = bench.measure("GET /files", lambda: bench.api.get("/files"), 200)
    assert (listed.calls, len(listed.steps)) == (3, 3)
