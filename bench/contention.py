"""Creations of one account that meet at its counters: a calculation, since no emulator makes transactions collide.

While a transaction is under way it holds the items it writes, and DynamoDB cancels whoever else writes them. That is
the model: HELD_SECONDS an item, and the pauses of adapters/dynamo_transaction.py between attempts. The real time is not
known here (AWS documents none); a transaction takes some 10 to 20 ms in all, of which an item is held for a part, so
this errs on the side of collisions.
"""

import heapq
import random
from dataclasses import dataclass

from bench.tables import table
from chalicelib.adapters.dynamo_purses import PURSES
from chalicelib.adapters.dynamo_transaction import ATTEMPTS, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

HELD_SECONDS = 0.02
REFUSAL_SECONDS = 0.006  # until whoever collided knows it
MINUTE = 60
RATES = (5, 20, 50, 100, 300)  # creations a second, for a minute
BURSTS = (16, 100, 300)  # creations at one moment
SEED = 7


@dataclass(frozen=True)
class Outcome:
    busy: float  # share of the creations that gave up
    attempts: float  # a creation
    median_ms: float
    slowest_ms: float  # of a hundred, the slowest


def simulate(arrivals: list[float], counters: int, chance: random.Random) -> Outcome:
    """Each creation writes one of the counters, chosen at random, as a file's id does."""
    free_at = [0.0] * counters
    queue = [(at, number, 0) for number, at in enumerate(arrivals)]
    waits, attempts, busy = [], 0, 0
    heapq.heapify(queue)
    counter_of = [chance.randrange(counters) for _ in arrivals]
    while queue:
        now, number, attempt = heapq.heappop(queue)
        attempts += 1
        if now >= free_at[counter_of[number]]:
            free_at[counter_of[number]] = now + HELD_SECONDS
            waits.append(now + HELD_SECONDS - arrivals[number])
        elif attempt == ATTEMPTS - 1:
            busy += 1
        else:
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
            heapq.heappush(queue, (now + REFUSAL_SECONDS + chance.uniform(0, longest), number, attempt + 1))
    waits.sort()
    median, slowest = (1000 * waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
    return Outcome(busy / len(arrivals), attempts / len(arrivals), median, slowest)


def steady(rate: int, chance: random.Random) -> list[float]:
    arrivals, now = [], 0.0
    while now < MINUTE:
        now += chance.expovariate(rate)
        arrivals.append(now)
    return arrivals


def burst(size: int, chance: random.Random) -> list[float]:
    return [chance.uniform(0, 0.05) for _ in range(size)]


def report() -> str:
    chance = random.Random(SEED)  # noqa: S311 - a calculation
    loads = {f"{rate} a second": steady(rate, chance) for rate in RATES}
    loads |= {f"{size} at once": burst(size, chance) for size in BURSTS}
    rows = []
    for load, arrivals in loads.items():
        for name, counters in (("one counter", 1), (f"{len(PURSES)} purses", len(PURSES))):
            it = simulate(arrivals, counters, chance)
            rows.append(
                [load, name, f"{it.busy:.1%}", f"{it.attempts:.2f}", f"{it.median_ms:.0f}", f"{it.slowest_ms:.0f}"]
            )
    head = ["creations of one account", "counted by", "answered 503", "attempts each", "p50 ms", "p99 ms"]
    return table(
        f"Contention: a calculation; a transaction holds its items for {HELD_SECONDS * 1000:.0f} ms", head, rows
    )
