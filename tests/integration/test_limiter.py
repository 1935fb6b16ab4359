"""Limiter: what its port promises, of the fake and of the DynamoDB adapter; and what the adapter adds.

Time is an argument everywhere, so every count here is exact.
"""

import random
from collections.abc import Callable

import pytest

from chalicelib.adapters.dynamo_limiter import DynamoLimiter
from chalicelib.bootstrap import World
from chalicelib.domain.rate_limit import MICROSECONDS, BucketRule, RateLimit, address_key
from chalicelib.ports import Limiter
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.support.builders import NOW
from tests.support.fakes import FakeLimiter

T0 = int(NOW.timestamp()) * MICROSECONDS
HOME = "192.0.2.7"
Make = Callable[[BucketRule], Limiter]


@pytest.fixture
def make(ports: World) -> Make:
    """Each call is another container: they share the table and nothing else."""
    if isinstance(ports.limiter, FakeLimiter):
        shared: dict[str, int] = {}

        def fake(rule: BucketRule) -> Limiter:
            limiter = FakeLimiter(rule)
            limiter.full_at = shared
            return limiter

        return fake
    return lambda rule: container(ports, rule)


def container(world: World, rule: BucketRule) -> DynamoLimiter:
    return DynamoLimiter(world._client("dynamodb"), world.settings.ratelimit_table, rule)


def granted(limiter: Limiter, times: int, now_us: int = T0, address: str = HOME) -> int:
    return sum(limiter.take(address, now_us).allowed for _ in range(times))


