"""How many AWS calls a request makes, and how many it has to wait for one after the other.

Every call is held until nothing else of the request can move: each of its threads waits for AWS, or for a task in the
pool. All that are held then go together, which is one step. So a step is what a network would make the caller wait
once for, if every call took equally long, and no clock has a say in it: a call that could have gone earlier, but for
the order in the code, counts as later.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

PATIENCE_SECONDS = 30  # after it a request hangs for good: no figure comes of it

Step = list[str]  # its calls, sorted: they go at the same time


class Steps(Executor):
    """Stands in for the service's pool, with as many threads, because it has to know who waits for whom."""

    def __init__(self, clients: Sequence[Any], threads: int) -> None:
        self._clients, self._threads = clients, threads
        self._workers = ThreadPoolExecutor(threads)
        self._turn = threading.Condition(threading.RLock())
        self._tasks = 0  # handed in and not done
        self._waiting = 0  # threads of the request: the caller's own, and those of its tasks
        self._held: Step = []
        self._gone: list[Step] = []

    @contextmanager
    def recording(self) -> Iterator[list[Step]]:
        """What is called in this block. Everything that was begun has ended when it is left."""
        self._gone = gone = []
        for client in self._clients:
            client.meta.events.register_first("before-call", self._hold)
        try:
            yield gone
            with self._turn:
                self._waiting += 1
                self._go_on()
                self._wait(lambda: not self._tasks)
                self._waiting -= 1
        finally:
            for client in self._clients:
                client.meta.events.unregister("before-call", self._hold)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        task = _Task(self)
        with self._turn:
            self._tasks += 1
        self._workers.submit(self._run, task, partial(fn, *args, **kwargs))
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._workers.shutdown(wait, cancel_futures=cancel_futures)

    def await_task(self, task: "_Task") -> None:
        with self._turn:
            if not task.done():
                task.waiters += 1
                self._waiting += 1
                self._go_on()
                self._wait(task.done)

    def _run(self, task: "_Task", work: Callable[[], Any]) -> None:
        try:
            end = partial(task.set_result, work())
        except BaseException as error:  # noqa: BLE001 - the task carries it, as an executor's does
            end = partial(task.set_exception, error)
        with self._turn:  # at one moment: else those who wait for it would seem to wait still
            end()
            self._tasks -= 1
            self._waiting -= task.waiters
            self._go_on()

    def _hold(self, *, model: Any, params: Any, **_: Any) -> None:
        with self._turn:
            step = len(self._gone)
            self._held.append(describe(model, params))
            self._waiting += 1
            self._go_on()
            self._wait(lambda: len(self._gone) > step)

    def _go_on(self) -> None:
        """Let the step go when nobody can add to it."""
        if self._held and self._waiting == 1 + min(self._tasks, self._threads):
            self._waiting -= len(self._held)
            self._gone.append(sorted(self._held))
            self._held = []
        self._turn.notify_all()

    def _wait(self, until: Callable[[], bool]) -> None:
        if not self._turn.wait_for(until, PATIENCE_SECONDS):
            raise AssertionError("the request waits for something that is neither AWS nor a task of the pool")


class _Task(Future[Any]):
    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps, self.waiters = steps, 0

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - as a Future has it
        self._steps.await_task(self)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:  # noqa: ARG002 - as a Future has it
        self._steps.await_task(self)
        return super().exception(0)


def describe(model: Any, request: Any) -> str:
    """The operation, and for DynamoDB what kinds of items it is about: `DynamoDB GetItem TOKEN`."""
    service = model.service_model.service_id
    what = _items(json.loads(request["body"])) if service == "DynamoDB" else []
    return " ".join([service, model.name, *what])


def _items(body: dict[str, Any]) -> list[str]:
    """The names before the `#` of the keys; the index of a query; the rate limit's table has but one kind of item."""
    if "TransactItems" in body:
        writes = [next(iter(entry.values())) for entry in body["TransactItems"]]
        return sorted({name for write in writes for name in _items(write)})
    if "RequestItems" in body:
        (asked,) = body["RequestItems"].values()
        if isinstance(asked, list):  # a batch of writes, of which the search table alone has any
            return ["postings"]
        return sorted({_prefix(key) for key in asked["Keys"]})
    if "IndexName" in body:
        return [f"index {body['IndexName']}"]
    return [_prefix(body.get("Key") or body["Item"])]


def _prefix(key: dict[str, Any]) -> str:
    if "id" in key:  # of the audit log
        return "HEAD" if key["id"]["S"].startswith("HEAD#") else "event"
    return str(key["pk"]["S"]).partition("#")[0] if "pk" in key else "rate limit"
