"""Checks L of docs/threat-model.md: the rate limit."""

from typing import Any

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.rate_limit import BucketRule, address_key
from tests.support.app_client import AppClient
from tests.support.builders import Caller
from tests.support.fakes import FakeWorld, raises

NOW_US = 1_800_000_000_000_000


def test_l1_an_empty_bucket_gives_no_token(dynamodb: Any) -> None:
    """Asked by a process that remembers nothing, so that only the condition of the write can refuse."""
    from chalicelib.adapters.dynamo_limiter import DynamoLimiter

    def take() -> bool:
        return DynamoLimiter(dynamodb, "ratelimit", BucketRule(3)).take("192.0.2.1", NOW_US).allowed

    assert [take() for _ in range(5)] == [True, True, True, False, False]


def test_l1_a_process_that_knows_the_bucket_cannot_overdraw_it(dynamodb: Any) -> None:
    from chalicelib.adapters.dynamo_limiter import DynamoLimiter

    limiter = DynamoLimiter(dynamodb, "ratelimit", BucketRule(3))
    assert [limiter.take("192.0.2.1", NOW_US).allowed for _ in range(5)] == [True, True, True, False, False]


def test_l1_nothing_is_answered_over_the_limit(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    for _ in range(299):
        world.limiter.take("192.0.2.1", int(alice.token.created_at.timestamp() * 1_000_000))
    assert api.get("/user", token=alice.text).status == 200
    refused = api.get("/user", token=alice.text)
    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (429, "rate_limited", "1")
    assert api.post("/public/downloads/guess").status == 429


def test_l2_no_header_makes_another_address(api: AppClient, world: FakeWorld) -> None:
    for number in range(3):
        spoofed = f"203.0.113.{number}"
        api.get("/health", headers={"X-Forwarded-For": spoofed, "Forwarded": f"for={spoofed}", "X-Real-IP": spoofed})
    assert set(world.limiter.full_at) == {"192.0.2.1"}


def test_l2_a_customers_addresses_are_one() -> None:
    assert len({address_key(f"2001:db8:1:2:{n:x}::1") for n in range(9)}) == 1
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1")
    assert address_key("fe80::1%eth0") == address_key("fe80::1%eth1")


@pytest.mark.parametrize("path", ["/public/downloads/" + "A" * 43])
def test_l3_nothing_is_performed_while_the_limiter_is_down(api: AppClient, world: FakeWorld, path: str) -> None:
    world.limiter.before("take", raises(Busy(retry_after_seconds=2)))
    answer = api.post(path)
    assert (answer.status, answer.json["code"]) == (503, "busy")


def test_l3_the_rest_goes_on(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    world.limiter.before("take", raises(Busy()))
    assert api.get("/user", token=alice.text).status == 200
