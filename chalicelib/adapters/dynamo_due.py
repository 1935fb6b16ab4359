"""The sweep's index: what has something to be done to it, by time, in shards so that it has no hot partition."""

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from chalicelib.adapters.aws_call import call
from chalicelib.adapters.dynamo_table import DUE_INDEX, Item, Key, MetadataTable, values

SHARDS = tuple("0123456789abcdef")  # by the id's first digit
SHARE = 25  # of one shard, before the next one has its turn
ROTATION_SECONDS = 600  # after that long another shard is the first: the sweep comes as often


def due_attributes(prefix: str, row_id: str, due_at: datetime | None) -> Item:
    """Parts of an item; without a time it is not in the index, and costs nothing there."""
    return {"due_shard": f"{prefix}#{row_id[0]}", "due_at": int(due_at.timestamp())} if due_at else {}


def due_ids(table: MetadataTable, prefix: str, now: datetime) -> Iterator[str]:
    """Those whose time has come, oldest first within a shard. No shard waits for another: they take turns.

    Reads on as long as more is asked for. Raises Busy.
    """
    first = int(now.timestamp()) // ROTATION_SECONDS % len(SHARDS)
    waiting: deque[tuple[str, Any]] = deque((shard, {}) for shard in SHARDS[first:] + SHARDS[:first])
    while waiting:
        shard, start = waiting.popleft()
        answer = call(
            table.client.query,
            TableName=table.name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=values(shard=f"{prefix}#{shard}", now=int(now.timestamp())),
            Limit=SHARE,
            **start,
        )
        yield from (item["pk"]["S"].partition("#")[2] for item in answer["Items"])
        if "LastEvaluatedKey" in answer:
            waiting.append((shard, {"ExclusiveStartKey": answer["LastEvaluatedKey"]}))


def put_off(table: MetadataTable, key: Key, until: datetime) -> None:
    """Move a record in the index alone. Whoever stores the record next puts it where it belongs again.

    Harmless when the record has gone, has nothing to be done to it any more, or comes later anyway.
    """
    table.try_update(key, "SET due_at = :until", "due_at < :until", until=int(until.timestamp()))
