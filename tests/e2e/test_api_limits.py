"""The rate limit as it is in production: 300 requests a minute for one address, on a stack of its own."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest

from infra.local.process import stack_process
from tests.e2e.api_kit import assert_headers, assert_refused
from tests.e2e.conftest import Answer, Api

pytestmark = pytest.mark.e2e

CAPACITY = 300
REFILL = 5  # a second
BURST = 330
THREADS = 16


@dataclass(frozen=True)
class Timed:
    """An answer, and when by this machine's clock it was asked for and came."""

    answer: Answer
    asked_at: float
    came_at: float


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with stack_process(tmp_path_factory.mktemp("limited")) as stack:
        yield Api(stack.ready["api_url"], stack.ready["users"][0]["token"])


def ask(api: Api, number: int) -> Timed:
    """Whatever an attacker might set: the address is API Gateway's, no header is believed."""
    asked_at = time.monotonic()
    spoofed = f"203.0.113.{number % 256}"
    headers = {
        "X-Forwarded-For": spoofed,
        "Forwarded": f"for={spoofed}",
        "X-Real-IP": spoofed,
        "True-Client-IP": spoofed,
    }
    answer = api("GET", "/health", headers=headers)
    return Timed(answer, asked_at, time.monotonic())


def test_l1_l2_a_burst_gets_the_bucket_and_what_the_refill_allows(limited: Api) -> None:
    started = time.time()
    first = ask(limited, 0)
    assert first.answer.headers["X-RateLimit-Limit"] == str(CAPACITY)
    assert first.answer.headers["X-RateLimit-Remaining"] == str(CAPACITY - 1)
    timed = [first]
    with ThreadPoolExecutor(THREADS) as pool:
        # a slow machine refills while it asks: then more than one burst is needed to see the end of the bucket
        while len(timed) < BURST or sum(it.answer.status == 429 for it in timed) < BURST - CAPACITY:
            timed += pool.map(partial(ask, limited), range(BURST))
    passed = [it for it in timed if it.answer.status == 200]
    refused = [it for it in timed if it.answer.status == 429]
    assert len(passed) + len(refused) == len(timed)
    longest = max(it.came_at for it in passed) - first.asked_at
    shortest = max(it.asked_at for it in refused) - first.came_at
    assert len(passed) <= CAPACITY + REFILL * longest
    assert len(passed) >= CAPACITY + REFILL * shortest - 1
    for it in passed:
        assert_headers(it.answer)
    for it in refused:
        assert_refused(it.answer, 429, "rate_limited")
        assert it.answer.headers["X-RateLimit-Remaining"] == "0"
        assert int(it.answer.headers["Retry-After"]) >= 1
        assert started <= int(it.answer.headers["X-RateLimit-Reset"]) <= time.time() + 60


def test_after_retry_after_it_works_again(limited: Api) -> None:
    """Before any other answer too: without a token, for an unknown key."""
    with ThreadPoolExecutor(THREADS) as pool:
        while not (refused := [it for it in pool.map(partial(ask, limited), range(BURST)) if it.answer.status == 429]):
            continue
    last = max(refused, key=lambda it: it.came_at)
    assert last.answer.headers["Retry-After"] == "1", "a token comes back every 200 ms"
    time.sleep(int(last.answer.headers["Retry-After"]))  # what a well-behaved client does
    assert ask(limited, 1).answer.status == 200


def test_a_refusal_comes_before_every_other(limited: Api) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        while not any(it.answer.status == 429 for it in pool.map(partial(ask, limited), range(BURST))):
            continue
        stranger = limited.with_token(None)
        calls = [("GET", "/user"), ("POST", "/files"), ("POST", "/public/downloads/guess"), ("GET", "/user?x=1")]
        answers = list(pool.map(lambda call: stranger(*call), calls * 20))
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) > len(answers) / 2, "the bucket is all but empty"
    for answer in refused:
        assert_refused(answer, 429, "rate_limited")
