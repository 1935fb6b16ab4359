"""From the table's stream to the function, as Lambda's poller has it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from chalice.app import Chalice

from infra.local import stream_pump
from infra.local.functions import Functions
from infra.local.pump import running
from infra.local.stack import EmulatedAws
from infra.local.stream_pump import StreamPump, StreamSource, stream_sources

PLACEHOLDER = "arn:aws:dynamodb:eu-west-1:000000000000:table/placeholder/stream/placeholder"


class Consumer:
    """An app whose on_change does what it is told, a table with a stream, and a pump between them."""

    def __init__(self, aws: EmulatedAws, stream_arn: str, **changes: Any) -> None:
        self.batches: list[list[str]] = []
        self.records: list[Any] = []
        self.answer: Callable[[list[Any]], Any] = lambda _: None
        self.letters: list[Any] = []
        self.now = time.time()
        app = Chalice("consumer")

        @app.on_dynamodb_record(stream_arn=PLACEHOLDER, name="on_change")
        def on_change(event: Any) -> Any:
            records = event.to_dict()["Records"]
            assert [record.keys for record in event] == [record["dynamodb"]["Keys"] for record in records]
            self.records += records
            self.batches.append([_name(record) for record in records])
            return self.answer(records)

        source = replace(StreamSource("on_change", stream_arn, 10, 1, True, True, 3, 3600, ""), **changes)
        streams = aws.clients("dynamodbstreams")
        bury = lambda text: self.letters.append(json.loads(text))  # noqa: E731 - reads better in one place
        self.pump = StreamPump(source, streams, bury, Functions(app), lambda: self.now)
        self.dynamodb = aws.clients("dynamodb")

    def put(self, *names: str, **attributes: Any) -> None:
        for name in names:
            self.dynamodb.put_item(TableName="streamed", Item={"pk": {"S": name[0]}, "name": {"S": name}, **attributes})

    def drain(self, rounds: int = 40) -> None:
        """Time flies: what waits is tried again at once."""
        for _ in range(rounds):
            self.pump.once()
            self.now += 61
            if not any(lane.batches for lane in self.pump._lanes):
                return


def _name(record: Any) -> str:
    images = record["dynamodb"]
    return str(images.get("NewImage", images.get("OldImage"))["name"]["S"])


def _failing(*names: str) -> Callable[[list[Any]], Any]:
    """Reports what is named so, as handlers do."""

    def answer(records: list[Any]) -> Any:
        failed = [record["dynamodb"]["SequenceNumber"] for record in records if _name(record) in names]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    return answer


def _raising(*names: str) -> Callable[[list[Any]], Any]:
    def answer(records: list[Any]) -> Any:
        if any(_name(record) in names for record in records):
            raise RuntimeError("on purpose")

    return answer


@pytest.fixture
def stream_arn(aws: EmulatedAws) -> Iterator[str]:
    made = aws.clients("dynamodb").create_table(
        TableName="streamed",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    yield made["TableDescription"]["LatestStreamArn"]
    aws.clients("dynamodb").delete_table(TableName="streamed")


@pytest.fixture
def consumer(aws: EmulatedAws, stream_arn: str) -> Consumer:
    return Consumer(aws, stream_arn)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


class TestRecords:
    def test_they_are_lambdas(self, consumer: Consumer, stream_arn: str) -> None:
        consumer.put("a", blob={"B": b"\x00\xff"}, inner={"M": {"blob": {"B": b"\x01"}}})
        consumer.pump.once()
        (record,) = consumer.records
        assert record["eventName"] == "INSERT"
        assert (record["eventSource"], record["awsRegion"]) == ("aws:dynamodb", "eu-west-1")
        assert record["eventSourceARN"] == stream_arn
        assert record["eventID"]
        change = record["dynamodb"]
        assert change["Keys"] == {"pk": {"S": "a"}}
        assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert abs(change["ApproximateCreationDateTime"] - time.time()) < 60
        assert change["NewImage"]["blob"] == {"B": "AP8="}  # as JSON carries bytes
        assert change["NewImage"]["inner"]["M"]["blob"] == {"B": "AQ=="}
        assert "OldImage" not in change

    def test_made_changed_removed(self, consumer: Consumer) -> None:
        consumer.put("a1", "a2")
        consumer.dynamodb.update_item(
            TableName="streamed",
            Key={"pk": {"S": "a"}},
            UpdateExpression="SET #name = :name",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":name": {"S": "a3"}},
        )
        consumer.dynamodb.delete_item(TableName="streamed", Key={"pk": {"S": "a"}})
        consumer.pump.once()
        told = [(it["eventName"], *(sorted({"OldImage", "NewImage"} & set(it["dynamodb"])))) for it in consumer.records]
        both = ("NewImage", "OldImage")
        assert told == [("INSERT", "NewImage"), ("MODIFY", *both), ("MODIFY", *both), ("REMOVE", "OldImage")]
        assert consumer.batches == [["a1", "a2", "a3", "a3"]]
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in consumer.records]
        assert numbers == sorted(set(numbers))

    def test_a_write_that_changes_nothing_is_not_told(self, consumer: Consumer) -> None:
        consumer.put("a", "a", "b")
        consumer.pump.once()
        assert consumer.batches == [["a", "b"]]

    def test_nothing_of_a_cancelled_transaction_is_told_and_what_follows_is(self, consumer: Consumer) -> None:
        consumer.put("a1")
        consumer.pump.once()
        new = {"TableName": "streamed", "ConditionExpression": "attribute_not_exists(pk)"}
        puts = [{"Put": {**new, "Item": {"pk": {"S": name[0]}, "name": {"S": name}}}} for name in ("b1", "c1", "a2")]
        with pytest.raises(ClientError, match="TransactionCanceled"):
            consumer.dynamodb.transact_write_items(TransactItems=puts)
        assert [it["name"]["S"] for it in consumer.dynamodb.scan(TableName="streamed")["Items"]] == ["a1"]
        consumer.pump.once()
        consumer.dynamodb.transact_write_items(TransactItems=puts[:2])
        consumer.pump.once()
        assert consumer.batches == [["a1"], ["b1", "c1"]]

    def test_a_cancelled_transaction_leaves_what_it_would_have_changed(self, consumer: Consumer) -> None:
        consumer.put("a1", "b1")
        key = {"TableName": "streamed", "Key": {"pk": {"S": "a"}}}
        values = {":old": {"S": "another"}}
        update = {
            **key,
            "UpdateExpression": "SET #n = :new",
            "ExpressionAttributeNames": {"#n": "name"},
            "ExpressionAttributeValues": {":new": {"S": "a2"}},
        }
        never = {"TableName": "streamed", "Key": {"pk": {"S": "b"}}, "ExpressionAttributeNames": {"#n": "name"}}
        check = {"ConditionCheck": {**never, "ConditionExpression": "#n = :old", "ExpressionAttributeValues": values}}
        for change in ({"Update": update}, {"Delete": key}):
            with pytest.raises(ClientError, match="TransactionCanceled"):
                consumer.dynamodb.transact_write_items(TransactItems=[change, check])
            assert consumer.dynamodb.get_item(TableName="streamed", Key=key["Key"])["Item"]["name"] == {"S": "a1"}


class TestDelivery:
    def test_once_and_in_order(self, consumer: Consumer) -> None:
        consumer.put(*(f"a{number}" for number in range(25)))
        consumer.drain()
        assert [len(batch) for batch in consumer.batches] == [10, 10, 5]
        assert [name for batch in consumer.batches for name in batch] == [f"a{number}" for number in range(25)]

    def test_the_reported_record_and_those_after_it_come_again(self, consumer: Consumer) -> None:
        consumer.put("a", "b", "c", "d")
        consumer.answer = _failing("b", "c")
        assert consumer.pump.once() == 1
        consumer.answer = _failing("d")
        assert consumer.pump.once() == 2
        consumer.answer = _failing()
        consumer.drain()
        assert consumer.batches == [["a", "b", "c", "d"], ["b", "c", "d"], ["d"]]

    @pytest.mark.parametrize(
        "answer",
        [
            _raising("a", "b"),
            lambda _: {"batchItemFailures": [{"itemIdentifier": "another"}]},
            lambda _: {"batchItemFailures": [{}]},
            lambda _: "done",
        ],
        ids=["raises", "unknown number", "no number", "text"],
    )
    def test_a_failed_batch_is_halved_and_comes_again(self, consumer: Consumer, answer: Any) -> None:
        consumer.answer = answer
        consumer.put("a", "b")
        assert (consumer.pump.once(), consumer.pump.once()) == (0, 0)
        assert consumer.batches == [["a", "b"], ["a"]]
        consumer.answer = lambda _: None
        consumer.drain()
        assert consumer.batches[2:] == [["a"], ["b"]]

    def test_a_poisonous_record_is_given_up_alone(self, consumer: Consumer, stream_arn: str) -> None:
        consumer.put(*"abcde")
        consumer.answer = _raising("c")
        consumer.drain()
        assert [batch for batch in consumer.batches if "c" not in batch] == [["a", "b"], ["d", "e"]]
        assert consumer.batches.count(["c"]) == 4  # once, and MaximumRetryAttempts
        (letter,) = consumer.letters
        assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
        told, number = (
            letter["DDBStreamBatchInfo"],
            next(it["dynamodb"]["SequenceNumber"] for it in consumer.records if _name(it) == "c"),
        )
        assert (told["startSequenceNumber"], told["endSequenceNumber"], told["batchSize"]) == (number, number, 1)
        assert told["streamArn"] == stream_arn
        assert "c" not in letter.values()

    def test_without_a_bound_it_is_tried_until_it_is_too_old(self, aws: EmulatedAws, stream_arn: str) -> None:
        consumer = Consumer(aws, stream_arn, most_retries=-1, oldest_seconds=600)
        consumer.put("a")
        consumer.answer = _raising("a")
        consumer.drain()
        assert len(consumer.batches) > 5
        assert [letter["requestContext"]["condition"] for letter in consumer.letters] == ["RecordAgeExceeded"]

    def test_a_retry_waits_longer_each_time(self, consumer: Consumer) -> None:
        consumer.put("a")
        consumer.answer = _raising("a")
        consumer.pump.once()
        consumer.pump.once()
        assert len(consumer.batches) == 1
        consumer.now += 0.5
        consumer.pump.once()
        consumer.now += 0.5
        consumer.pump.once()
        assert len(consumer.batches) == 2

    def test_one_lane_waits_and_the_others_go_on(self, aws: EmulatedAws, stream_arn: str) -> None:
        consumer = Consumer(aws, stream_arn, lanes=8, most_retries=-1)
        consumer.answer = _raising("a1", "a2")
        consumer.put("a1")
        consumer.pump.once()
        consumer.put("a2", *"bcdefgh")
        consumer.pump.once()
        told = {name for batch in consumer.batches for name in batch}
        assert "a2" not in told  # the same item's next change: not before the first is done with
        assert len(told & set("bcdefgh")) >= 4
        consumer.answer = lambda _: None
        consumer.drain()
        told = [name for batch in consumer.batches for name in batch]
        assert set(told) == {"a1", "a2", *"bcdefgh"}
        assert told.index("a2") > max(place for place, name in enumerate(told) if name == "a1")

    def test_without_the_report_an_answer_is_success(self, aws: EmulatedAws, stream_arn: str) -> None:
        consumer = Consumer(aws, stream_arn, reports_failures=False)
        consumer.answer = _failing("a")
        consumer.put("a")
        assert consumer.pump.once() == 1

    def test_it_goes_on_where_it_was_after_the_stream_could_not_be_read(
        self, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        streams = consumer.pump._streams
        read, failures = streams.get_records, [EndpointConnectionError(endpoint_url="x")]

        def flaky(**arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return read(**arguments)

        consumer.put("a")
        consumer.pump.once()
        monkeypatch.setattr(streams, "get_records", flaky)
        monkeypatch.setattr(stream_pump, "_POLL_SECONDS", 0.001)
        consumer.put("b")
        with running([consumer.pump.run]):
            until(lambda: len(consumer.batches) == 2, "the change to be delivered")
        assert consumer.batches == [["a"], ["b"]]

    def test_a_stop_is_prompt(self, consumer: Consumer) -> None:
        with running([consumer.pump.run]):
            started = time.monotonic()
        assert time.monotonic() - started < 2


class TestSources:
    def test_ours(self, aws: EmulatedAws) -> None:
        """app.py names a placeholder, overrides.yaml the stream and the bounds: together they are one source."""
        from app import app

        (source,) = stream_sources(app, aws.overrides)
        described = aws.clients("dynamodb").describe_table(TableName=aws.metadata_table)["Table"]
        assert source.stream_arn == described["LatestStreamArn"]
        assert (source.function, source.reports_failures, source.halves_batches) == ("on_change", True, True)
        assert source.oldest_seconds < 24 * 3600  # what is given up is in the stream for a while yet
        assert source.dead_letters_arn.endswith("-change-dead")

    def test_a_source_that_overrides_does_not_name(self) -> None:
        app = Chalice("x")
        app.on_dynamodb_record(stream_arn=PLACEHOLDER, name="other")(lambda _: None)
        with pytest.raises(KeyError, match="Other"):
            stream_sources(app, {})
