"""What moto's model of DynamoDB is taught, so that its stream can be read as Lambda reads a table's.

moto's own transactions copy every table they touch, its stream included, and put the copy in place when they fail:
each takes the longer the more records there are, and after a failure a reader of the stream holds a shard that nothing
is written to any more. Here a transaction remembers the items it touches, and how long the stream was.

What stays different from AWS: one shard, that never closes and forgets nothing; records also of writes that change
nothing (the pump leaves those out); an UpdateItem that makes an item is an INSERT of its key and a MODIFY.
The pinned version of moto is what this was written for.
"""

import copy
from collections.abc import Mapping
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend

_transact_write_items = DynamoDBBackend.transact_write_items
_get_records = DynamoDBStreamsBackend.get_records


def install() -> None:
    """Idempotent."""
    DynamoDBBackend.transact_write_items = _transact  # type: ignore[method-assign]
    DynamoDBStreamsBackend.get_records = _read_once  # type: ignore[method-assign]


class _Standing:
    """One item, and its table's stream, as they were before a transaction."""

    def __init__(self, table: Table, key: Mapping[str, Any]) -> None:
        self._table = table
        self._hash = DynamoType(key[table.hash_key_attr])
        self._range = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
        self._item = copy.deepcopy(table.get_item(self._hash, self._range))
        self._streamed = len(table.stream_shard.items) if table.stream_shard else 0

    def put_back(self) -> None:
        items: Any = self._table.items
        holder, key = (items[self._hash], self._range) if self._range else (items, self._hash)
        if self._item is None:
            holder.pop(key, None)
        else:
            holder[key] = self._item
        if self._table.stream_shard:
            del self._table.stream_shard.items[self._streamed :]


def _transact(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    before = [_standing(self, operation) for item in transact_items for operation in item.values()]
    Table.__deepcopy__ = _itself  # type: ignore[attr-defined] # for now only: callers take turns (other_services.py)
    try:
        _transact_write_items(self, transact_items)
    except Exception:
        for standing in before:
            if standing:
                standing.put_back()
        raise
    finally:
        del Table.__deepcopy__  # type: ignore[attr-defined] # set above


def _standing(backend: DynamoDBBackend, operation: Mapping[str, Any]) -> _Standing | None:
    """None for what moto will refuse."""
    table = backend.tables.get(operation.get("TableName", ""))
    key = operation.get("Key") or operation.get("Item") or {}
    if table is None or not {table.hash_key_attr, table.range_key_attr or table.hash_key_attr} <= set(key):
        return None
    return _Standing(table, key)


def _itself(table: Table, _: Any) -> Table:
    return table


def _read_once(self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
    """moto keeps every iterator that ever was; on AWS they last for minutes."""
    answer = _get_records(self, iterator_arn, limit)
    del self.shard_iterators[iterator_arn]
    return answer
