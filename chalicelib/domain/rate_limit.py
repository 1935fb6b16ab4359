"""A token bucket per address, kept as one number: the moment at which the bucket will be full again.

With `interval` the time one token takes to come back, a bucket that is full again at F holds, at `now`,
`capacity - max(0, F - now) / interval` tokens, and taking one moves F by one interval. One number can be moved by
one conditional write, so the limit is exact however many requests arrive at once. All times are whole microseconds.
"""

import ipaddress
from dataclasses import dataclass

MICROSECONDS = 1_000_000
WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a request is told about its bucket."""

    allowed: bool
    limit: int
    remaining: int
    next_token_at_us: int  # when the next request will be let through; now, unless refused


@dataclass(frozen=True, slots=True)
class BucketRule:
    capacity: int  # requests a full bucket holds; as many come back in WINDOW_SECONDS

    @property
    def interval_us(self) -> int:
        """Time for one token to come back, rounded up: the limit errs on the strict side."""
        return -(-WINDOW_SECONDS * MICROSECONDS // self.capacity)

    def latest_full_at(self, now_us: int) -> int:
        """The largest `full_at` at which the bucket still holds a whole token."""
        return now_us + (self.capacity - 1) * self.interval_us

    def judge(self, full_at_us: int, now_us: int) -> RateLimit:
        """What a bucket in this state answers to a request that has not taken its token."""
        if full_at_us > self.latest_full_at(now_us):
            next_token_at = full_at_us - (self.capacity - 1) * self.interval_us
            return RateLimit(False, self.capacity, 0, next_token_at)
        return RateLimit(True, self.capacity, self._tokens(full_at_us, now_us), now_us)

    def after_taking(self, full_at_us: int, now_us: int) -> RateLimit:
        """What a request is told that has just moved the bucket to `full_at_us`."""
        return RateLimit(True, self.capacity, self._tokens(full_at_us, now_us), now_us)

    def _tokens(self, full_at_us: int, now_us: int) -> int:
        missing_us = max(0, full_at_us - now_us)
        return max(0, (self.capacity * self.interval_us - missing_us) // self.interval_us)


def address_key(source_ip: str) -> str:
    """The part of an address that one customer holds: all of an IPv4 address, the /64 of an IPv6 one."""
    try:
        address = ipaddress.ip_address(source_ip.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
