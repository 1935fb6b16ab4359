"""The limiter's arithmetic against a token bucket from the textbook, in fractions, and whose bucket an address is."""

import ipaddress
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.rate_limit import MICROSECONDS, BucketRule, address_key
from tests.support.fakes import FakeLimiter

START = 1_772_366_400 * MICROSECONDS
CAPACITIES = st.sampled_from([1, 2, 3, 7, 60, 299, 300, 301, 1000, 60_000])
GAPS = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 300_000), st.integers(0, 10**9)), min_size=1, max_size=60)


@dataclass
class Textbook:
    """Tokens as a number that grows with time: what the one-number form must be equal to."""

    capacity: int
    interval_us: int
    tokens: Fraction
    at: int

    def take(self, now: int) -> bool:
        self.tokens = min(Fraction(self.capacity), self.tokens + Fraction(now - self.at, self.interval_us))
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@given(CAPACITIES, GAPS)
def test_it_answers_what_the_textbook_answers(capacity: int, gaps: list[int]) -> None:
    rule = BucketRule(capacity)
    limiter, model, now = FakeLimiter(rule), Textbook(capacity, rule.interval_us, Fraction(capacity), START), START
    for gap in gaps:
        now += gap
        answer, allowed = limiter.take("a", now), model.take(now)
        assert answer.allowed == allowed
        assert answer.limit == capacity
        assert answer.remaining == floor(model.tokens)
        if not allowed:
            missing_us = ceil((1 - model.tokens) * rule.interval_us)
            assert answer.next_token_at_us == now + missing_us
            remembered = limiter.refused_from_memory("a", now)
            assert remembered == answer


@given(CAPACITIES, GAPS)
def test_a_refusal_ends_exactly_when_it_said(capacity: int, gaps: list[int]) -> None:
    limiter, now = FakeLimiter(BucketRule(capacity)), START
    for gap in gaps:
        now += gap
        answer = limiter.take("a", now)
        if not answer.allowed:
            assert not limiter.take("a", answer.next_token_at_us - 1).allowed
            assert limiter.take("a", answer.next_token_at_us).allowed
            now = answer.next_token_at_us


@given(CAPACITIES, st.lists(st.integers(START, START + 10**8), min_size=1, max_size=400))
def test_no_more_than_capacity_and_refill_is_ever_granted(capacity: int, moments: list[int]) -> None:
    """Also when containers' clocks differ, so that requests come out of order."""
    limiter = FakeLimiter(BucketRule(capacity))
    granted = sum(limiter.take("a", moment).allowed for moment in moments)
    passed_us = max(moments) - min(moments)
    assert granted <= capacity + Fraction(passed_us * capacity, 60 * MICROSECONDS)


def test_three_hundred_at_once_and_five_a_second() -> None:
    limiter = FakeLimiter(BucketRule(300))
    assert sum(limiter.take("a", START).allowed for _ in range(330)) == 300
    assert sum(limiter.take("a", START + MICROSECONDS).allowed for _ in range(330)) == 5
    assert sum(limiter.take("a", START + 61 * MICROSECONDS).allowed for _ in range(330)) == 300


def test_a_refused_request_takes_nothing() -> None:
    limiter = FakeLimiter(BucketRule(2))
    limiter.take("a", START)
    limiter.take("a", START)
    before = dict(limiter.full_at)
    assert not limiter.take("a", START).allowed
    assert limiter.full_at == before


def test_addresses_have_buckets_of_their_own() -> None:
    limiter = FakeLimiter(BucketRule(1))
    assert limiter.take("a", START).allowed
    assert limiter.take("b", START).allowed
    assert not limiter.take("a", START).allowed


@pytest.mark.parametrize("capacity", [1, 7, 300, 301, 60_000_001])
def test_rounding_errs_on_the_strict_side(capacity: int) -> None:
    assert BucketRule(capacity).interval_us * capacity >= 60 * MICROSECONDS


class TestAddressKey:
    @pytest.mark.parametrize(
        ("source", "key"),
        [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("fe80::1%eth0", "fe80::/64"),
            ("fe80::1%a/b\n", "fe80::/64"),
            ("", "unknown"),
            ("192.0.2.7, 10.0.0.1", "unknown"),
            ("192.0.2.007", "unknown"),
            ("not an address", "unknown"),
        ],
    )
    def test_of(self, source: str, key: str) -> None:
        assert address_key(source) == key

    @given(st.ip_addresses(v=6))
    def test_a_customer_of_ipv6_is_one_however_the_address_is_chosen(self, address: ipaddress.IPv6Address) -> None:
        neighbour = ipaddress.IPv6Address(int(address) ^ 0xFFFF_0000_0000_0001)
        if not address.ipv4_mapped and not neighbour.ipv4_mapped:
            assert address_key(str(address)) == address_key(str(neighbour))
        assert address_key(address.exploded) == address_key(str(address))

    @given(st.text(max_size=60))
    def test_any_text_has_a_bucket(self, text: str) -> None:
        assert address_key(text)
