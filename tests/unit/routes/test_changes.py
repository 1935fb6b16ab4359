"""on_change: from the stream's records to the consumers, and which changes are told again."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

import app as table_of_contents
from chalicelib.adapters.dynamo_changes import read_change
from chalicelib.ports import Change
from chalicelib.routes import triggers
from tests.support.app_client import LambdaContext

CONTEXT = LambdaContext("11111111-2222-4333-8444-555555555555")


def record(number: int, name: str = "INSERT", **images: Any) -> dict[str, Any]:
    change = {
        "ApproximateCreationDateTime": 1772366400.0,
        "Keys": {"pk": {"S": f"FILE#{number}"}, "sk": {"S": "FILE"}},
        "SequenceNumber": f"{number:05}",
        "SizeBytes": 1,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        **(images or {"NewImage": {"pk": {"S": f"FILE#{number}"}, "sk": {"S": "FILE"}}}),
    }
    return {
        "eventID": f"event-{number}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/s",
    }


def deliver(count: int) -> Any:
    return table_of_contents.on_change({"Records": [record(number) for number in range(count)]}, CONTEXT)


class Told:
    """A consumer that remembers, and fails at what it is told to."""

    def __init__(self, *bad: str, batches_too: bool = True) -> None:
        self.bad, self.batches_too, self.batches = set(bad), batches_too, list[list[str]]()

    def __call__(self, changes: Sequence[Change]) -> None:
        self.batches.append([change.id for change in changes])
        if self.batches_too or len(changes) == 1:
            for change in changes:
                if change.id in self.bad:
                    raise RuntimeError(f"secret {change.id}")


@pytest.fixture
def consumers(world, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    return lambda *given: monkeypatch.setattr(triggers, "_consumers", lambda: given)


class TestReading:
    def test_every_kind_of_value(self) -> None:
        new = {
            "pk": {"S": "FILE#1"},
            "number": {"N": "5"},
            "blob": {"B": "AP8="},
            "blobs": {"BS": ["AQ==", "Ag=="]},
            "names": {"SS": ["a"]},
            "yes": {"BOOL": True},
            "none": {"NULL": True},
            "inner": {"M": {"list": {"L": [{"B": "AQ=="}, {"N": "2"}]}}},
        }
        change = read_change(record(1, NewImage=new))
        assert change.new == {
            "pk": "FILE#1",
            "number": 5,
            "blob": b"\x00\xff",
            "blobs": {b"\x01", b"\x02"},
            "names": {"a"},
            "yes": True,
            "none": None,
            "inner": {"list": [b"\x01", 2]},
        }
        assert (change.id, change.sequence, change.pk, change.sk) == ("event-1", "00001", "FILE#1", "FILE")
        assert change.at == datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert change.old is None

    def test_a_removal(self) -> None:
        change = read_change(record(1, "REMOVE", OldImage={"pk": {"S": "FILE#1"}}))
        assert (change.old, change.new, change.expired) == ({"pk": "FILE#1"}, None, False)

    def test_a_removal_by_the_tables_own_ttl(self) -> None:
        identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        removed = record(1, "REMOVE", OldImage={"pk": {"S": "FILE#1"}})
        assert read_change(removed | {"userIdentity": identity}).expired
        assert not read_change(removed | {"userIdentity": identity | {"principalId": "somebody"}}).expired


class TestFailures:
    def test_every_consumer_is_told_the_batch(self, consumers) -> None:
        one, two = Told(), Told()
        consumers(one, two)
        assert deliver(3) == {"batchItemFailures": []}
        assert one.batches == two.batches == [["event-0", "event-1", "event-2"]]

    def test_the_first_failure_of_all_is_reported(self, consumers) -> None:
        consumers(Told("event-3"), Told(), Told("event-2", "event-4"))
        assert deliver(5) == {"batchItemFailures": [{"itemIdentifier": "00002"}]}

    def test_one_consumers_failure_does_not_keep_the_others_waiting(self, consumers) -> None:
        late = Told()
        consumers(Told("event-0"), late)
        with pytest.raises(triggers.ChangeFailed):
            deliver(2)
        assert late.batches == [["event-0", "event-1"]]

    def test_after_its_failure_a_consumer_is_told_nothing_more(self, consumers) -> None:
        """A later change of the same record must not overtake the one that failed."""
        told = Told("event-1")
        consumers(told)
        deliver(4)
        assert told.batches[1:] == [["event-0"], ["event-1"]]

    def test_a_failure_of_the_batch_alone_is_none_of_its_changes(self, consumers) -> None:
        told = Told("event-1", batches_too=True)
        consumers(told)
        told.bad = set()

        def only_one(changes: Sequence[Change]) -> None:
            if len(changes) > 1:
                raise RuntimeError("too many")

        consumers(only_one, told)
        assert deliver(3) == {"batchItemFailures": []}

    @pytest.mark.parametrize("count", [1, 3])
    def test_when_the_first_fails_the_batch_is_given_back_to_be_halved(self, consumers, count: int) -> None:
        consumers(Told("event-0"))
        with pytest.raises(triggers.ChangeFailed):
            deliver(count)

    def test_s1_the_log_says_which_and_where_but_not_what(self, consumers, capsys) -> None:
        consumers(Told("event-1"))
        deliver(2)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line["event"] for line in lines] == ["batch_failed", "change_failed", "changes"]
        assert (lines[1]["change"], lines[1]["sequence"], lines[1]["error"]) == ("event-1", "00001", "RuntimeError")
        assert (lines[2]["Changes"], lines[2]["ChangesUndone"]) == (2, 1)
        assert "secret" not in json.dumps(lines)
