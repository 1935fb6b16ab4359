"""Ten thousand requests a second, calculated: one address that floods, many addresses, and accounts of unequal size.

The limiter is the service's own, in many containers of which each remembers for itself, over a table of one number an
address. The accounts are those of bench/contention.py, with purses. Addresses and accounts are unequal as such things
are (Zipf: the second has half of what the first has, the third a third). No clock: the seconds are made up.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from bench.contention import simulate
from bench.prices import PARTITION_READS
from chalicelib.adapters.dynamo_limiter import DynamoLimiter
from chalicelib.adapters.dynamo_purses import PURSES
from chalicelib.domain.rate_limit import MICROSECONDS, BucketRule

RATE = 10_000  # requests a second
SECONDS = 2
CONTAINERS = (10, 100, 500)
ADDRESSES = ACCOUNTS = 100_000
HOTTEST = 20  # accounts that are looked at; the others have less
SEED = 11
RULE = BucketRule(capacity=300)
START_US = 1_800_000_000_000_000


class Numbers:
    """As much of DynamoDB as the limiter asks for, counting the write units that each address takes."""

    def __init__(self) -> None:
        self.full_at: dict[str, int] = {}
        self.units: Counter[str] = Counter()

    def update_item(self, **request: Any) -> Any:
        given = {name[1:]: int(value["N"]) for name, value in request["ExpressionAttributeValues"].items()}
        address = request["Key"]["ip"]["S"]
        standing = self.full_at.get(address)
        self.units[address] += 1  # a refused condition costs as much
        if "full" in given:
            holds, after = standing is None or standing < given["now"], given["full"]
        else:
            holds = standing is not None and given["now"] <= standing <= given["latest"]
            after = (standing or 0) + given["interval"]
        if not holds:
            item = {"Item": {"full_at": {"N": str(standing)}}} if standing is not None else {}
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}, **item}
            raise ClientError(error, "UpdateItem")
        self.full_at[address] = after
        return {"Attributes": {"full_at": {"N": str(after)}}}


@dataclass(frozen=True)
class Flood:
    containers: int
    passed: float  # a second
    writes: float  # of one address, a second: the busiest


def flood(containers: int, addresses: int = 1) -> Flood:
    """`addresses` share the requests, unequally; each request comes to any container."""
    chance, numbers = random.Random(SEED), Numbers()  # noqa: S311 - a simulation
    client: Any = numbers
    limiters = [DynamoLimiter(client, "ratelimit", RULE) for _ in range(containers)]
    passed = 0
    for number, address in enumerate(_drawn(chance, addresses, RATE * SECONDS)):
        now_us = START_US + number * MICROSECONDS // RATE
        limiter, name = chance.choice(limiters), str(address)
        if limiter.refused_from_memory(name, now_us) is None:
            passed += limiter.take(name, now_us).allowed
    return Flood(containers, passed / SECONDS, max(numbers.units.values()) / SECONDS)


@dataclass(frozen=True)
class Account:
    share: float  # of all creations
    rate: float  # creations a second
    busy: float  # of them answered 503
    slowest_ms: float


def accounts() -> list[Account]:
    """The hottest, where all together make RATE creations a second."""
    chance = random.Random(SEED)  # noqa: S311 - a simulation
    total = sum(1 / rank for rank in range(1, ACCOUNTS + 1))
    found = []
    for rank in range(1, HOTTEST + 1):
        share = 1 / rank / total
        outcome = simulate(_arrivals(RATE * share, chance), len(PURSES), chance)
        found.append(Account(share, RATE * share, outcome.busy, outcome.slowest_ms))
    return found


def tokens_at(rate: int) -> int:
    """How many tokens must share the requests of one account, each of which reads its token's item once."""
    return -(-rate // PARTITION_READS)


def _drawn(chance: random.Random, many: int, count: int) -> Iterator[int]:
    weights = [1 / rank for rank in range(1, many + 1)]
    return iter(chance.choices(range(many), weights, k=count))


def _arrivals(rate: float, chance: random.Random) -> list[float]:
    arrivals, now = [], 0.0
    while now < SECONDS:
        now += chance.expovariate(rate)
        arrivals.append(now)
    return arrivals
