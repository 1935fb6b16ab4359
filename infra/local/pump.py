"""Carries queue messages to the app's functions as Lambda's poller does, and runs its schedules.

Batches, partial failures, redelivery after the visibility timeout; SQS itself moves what was received
maxReceiveCount times to the dead-letter queue.
"""

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import Chalice, ScheduledEventConfig, SQSEventConfig

from infra.local.functions import FunctionFailed, Functions
from infra.local.invocations import logical_id

_POLL_SECONDS = 1  # also the longest that a stop waits for
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueSource:
    """A function that is fed from a queue, as app.py and infra/overrides.yaml declare it together."""

    function: str
    queue_url: str
    queue_arn: str
    batch_size: int
    reports_failures: bool  # FunctionResponseTypes: [ReportBatchItemFailures]


def queue_sources(app: Chalice, overrides: Mapping[str, Any], urls: Callable[[str], str]) -> list[QueueSource]:
    """`urls` answers a queue's URL by its ARN. Raises KeyError when overrides.yaml does not name the real queue."""
    found = []
    for config in app.event_sources:
        if isinstance(config, SQSEventConfig):
            logical = logical_id(config.name)
            declared = overrides[logical]["Properties"]["Events"][f"{logical}SqsEventSource"]["Properties"]
            reports = "ReportBatchItemFailures" in declared.get("FunctionResponseTypes", [])
            arn = declared["Queue"]
            found.append(QueueSource(config.name, urls(arn), arn, config.batch_size, reports))
    return found


class QueuePump:
    """Feeds one function from its queue, one batch at a time."""

    def __init__(self, source: QueueSource, sqs: Any, functions: Functions, region: str) -> None:
        self._source, self._sqs, self._functions, self._region = source, sqs, functions, region

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.once()
            except (ClientError, BotoCoreError) as error:
                _log.error("%s: the queue cannot be read: %s", self._source.function, error)
                stop.wait(_POLL_SECONDS)

    def once(self) -> int:
        """Wait a moment for messages and deliver them. Answers how many were done with."""
        messages = self._sqs.receive_message(
            QueueUrl=self._source.queue_url,
            MaxNumberOfMessages=min(self._source.batch_size, 10),
            WaitTimeSeconds=_POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return 0
        done = self._delivered(messages)
        if done:
            entries = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(done)
            ]
            self._sqs.delete_message_batch(QueueUrl=self._source.queue_url, Entries=entries)
        return len(done)

    def _delivered(self, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """What needs no second delivery."""
        event = {"Records": [self._record(message) for message in messages]}
        try:
            answer = self._functions.invoke(self._source.function, event)
        except FunctionFailed as error:
            _log.error("%s; its messages come again", error)
            return []
        failed = _failed_ids(answer) if self._source.reports_failures else set()
        if failed is None or failed - {message["MessageId"] for message in messages}:
            _log.error("%s answered no usable batchItemFailures: all come again", self._source.function)
            return []
        return [message for message in messages if message["MessageId"] not in failed]

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._source.queue_arn,
            "awsRegion": self._region,
        }


def _failed_ids(answer: Any) -> set[str] | None:
    """Lambda's reading: nothing reported is success, what cannot be read fails the whole batch."""
    if not answer:
        return set()
    try:
        ids = {item["itemIdentifier"] for item in answer.get("batchItemFailures") or []}
    except (AttributeError, KeyError, TypeError):
        return None
    return ids if all(isinstance(it, str) and it for it in ids) else None


class Ticker:
    """Runs the functions that app.py schedules by rate, first after one whole period, as EventBridge does."""

    def __init__(self, functions: Functions, region: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._functions, self._region, self._clock = functions, region, clock
        configs = [it for it in functions.app.event_sources if isinstance(it, ScheduledEventConfig)]
        self._periods = {config.name: period_seconds(config.schedule_expression) for config in configs}
        self._due = {name: clock() + period for name, period in self._periods.items()}

    def run(self, stop: threading.Event) -> None:
        while self._due and not stop.wait(max(0.0, min(self._due.values()) - self._clock())):
            self.tick()

    def tick(self) -> list[str]:
        """Run what is due now; answers the names."""
        due = [name for name, at in self._due.items() if at <= self._clock()]
        for name in due:
            self._due[name] = self._clock() + self._periods[name]
            try:
                self._functions.invoke(name, self._event(name))
            except FunctionFailed as error:
                _log.error("%s", error)
        return due

    def _event(self, name: str) -> dict[str, Any]:
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "123456789012",
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [f"arn:aws:events:{self._region}:123456789012:rule/{name}"],
            "detail": {},
        }


def period_seconds(expression: Any) -> int:
    """Raises ValueError for cron expressions: use a rate, or teach this one."""
    text = expression if isinstance(expression, str) else expression.to_string()
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", text)
    if not match:
        raise ValueError(f"the local stack runs schedules by rate only, not {text}")
    return int(match[1]) * _SECONDS[match[2]]


@contextmanager
def running(workers: Sequence[Callable[[threading.Event], None]]) -> Iterator[None]:
    """Run each worker in a thread until the block ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=worker, args=(stop,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