class Textbook:
    """The bucket as everybody explains it: tokens, and the time they were last counted."""

    def __init__(self, rule: BucketRule) -> None:
        self.rule, self.level_us, self.counted_at = rule, rule.capacity * rule.interval_us, T0

    def take(self, now_us: int) -> RateLimit:
        full = self.rule.capacity * self.rule.interval_us
        self.level_us = min(full, self.level_us + now_us - self.counted_at)
        self.counted_at = now_us
        if self.level_us < self.rule.interval_us:
            return RateLimit(False, self.rule.capacity, 0, now_us + self.rule.interval_us - self.level_us)
        self.level_us -= self.rule.interval_us
        return RateLimit(True, self.rule.capacity, self.level_us // self.rule.interval_us, now_us)


# -- the bucket --------------------------------------------------------------------------------------------------------


def test_a_full_bucket_gives_its_tokens_and_not_one_more(make: Make) -> None:
    limiter = make(BucketRule(5))
    answers = [limiter.take(HOME, T0) for _ in range(7)]
    assert [answer.allowed for answer in answers] == [True] * 5 + [False] * 2
    assert [answer.remaining for answer in answers] == [4, 3, 2, 1, 0, 0, 0]
    assert {answer.limit for answer in answers} == {5}


def test_a_refusal_says_when_and_then_it_is_so(make: Make) -> None:
    limiter = make(BucketRule(3))
    granted(limiter, 3)
    refusal = limiter.take(HOME, T0)
    assert refusal.next_token_at_us == T0 + 20 * MICROSECONDS
    assert not limiter.take(HOME, refusal.next_token_at_us - 1).allowed
    assert limiter.take(HOME, refusal.next_token_at_us).allowed
    assert not limiter.take(HOME, refusal.next_token_at_us).allowed


def test_refusals_take_no_token(make: Make) -> None:
    limiter = make(BucketRule(3))
    assert granted(limiter, 20) == 3
    assert granted(limiter, 20, T0 + 20 * MICROSECONDS) == 1


def test_a_bucket_fills_up_to_full_and_no_further(make: Make) -> None:
    limiter = make(BucketRule(4))
    granted(limiter, 3)
    assert granted(limiter, 20, T0 + 3600 * MICROSECONDS) == 4


def test_addresses_do_not_share(make: Make) -> None:
    limiter = make(BucketRule(2))
    granted(limiter, 5)
    assert granted(limiter, 5, address="192.0.2.8") == 2


def test_an_ipv6_customer_has_one_bucket_however_many_addresses(make: Make) -> None:
    limiter = make(BucketRule(3))
    same = [address_key(f"2001:db8:0:7::{suffix:x}") for suffix in (1, 2, 0xFFFF, 0xABCD)]
    other = address_key("2001:db8:0:8::1")
    assert set(same) == {"2001:db8:0:7::/64"}
    assert sum(limiter.take(address, T0).allowed for address in same) == 3
    assert limiter.take(other, T0).allowed


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_textbook_bucket(make: Make, seed: int) -> None:
    """Bursts, pauses and waits to exactly full, by one container and by two in turn."""
    chance = random.Random(seed)  # noqa: S311 - to be the same in every run
    rule = BucketRule(chance.choice([1, 2, 3, 7]))
    containers, textbook, now_us = [make(rule), make(rule)], Textbook(rule), T0
    for _ in range(60):
        now_us += chance.choice([0, 0, 0, 1, rule.interval_us - 1, rule.interval_us, rule.interval_us * rule.capacity])
        assert chance.choice(containers).take(HOME, now_us) == textbook.take(now_us)


def test_containers_share_the_bucket(make: Make) -> None:
    rule = BucketRule(10)
    one, two = make(rule), make(rule)
    answers = [limiter.take(HOME, T0) for _ in range(10) for limiter in (one, two)]
    assert sum(answer.allowed for answer in answers) == 10
    assert [answer.remaining for answer in answers[:10]] == list(range(9, -1, -1))


@pytest.mark.parametrize("skew_us", [-2 * MICROSECONDS, -1, 1, 2 * MICROSECONDS])
def test_clocks_apart_never_grant_more_than_their_distance_is_worth(make: Make, skew_us: int) -> None:
    rule = BucketRule(60)
    containers = [(make(rule), 0), (make(rule), skew_us)]
    asked = [65, 6, 6, 6]  # of each container in each second: more than there is
    granted_in_all = sum(
        limiter.take(HOME, T0 + second * MICROSECONDS + clock_us).allowed
        for second, times in enumerate(asked)
        for _ in range(times)
        for limiter, clock_us in containers
    )
    refill, worth = len(asked) - 1, -(-abs(skew_us) // rule.interval_us)
    assert 60 + refill <= granted_in_all <= 60 + refill + worth


# -- memory ------------------------------------------------------------------------------------------------------------


def test_nothing_is_refused_from_memory_that_was_never_seen(make: Make) -> None:
    rule = BucketRule(2)
    granted(make(rule), 5)
    assert make(rule).refused_from_memory(HOME, T0) is None


def test_a_refusal_is_remembered_until_its_next_token(make: Make) -> None:
    limiter = make(BucketRule(2))
    granted(limiter, 2)
    refusal = limiter.take(HOME, T0)
    assert limiter.refused_from_memory(HOME, T0) == refusal
    assert limiter.refused_from_memory(HOME, refusal.next_token_at_us - 1) == refusal
    assert limiter.refused_from_memory(HOME, refusal.next_token_at_us) is None
    assert limiter.refused_from_memory("192.0.2.8", T0) is None


def test_what_another_container_took_makes_a_memory_only_more_right(make: Make) -> None:
    rule = BucketRule(1)
    one, two = make(rule), make(rule)
    one.take(HOME, T0)
    refusal = one.take(HOME, T0)
    two.take(HOME, refusal.next_token_at_us)
    assert one.refused_from_memory(HOME, refusal.next_token_at_us) is None
    assert not one.take(HOME, refusal.next_token_at_us).allowed


# -- DynamoDB alone: what it costs -------------------------------------------------------------------------------------


def test_a_token_costs_one_write_and_a_remembered_refusal_nothing(world: World, hooks: Hooks) -> None:
    limiter = container(world, BucketRule(3))
    calls = hooks.count("dynamodb")
    assert granted(limiter, 3) == 3
    assert calls == ["dynamodb.UpdateItem"] * 3
    for _ in range(100):
        assert limiter.refused_from_memory(HOME, T0) is not None
    assert len(calls) == 3


def test_a_cold_container_learns_the_state_from_one_failed_write(world: World, hooks: Hooks) -> None:
    rule = BucketRule(5)
    granted(container(world, rule), 2)
    cold, calls = container(world, rule), hooks.count("dynamodb")
    assert cold.take(HOME, T0).remaining == 2
    assert calls == ["dynamodb.UpdateItem"] * 2
    assert cold.take(HOME, T0).remaining == 1
    assert len(calls) == 3


def test_a_cold_container_learns_a_refusal_from_one_failed_write(world: World, hooks: Hooks) -> None:
    rule = BucketRule(2)
    granted(container(world, rule), 2)
    cold, calls = container(world, rule), hooks.count("dynamodb")
    assert not cold.take(HOME, T0).allowed
    assert calls == ["dynamodb.UpdateItem"]


def test_a_bucket_full_again_costs_one_write(world: World, hooks: Hooks) -> None:
    limiter = container(world, BucketRule(5))
    granted(limiter, 5)
    calls = hooks.count("dynamodb")
    assert limiter.take(HOME, T0 + 3600 * MICROSECONDS).remaining == 4
    assert calls == ["dynamodb.UpdateItem"]


def test_an_idle_bucket_is_tidied_up_after_it_is_full(world: World, aws: EmulatedAws) -> None:
    limiter = container(world, BucketRule(300))
    granted(limiter, 10)
    (item,) = aws.clients("dynamodb").scan(TableName=aws.ratelimit_table)["Items"]
    assert int(item["ttl"]["N"]) > int(item["full_at"]["N"]) // MICROSECONDS
    assert int(item["ttl"]["N"]) < T0 // MICROSECONDS + 86_400
    assert item["ip"] == {"S": HOME}


def test_a_bucket_that_was_tidied_up_is_full(world: World, aws: EmulatedAws) -> None:
    limiter = container(world, BucketRule(5))
    granted(limiter, 5)
    aws.clients("dynamodb").delete_item(TableName=aws.ratelimit_table, Key={"ip": {"S": HOME}})
    assert granted(limiter, 9, T0 + 60 * MICROSECONDS) == 5


def test_memory_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.adapters.dynamo_limiter._REMEMBERED_ADDRESSES", 3)
    limiter = container(world, BucketRule(1))
    for last in range(5):
        limiter.take(f"192.0.2.{last}", T0)
    remembered = [limiter.refused_from_memory(f"192.0.2.{last}", T0) is not None for last in range(5)]
    assert remembered == [False, False, True, True, True]
