"""Carries a table's changes to the app's function as Lambda's stream poller does.

Changes of one item stay in order: they share a lane (ParallelizationFactor), and a lane's next batch waits until the
one before is done with. A function that raises has its batch halved, one that reports a failure gets the batch again
from the reported record on; what fails too often, or has grown too old, is described in the dead-letter queue.
One batch runs at a time here, where Lambda runs one a lane.
"""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from botocore.exceptions import BotoCoreError, ClientError
from chalice.app import Chalice, DynamoDBEventConfig

from infra.local.functions import FunctionFailed, Functions
from infra.local.invocations import logical_id
from infra.local.pump import failed_ids
from infra.local.stream_records import Record, arrived, as_lambda_has_it, changes_something, dead_letter, number_of

_POLL_SECONDS = 0.25  # Lambda polls a shard four times a second
_GATHER_SECONDS = 0.05  # where there was something it goes on at once; here changes of one moment come as one batch
_LONGEST_PAUSE_SECONDS = 60
_UNBOUNDED = -1

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamSource:
    """A function that is fed from a table's stream, as app.py and infra/overrides.yaml declare it together."""

    function: str
    stream_arn: str
    batch_size: int
    lanes: int  # ParallelizationFactor
    halves_batches: bool  # BisectBatchOnFunctionError
    reports_failures: bool  # FunctionResponseTypes: [ReportBatchItemFailures]
    most_retries: int  # MaximumRetryAttempts; -1: no bound
    oldest_seconds: int  # MaximumRecordAgeInSeconds; -1: no bound
    dead_letters_arn: str


def stream_sources(app: Chalice, overrides: Mapping[str, Any]) -> list[StreamSource]:
    """Raises KeyError when overrides.yaml does not name the real stream, or leaves a bound to Lambda's defaults."""
    found = []
    for config in app.event_sources:
        if isinstance(config, DynamoDBEventConfig):
            logical = logical_id(config.name)
            declared = overrides[logical]["Properties"]["Events"][f"{logical}DynamodbEventSource"]["Properties"]
            found.append(
                StreamSource(
                    function=config.name,
                    stream_arn=declared["Stream"],
                    batch_size=config.batch_size,
                    lanes=declared["ParallelizationFactor"],
                    halves_batches=declared["BisectBatchOnFunctionError"],
                    reports_failures="ReportBatchItemFailures" in declared["FunctionResponseTypes"],
                    most_retries=declared["MaximumRetryAttempts"],
                    oldest_seconds=declared["MaximumRecordAgeInSeconds"],
                    dead_letters_arn=declared["DestinationConfig"]["OnFailure"]["Destination"],
                )
            )
    return found


@dataclass
class _Batch:
    records: list[Record]
    tries: int = 0


@dataclass
class _Lane:
    batches: deque[_Batch] = field(default_factory=deque)
    waits_until: float = 0.0

    def add(self, record: Record, batch_size: int) -> None:
        if not self.batches or self.batches[-1].tries or len(self.batches[-1].records) >= batch_size:
            self.batches.append(_Batch([]))
        self.batches[-1].records.append(record)


class StreamPump:
    """Feeds one function from a stream, from its beginning on."""

    def __init__(
        self,
        source: StreamSource,
        streams: Any,
        bury: Callable[[str], object],
        functions: Functions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`bury` takes the text of a dead letter."""
        self._source, self._streams, self._bury = source, streams, bury
        self._functions, self._clock = functions, clock
        self._iterator, self._shard, self._last = "", "", ""
        self._lanes = [_Lane() for _ in range(source.lanes)]

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                done = self.once()
            except (ClientError, BotoCoreError) as error:
                _log.error("%s: the stream cannot be read: %s", self._source.function, error)
                self._iterator, done = "", 0
            stop.wait(_GATHER_SECONDS if done else _POLL_SECONDS)

    def once(self) -> int:
        """Read what is new and deliver a batch of every lane that is not waiting. Answers how many were done with."""
        for record in self._read():
            key = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
            self._lanes[crc32(key.encode()) % len(self._lanes)].add(record, self._source.batch_size)
        return sum(self._deliver(lane) for lane in self._lanes if lane.batches and lane.waits_until <= self._clock())

    def _read(self) -> list[Record]:
        if not self._iterator:
            self._iterator = self._start()
        answer = self._streams.get_records(ShardIterator=self._iterator, Limit=1000)
        self._iterator = answer["NextShardIterator"]
        if answer["Records"]:
            self._last = answer["Records"][-1]["dynamodb"]["SequenceNumber"]
        return [
            as_lambda_has_it(record, self._source.stream_arn)
            for record in answer["Records"]
            if changes_something(record)
        ]

    def _start(self) -> str:
        described = self._streams.describe_stream(StreamArn=self._source.stream_arn)["StreamDescription"]
        (shard,) = described["Shards"]  # moto has one
        self._shard = shard["ShardId"]
        place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last}
        if not self._last:
            place = {"ShardIteratorType": "TRIM_HORIZON"}
        stream = {"StreamArn": self._source.stream_arn, "ShardId": self._shard}
        found: str = self._streams.get_shard_iterator(**stream, **place)["ShardIterator"]
        return found

    def _deliver(self, lane: _Lane) -> int:
        batch = lane.batches.popleft()
        if batch.tries and self._has_grown_old(batch):
            return self._give_up(batch, "RecordAgeExceeded")
        try:
            failed_at = self._invoke(batch.records)
        except FunctionFailed as error:
            _log.error("%s; its changes come again", error)
            failed_at = 0
            if self._source.halves_batches and len(batch.records) > 1:
                half = len(batch.records) // 2
                lane.batches.extendleft(
                    [_Batch(batch.records[half:], batch.tries), _Batch(batch.records[:half], batch.tries)]
                )
                return 0
        if failed_at == len(batch.records):
            return failed_at
        if failed_at:  # that one and what follows come again, as a batch of their own
            lane.batches.appendleft(_Batch(batch.records[failed_at:]))
            return failed_at
        if self._source.most_retries != _UNBOUNDED and batch.tries >= self._source.most_retries:
            return self._give_up(batch, "RetryAttemptsExhausted")
        batch.tries += 1
        lane.batches.appendleft(batch)
        lane.waits_until = self._clock() + min(_POLL_SECONDS * 2**batch.tries, _LONGEST_PAUSE_SECONDS)
        return 0

    def _invoke(self, records: Sequence[Record]) -> int:
        """How many records, from the first on, are done with. Raises FunctionFailed."""
        answer = self._functions.invoke(self._source.function, {"Records": list(records)})
        if not self._source.reports_failures:
            return len(records)
        sequence = [number_of(record) for record in records]
        failed = failed_ids(answer)
        if failed is None or failed - set(sequence):
            raise FunctionFailed(f"{self._source.function} answered no usable batchItemFailures")
        return min(map(sequence.index, failed), default=len(records))

    def _has_grown_old(self, batch: _Batch) -> bool:
        oldest = self._source.oldest_seconds
        return oldest != _UNBOUNDED and self._clock() - arrived(batch.records[0]) > oldest

    def _give_up(self, batch: _Batch, condition: str) -> int:
        self._bury(
            dead_letter(self._source.function, self._shard, batch.records, condition, batch.tries, self._clock())
        )
        return len(batch.records)
