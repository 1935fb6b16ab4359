"""The rate limit's bucket of each address."""

from typing import Protocol

from chalicelib.domain.rate_limit import RateLimit


class Limiter(Protocol):
    def refused_from_memory(self, address: str, now_us: int) -> RateLimit | None:
        """The refusal that is still true of this address, found without any call; else None."""

    def take(self, address: str, now_us: int) -> RateLimit:
        """Take one token, if there is one, in one atomic write. A refused request takes none."""
