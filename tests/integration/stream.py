"""The metadata table's stream, in a test's own hands: read it, and tell `on_change` of it as often as one likes."""

from collections.abc import Sequence
from typing import Any

import app as table_of_contents
from chalicelib.adapters.dynamo_changes import read_change
from chalicelib.adapters.event_rules import read_events
from chalicelib.bootstrap import World
from chalicelib.domain.event import Event
from chalicelib.ports import Change
from infra.local.stack import EmulatedAws
from infra.local.stream_records import Record, as_lambda_has_it, changes_something
from tests.support.app_client import LambdaContext

CONTEXT = LambdaContext("11111111-2222-4333-8444-555555555555", "on_change")


class TableStream:
    def __init__(self, aws: EmulatedAws) -> None:
        """It begins now."""
        self._client: Any = aws.clients("dynamodbstreams")
        self._arn = aws.applied.outputs["MetadataStreamArn"]
        (shard,) = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._iterator = self._client.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]

    def records(self) -> list[Record]:
        """What is new, as Lambda has it."""
        answer = self._client.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return [as_lambda_has_it(record, self._arn) for record in answer["Records"] if changes_something(record)]

    def deliver(self, records: Sequence[Record] | None = None) -> None:
        """Tell the function; nothing may be left undone."""
        told = self.records() if records is None else list(records)
        assert table_of_contents.on_change({"Records": told}, CONTEXT) == {"batchItemFailures": []}


def events_in(records: Sequence[Record]) -> list[Event]:
    return [event for record in records for event in read_events(read_change(record))]


class Stream(TableStream):
    """For whoever follows the changes themselves."""

    def __init__(self, aws: EmulatedAws, world: World) -> None:
        super().__init__(aws)
        self._world = world

    def read(self) -> list[Change]:
        """What has happened since the last time."""
        return [self._world.read_change(record) for record in self.records()]

    def settle(self) -> None:
        """Tell whoever follows."""
        self._world.follow_search(self.read())
