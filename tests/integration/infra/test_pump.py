"""From the queue to the function, as Lambda's poller has it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.app import Chalice, Cron, Rate

from infra.local import pump
from infra.local.functions import Functions
from infra.local.pump import QueuePump, QueueSource, Ticker, period_seconds, queue_sources, running
from infra.local.stack import EmulatedAws

PLACEHOLDER = "arn:aws:sqs:eu-west-1:000000000000:placeholder"


class Consumer:
    """An app whose on_upload does what it is told, and a pump that feeds it."""

    def __init__(self, aws: EmulatedAws, url: str, arn: str, *, reports: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.events: list[Any] = []
        self.answer: Callable[[list[Any]], Any] = lambda _: {"batchItemFailures": []}
        app = Chalice("consumer")

        @app.on_sqs_message(queue_arn=PLACEHOLDER, batch_size=10, name="on_upload")
        def on_upload(event: Any) -> Any:
            records = [record.to_dict() for record in event]
            self.events.append(event.to_dict())
            self.batches.append([record["body"] for record in records])
            return self.answer(records)

        self.sqs, self.url = aws.clients("sqs"), url
        source = QueueSource("on_upload", url, arn, 10, reports)
        self.pump = QueuePump(source, self.sqs, Functions(app), aws.region)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)


@pytest.fixture
def queue(aws: EmulatedAws) -> Iterator[tuple[str, str, str]]:
    """Like ours, but what failed comes again at once, and for the third time never."""
    sqs = aws.clients("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})
    attributes = {"VisibilityTimeout": "0", "RedrivePolicy": redrive}
    url = sqs.create_queue(QueueName="work", Attributes=attributes)["QueueUrl"]
    yield url, url.rsplit("/", 1)[-1], dead
    sqs.delete_queue(QueueUrl=url)
    sqs.delete_queue(QueueUrl=dead)


@pytest.fixture
def consumer(aws: EmulatedAws, queue: tuple[str, str, str]) -> Consumer:
    return Consumer(aws, queue[0], "arn:aws:sqs:eu-west-1:123456789012:work")


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def test_delivered_once_and_gone(consumer: Consumer) -> None:
    consumer.send("one", "two")
    assert consumer.pump.once() == 2
    assert (consumer.batches, consumer.left()) == ([["one", "two"]], 0)


def test_the_event_is_lambdas(consumer: Consumer) -> None:
    consumer.send("text")
    consumer.pump.once()
    (record,) = consumer.events[0]["Records"]
    assert {"messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody"} <= set(record)
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "eu-west-1")
    assert record["eventSourceARN"] == "arn:aws:sqs:eu-west-1:123456789012:work"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_only_what_failed_comes_again(consumer: Consumer) -> None:
    def fail_bad(records: list[Any]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": it["messageId"]} for it in records if it["body"] == "bad"]}

    consumer.answer = fail_bad
    consumer.send("good", "bad", "fine")
    assert consumer.pump.once() == 2
    consumer.answer = lambda _: None
    assert consumer.pump.once() == 1
    assert consumer.batches == [["good", "bad", "fine"], ["bad"]]
    assert consumer.left() == 0


def _crash(_: list[Any]) -> Any:
    raise RuntimeError("on purpose")


@pytest.mark.parametrize(
    "answer",
    [
        _crash,
        lambda _: {"batchItemFailures": [{"itemIdentifier": ""}]},
        lambda _: {"batchItemFailures": [{"itemIdentifier": "another"}]},
        lambda _: {"batchItemFailures": [{}]},
        lambda _: {"batchItemFailures": 3},
        lambda _: "done",
        lambda _: object(),
    ],
    ids=["crash", "empty id", "unknown id", "no id", "no list", "text", "not JSON"],
)
def test_the_whole_batch_comes_again(consumer: Consumer, answer: Callable[[list[Any]], Any]) -> None:
    consumer.answer = answer
    consumer.send("one", "two")
    assert consumer.pump.once() == 0
    assert consumer.left() == 2


def test_without_the_report_an_answer_is_success(aws: EmulatedAws, queue: tuple[str, str, str]) -> None:
    consumer = Consumer(aws, queue[0], "arn", reports=False)
    consumer.answer = lambda records: {"batchItemFailures": [{"itemIdentifier": it["messageId"]} for it in records]}
    consumer.send("one")
    assert consumer.pump.once() == 1


def test_a_poisonous_message_ends_among_the_dead_letters(consumer: Consumer, queue: tuple[str, str, str]) -> None:
    consumer.answer = _crash
    consumer.send("poison")
    with running([consumer.pump.run]):
        until(lambda: consumer.left() == 0, "the message to leave the queue")
    dead = consumer.sqs.receive_message(QueueUrl=queue[2])["Messages"]
    assert [message["Body"] for message in dead] == ["poison"]
    assert len(consumer.batches) == 3  # maxReceiveCount


def test_it_goes_on_after_the_queue_could_not_be_read(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import EndpointConnectionError

    receive, failures = consumer.sqs.receive_message, [EndpointConnectionError(endpoint_url="x")]

    def flaky(**arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return receive(**arguments)

    monkeypatch.setattr(consumer.sqs, "receive_message", flaky)
    monkeypatch.setattr(pump, "_POLL_SECONDS", 0)
    consumer.send("later")
    with running([consumer.pump.run]):
        until(lambda: consumer.batches == [["later"]], "the message to be delivered")


def test_a_stop_is_prompt(consumer: Consumer) -> None:
    with running([consumer.pump.run]):
        started = time.monotonic()
    assert time.monotonic() - started < 3  # one poll of a second, and a slow machine


def test_from_a_presigned_put_to_the_function(aws: EmulatedAws) -> None:
    consumer = Consumer(aws, aws.queue_url, aws.queue_arn)
    aws.clients("sqs").purge_queue(QueueUrl=aws.queue_url)
    with running([consumer.pump.run]):
        aws.clients("s3").put_object(Bucket=aws.bucket, Key="files/through", Body=b"x")
        until(lambda: bool(consumer.batches), "the event to arrive")
    assert json.loads(consumer.batches[0][0])["detail"]["object"]["key"] == "files/through"


class TestSources:
    def test_ours(self, aws: EmulatedAws) -> None:
        """app.py names a placeholder, overrides.yaml the queue: together they are one source."""
        from app import app

        outputs = aws.applied.outputs
        assert queue_sources(app, aws.overrides, aws.queue_urls.__getitem__) == [
            QueueSource("on_upload", aws.queue_url, aws.queue_arn, 10, True),
            QueueSource("on_mail", aws.mail_queue_url, aws.mail_queue_arn, 1, True),
            QueueSource("on_webhook", outputs["WebhookQueueUrl"], outputs["WebhookQueueArn"], 1, True),
        ]

    def test_a_source_that_overrides_does_not_name(self) -> None:
        app = Chalice("x")
        app.on_sqs_message(queue_arn=PLACEHOLDER, name="other")(lambda _: None)
        with pytest.raises(KeyError, match="Other"):
            queue_sources(app, {}, str)


class TestTicker:
    def _ticker(self, *schedules: Any) -> tuple[Ticker, list[str], list[float]]:
        app, ran, now = Chalice("clock"), list[str](), [0.0]
        for index, schedule in enumerate(schedules):

            def work(event: Any, name: str = f"work{index}") -> Any:
                ran.append(name)
                if name == "work1":
                    raise RuntimeError("on purpose")

            app.schedule(schedule, name=f"work{index}")(work)
        return Ticker(Functions(app), "eu-west-1", lambda: now[0]), ran, now

    def test_by_rate_and_not_at_once(self) -> None:
        ticker, ran, now = self._ticker(Rate(10, unit=Rate.MINUTES), "rate(1 hour)")
        assert ticker.tick() == []
        now[0] = 600
        assert ticker.tick() == ["work0"]
        assert ticker.tick() == []
        now[0] = 3600
        assert ticker.tick() == ["work0", "work1"]  # the second raises, and the clock goes on
        now[0] = 7200
        assert ticker.tick() == ["work0", "work1"]
        assert ran == ["work0", "work0", "work1", "work0", "work1"]

    def test_it_runs_in_the_background_and_stops_at_once(self) -> None:
        ticker, ran, now = self._ticker(Rate(1, unit=Rate.MINUTES))
        now[0] = 61
        with running([ticker.run]):
            until(lambda: bool(ran), "the function to run")
            started = time.monotonic()
        assert time.monotonic() - started < 2

    def test_no_schedules_no_thread_left(self) -> None:
        ticker, _, _ = self._ticker()
        before = threading.active_count()
        with running([ticker.run]):
            pass
        assert threading.active_count() == before

    @pytest.mark.parametrize(
        ("text", "seconds"), [("rate(1 minute)", 60), ("rate(5 hours)", 18_000), ("rate(2 days)", 172_800)]
    )
    def test_rates(self, text: str, seconds: int) -> None:
        assert period_seconds(text) == seconds

    def test_cron_is_refused_in_words(self) -> None:
        with pytest.raises(ValueError, match="by rate only"):
            period_seconds(Cron(0, 12, "*", "*", "?", "*"))
