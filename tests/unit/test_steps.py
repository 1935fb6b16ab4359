"""tests/support/steps.py: what counts as one step."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.hooks import HierarchicalEmitter

from tests.support import steps as module
from tests.support.steps import Steps

THREADS = 3


class Client:
    """As much of a boto3 client as is listened to."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(events=HierarchicalEmitter())

    def ask(self, operation: str) -> str:
        model = SimpleNamespace(name=operation, service_model=SimpleNamespace(service_id="S3"))
        self.meta.events.emit(f"before-call.s3.{operation}", model=model, params={})
        return operation


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def steps(client: Client) -> Iterator[Steps]:
    steps = Steps([client], THREADS)
    yield steps
    steps.shutdown()


def test_one_after_the_other(client: Client, steps: Steps) -> None:
    with steps.recording() as gone:
        client.ask("A")
        client.ask("B")
    assert gone == [["S3 A"], ["S3 B"]]


@pytest.mark.parametrize("_", range(20))
def test_what_can_go_together_does_however_the_threads_are_scheduled(client: Client, steps: Steps, _: int) -> None:
    with steps.recording() as gone:
        beside = steps.submit(client.ask, "B")
        client.ask("A")
        assert beside.result() == "B"
        client.ask("C")
    assert gone == [["S3 A", "S3 B"], ["S3 C"]]


def test_what_waits_for_a_task_comes_after_it(client: Client, steps: Steps) -> None:
    with steps.recording() as gone:
        first = steps.submit(client.ask, "A")
        slow = steps.submit(lambda: [client.ask("X"), client.ask("Y")])
        assert first.result() == "A"
        client.ask("B")
        assert slow.result() == ["X", "Y"]
        assert slow.result() == ["X", "Y"], "once more, when it is done"
    assert gone == [["S3 A", "S3 X"], ["S3 B", "S3 Y"]]


def test_more_tasks_than_threads_queue(client: Client, steps: Steps) -> None:
    with steps.recording() as gone:
        tasks = [steps.submit(client.ask, "A") for _ in range(THREADS + 2)]
        assert [task.result() for task in tasks] == ["A"] * (THREADS + 2)
    assert [len(step) for step in gone] == [THREADS, 2]


def test_a_task_that_nobody_waits_for_is_counted_all_the_same(client: Client, steps: Steps) -> None:
    with steps.recording() as gone:
        steps.submit(client.ask, "A")
    assert gone == [["S3 A"]]


def test_a_failure_reaches_who_waits(client: Client, steps: Steps) -> None:
    def fail() -> None:
        client.ask("A")
        raise LookupError("no")

    with steps.recording() as gone:
        task = steps.submit(fail)
        assert isinstance(task.exception(), LookupError)
        with pytest.raises(LookupError, match="no"):
            task.result()
    assert gone == [["S3 A"]]


def test_nothing_is_held_outside_of_a_recording(client: Client, steps: Steps) -> None:
    with steps.recording() as gone:
        client.ask("A")
    assert client.ask("B") == "B"
    assert gone == [["S3 A"]]


def test_a_wait_for_anything_else_is_an_error(client: Client, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    never = threading.Event()
    with steps.recording():
        stuck = steps.submit(never.wait)
        with pytest.raises(AssertionError, match="neither AWS nor a task"):
            client.ask("A")
        never.set()
        assert stuck.result() is True


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"TableName": "t", "Key": {"ip": {"S": "192.0.2.1"}}}, ["rate limit"]),
        ({"TableName": "t", "Key": {"pk": {"S": "TOKEN#1"}, "sk": {"S": "TOKEN"}}}, ["TOKEN"]),
        ({"TableName": "t", "Item": {"pk": {"S": "FILE#1"}}}, ["FILE"]),
        ({"TableName": "t", "IndexName": "listing"}, ["index listing"]),
        ({"RequestItems": {"t": {"Keys": [{"pk": {"S": "FILE#1"}}, {"pk": {"S": "FILE#2"}}]}}}, ["FILE"]),
        (
            {"TransactItems": [{"Put": {"Item": {"pk": {"S": "USER#1"}}}}, {"Update": {"Key": {"pk": {"S": "A#1"}}}}]},
            ["A", "USER"],
        ),
    ],
)
def test_items_are_named_by_kind(body: dict[str, Any], said: list[str]) -> None:
    assert module._items(body) == said
