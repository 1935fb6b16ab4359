"""The sweep's index: what has something to be done to it, by time, in shards so that it has no hot partition."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.adapters.aws_call import call
from chalicelib.adapters.dynamo_table import DUE_INDEX, Item, MetadataTable, values

SHARDS = tuple("0123456789abcdef")  # by the id's first digit


def due_attributes(prefix: str, row_id: str, due_at: datetime | None) -> Item:
    """Parts of an item; without a time it is not in the index, and costs nothing there."""
    return {"due_shard": f"{prefix}#{row_id[0]}", "due_at": int(due_at.timestamp())} if due_at else {}


def due_ids(table: MetadataTable, prefix: str, now: datetime, limit: int) -> Sequence[str]:
    """At most `limit` of those whose time has come, oldest first within a shard."""
    due: list[str] = []
    for shard in SHARDS:
        answer = call(
            table.client.query,
            TableName=table.name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="due_shard = :shard AND due_at <= :now",
            ExpressionAttributeValues=values(shard=f"{prefix}#{shard}", now=int(now.timestamp())),
            Limit=limit - len(due),
        )
        due += [item["pk"]["S"].removeprefix(f"{prefix}#") for item in answer["Items"]]
        if len(due) >= limit:
            break
    return due
