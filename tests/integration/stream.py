"""The metadata table's stream, read by a test instead of by Lambda."""

from typing import Any

from chalicelib.bootstrap import World
from chalicelib.ports import Change
from infra.local.stack import EmulatedAws
from infra.local.stream_records import as_lambda_has_it


class Stream:
    """What happens from now on."""

    def __init__(self, aws: EmulatedAws, world: World) -> None:
        self._streams, self._world = aws.clients("dynamodbstreams"), world
        self._arn = aws.applied.outputs["MetadataStreamArn"]
        (shard,) = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._iterator: Any = self._streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]

    def read(self) -> list[Change]:
        """What has happened since the last time."""
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return [self._world.read_change(as_lambda_has_it(record, self._arn)) for record in answer["Records"]]

    def settle(self) -> None:
        """Tell whoever follows."""
        self._world.follow_search(self.read())
