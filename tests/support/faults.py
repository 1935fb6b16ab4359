"""What all fakes share: a lock that makes each port method atomic, a list of calls, and accidents on demand.

files.before("save", raises(StaleRecord()))   # the next save fails, nothing is stored
files.after("save", raises(Busy()))           # the next save is stored, and then the answer is lost
files.before("save", rival)                   # somebody else acts between a read and this save
"""

import functools
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any, TypeVar, cast

Action = Callable[[], object]
Method = TypeVar("Method", bound=Callable[..., Any])


def raises(error: BaseException) -> Action:
    def act() -> None:
        raise error

    return act


class Fake:
    """An accident happens once; plan it again to have it again. Accidents run outside the lock, so they may act."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._lock = threading.RLock()
        self._planned: dict[tuple[str, str], deque[Action]] = defaultdict(deque)

    def before(self, method: str, *actions: Action) -> None:
        self._plan("before", method, actions)

    def after(self, method: str, *actions: Action) -> None:
        self._plan("after", method, actions)

    def _plan(self, moment: str, method: str, actions: tuple[Action, ...]) -> None:
        if not hasattr(type(self), method):
            raise AttributeError(f"{type(self).__name__} has no {method}")
        self._planned[moment, method].extend(actions)

    def _meet(self, moment: str, method: str) -> None:
        with self._lock:
            planned = self._planned[moment, method]
            action = planned.popleft() if planned else None
        if action:
            action()


def port(method: Method) -> Method:
    """Marks a method of the port: counted, atomic, and open to accidents."""

    @functools.wraps(method)
    def call(self: Fake, *args: Any, **kwargs: Any) -> Any:
        self._meet("before", method.__name__)
        with self._lock:
            self.calls.append(method.__name__)
            answer = method(self, *args, **kwargs)
        self._meet("after", method.__name__)
        return answer

    return cast(Method, call)
