"""When to try again, and how long to wait before it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

MOST_SECONDS_ASKED = 90.0  # a service that asks for a longer pause gets an error in front of its user instead


def pause(seconds: float) -> None:
    time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with full jitter: `tries` attempts, the n-th pause up to `base_seconds` * 2^n."""

    tries: int = 6
    base_seconds: float = 0.4
    cap_seconds: float = 20.0

    def attempts(self, sleep: Callable[[float], None] | None = None) -> "Attempts":
        return Attempts(self, sleep)

    def longest_pauses(self) -> Iterator[float]:
        """The upper bound of the pause after each failed attempt but the last, in seconds."""
        for attempt in range(self.tries - 1):
            yield min(self.cap_seconds, self.base_seconds * 2**attempt)


class Attempts:
    """The attempts at one request."""

    def __init__(self, retry: Retry, sleep: Callable[[float], None] | None) -> None:
        self._left = retry.longest_pauses()
        self._sleep = sleep or pause

    def wait(self, asked_seconds: float | None = None) -> bool:
        """Sleep before the next attempt. False where there is none: too many, or too long a pause is asked for."""
        longest = next(self._left, None)
        if longest is None or (asked_seconds or 0) > MOST_SECONDS_ASKED:
            return False
        jitter = random.uniform(0, longest)  # noqa: S311 - spreads load, guards nothing
        self._sleep((asked_seconds or 0) + jitter)
        return True


def asked_seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in whole seconds; its rarer form, a date, counts as not given."""
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() and len(value) <= 9 else None
