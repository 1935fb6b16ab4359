"""Checks L of docs/threat-model.md: the rate limit."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.rate_limit import BucketRule, address_key
from tests.support.app_client import AppClient
from tests.support.builders import PIN, Caller, give_pin
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


VIEWER = {"X-Sealdrop-Viewer": "203.0.113.7"}
SECRET = "the secret"


def asked(world: FakeWorld, api: AppClient, shown: str | None, secret: str | None) -> set[str]:
    """The addresses that were counted, when somebody speaks for another and shows this."""
    world.settings = replace(world.settings, edge_secret=secret)
    api.get("/health", headers=VIEWER if shown is None else VIEWER | {"X-Sealdrop-Edge": shown})
    return set(world.limiter.full_at)


def test_l2_the_cdn_says_for_whom_it_asks(api: AppClient, world: FakeWorld) -> None:
    assert asked(world, api, SECRET, SECRET) == {"203.0.113.7"}


@pytest.mark.parametrize("shown", [None, "", "the secreT", "the secret ", "Gr\u00fc\u00dfe"])
def test_l2_who_shows_no_secret_is_not_the_cdn(api: AppClient, world: FakeWorld, shown: str | None) -> None:
    assert asked(world, api, shown, SECRET) == {"192.0.2.1"}


@pytest.mark.parametrize("shown", [None, "", "None", SECRET])
def test_l2_without_a_cdn_nobody_is_it(api: AppClient, world: FakeWorld, shown: str | None) -> None:
    assert asked(world, api, shown, None) == {"192.0.2.1"}


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


@pytest.mark.parametrize(("method", "path"), [("POST", "/keys"), ("PATCH", "/user")])
def test_l3_no_pin_is_checked_while_the_limiter_is_down(
    api: AppClient, world: FakeWorld, alice: Caller, method: str, path: str
) -> None:
    give_pin(world, alice)
    world.limiter.before("take", raises(Busy(retry_after_seconds=2)))
    body = {"pin": PIN} if path == "/keys" else {"pin": "new one", "current_pin": PIN}
    answer = api.call(method, path, json=body, token=alice.text)
    assert (answer.status, answer.json["code"]) == (503, "busy")
    assert world.pin_tries.calls == []


def test_l3_the_rest_goes_on(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    world.limiter.before("take", raises(Busy()))
    assert api.get("/user", token=alice.text).status == 200
