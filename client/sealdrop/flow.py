"""What one transfer's threads share: how far it is, and whether it has been called off."""

import threading
from collections.abc import Callable
from typing import Protocol

from sealdrop.errors import SealdropError

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all), as stored; from several threads, but never by two at once."""

Tell = Callable[[str], object]
"""Called with a sentence for whoever waits for the transfer."""


class Cancelled(SealdropError):
    """Another part of the same transfer failed: its error is the one to report."""

    code = "cancelled"


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Flow:
    """Counts bytes and carries the signal to stop."""

    def __init__(self, total: int, progress: Progress | None = None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def add(self, count: int) -> None:
        """Count bytes; negative takes back those of a failed attempt."""
        with self._lock:
            self._done += count
            if self._progress is not None:
                self._progress(self._done, self._total)

    def stop(self) -> None:
        """Make every thread of the transfer end at its next step."""
        self._stop.set()

    def check(self) -> None:
        if self._stop.is_set():
            raise Cancelled("the transfer was called off")

    def sleep(self, seconds: float) -> None:
        """A pause that ends early where the transfer is called off."""
        self._stop.wait(seconds)
        self.check()


class Body:
    """A body on its way out: counts what is read of it, and stops where the transfer does."""

    def __init__(self, source: Readable, flow: Flow) -> None:
        self._source = source
        self._flow = flow
        self.sent = 0

    def read(self, size: int = -1) -> bytes:
        self._flow.check()
        data = self._source.read(size)
        self.sent += len(data)
        self._flow.add(len(data))
        return data
