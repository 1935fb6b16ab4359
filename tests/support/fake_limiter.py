"""The limiter in memory, and a thread pool without threads."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from chalicelib.domain.rate_limit import BucketRule, RateLimit
from tests.support.faults import Fake, port


class FakeLimiter(Fake):
    def __init__(self, rule: BucketRule | None = None) -> None:
        super().__init__()
        self.rule = rule or BucketRule(300)
        self.full_at: dict[str, int] = {}
        self._refused: dict[str, int] = {}

    @port
    def refused_from_memory(self, address: str, now_us: int) -> RateLimit | None:
        limit = self.rule.judge(self._refused.get(address, 0), now_us)
        return None if limit.allowed else limit

    @port
    def take(self, address: str, now_us: int) -> RateLimit:
        full_at = self.full_at.get(address, 0)
        limit = self.rule.judge(full_at, now_us)
        if not limit.allowed:
            self._refused[address] = full_at
            return limit
        self.full_at[address] = max(full_at, now_us) + self.rule.interval_us
        return self.rule.after_taking(self.full_at[address], now_us)


class InlinePool(Executor):
    """Does what it is given at once, in the caller's thread: tests see one order of events."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future carries it, as an executor's does
            future.set_exception(error)
        return future
