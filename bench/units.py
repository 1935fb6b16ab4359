"""DynamoDB's capacity units, from the items that calls read and write: the emulator tells none.

The rules are AWS's (developer guide, "Read and write operations"): a strongly consistent read takes a unit for 4 KB, an
eventually consistent one half of it; a write takes a unit for each KB of the larger of the item before and after, twice
that in a transaction, a condition check as well; each index whose entry changes takes the entry's, and both entries'
where its key changes.
"""

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

KB, READ_BYTES = 1024, 4096
ENTRY_OVERHEAD_BYTES = 100  # of an item and of an index entry, in what is stored

Item = Mapping[str, DynamoType]


@dataclass
class Units:
    reads: float = 0.0
    writes: Counter[str] = field(default_factory=Counter)  # by table, its indexes with it
    indexes: int = 0  # those of the writes that are the indexes'

    def add(self, more: "Units") -> None:
        self.reads, self.indexes = self.reads + more.reads, self.indexes + more.indexes
        self.writes.update(more.writes)


@dataclass(frozen=True)
class _Write:
    table: str
    key: dict[str, Any]
    factor: int
    before: Item | None


class Meter:
    def __init__(self, client: Any, region: str) -> None:
        self._client, self._tables = client, dynamodb_backends[DEFAULT_ACCOUNT_ID][region].tables

    @contextmanager
    def measuring(self) -> Iterator[Units]:
        """What is called in this block."""
        units, events, lock = Units(), self._client.meta.events, threading.Lock()

        def before(params: Any, model: Any, context: Any, **_: Any) -> None:
            body = json.loads(params["body"])
            context["asked"] = body
            context["writes"] = [
                _Write(table, key, factor, self._item(table, key))
                for table, key, factor in self._written(model.name, body)
            ]

        def after(parsed: Any, model: Any, context: Any, **_: Any) -> None:
            with lock:  # calls of one step go at the same time
                units.reads += _read_units(model.name, context["asked"], parsed)
                for write in context["writes"]:
                    own, indexes = self._write_units(write)
                    units.writes[write.table] += own + indexes
                    units.indexes += indexes

        events.register("before-call.dynamodb", before)
        events.register("after-call.dynamodb", after)
        try:
            yield units
        finally:
            events.unregister("before-call.dynamodb", before)
            events.unregister("after-call.dynamodb", after)

    def stored_bytes(self, table: str) -> int:
        """Of all items, their index entries with them."""
        held = self._tables[table]
        return sum(_stored(held, item.attrs) for item in held.all_items())

    def _written(self, operation: str, body: Any) -> Iterator[tuple[str, dict[str, Any], int]]:
        if operation == "TransactWriteItems":
            for write in (next(iter(entry.values())) for entry in body["TransactItems"]):
                yield write["TableName"], self._key(write["TableName"], write), 2
        elif operation == "BatchWriteItem":
            for table, writes in body["RequestItems"].items():
                for write in (next(iter(entry.values())) for entry in writes):
                    yield table, self._key(table, write), 1
        elif operation in {"PutItem", "UpdateItem", "DeleteItem"}:
            yield body["TableName"], self._key(body["TableName"], body), 1

    def _key(self, table: str, write: Any) -> dict[str, Any]:
        given = write.get("Key") or write["Item"]
        return {name: given[name] for name in _names(self._tables[table].schema)}

    def _item(self, table: str, key: dict[str, Any]) -> Item | None:
        held = self._tables[table]
        names = _names(held.schema)
        range_key = DynamoType(key[names[1]]) if len(names) > 1 else None
        found = held.get_item(DynamoType(key[names[0]]), range_key)
        return dict(found.attrs) if found else None

    def _write_units(self, write: _Write) -> tuple[int, int]:
        """Of the table, and of its indexes."""
        table, after = self._tables[write.table], self._item(write.table, write.key)
        units = write.factor * max(_kilobytes(write.before), _kilobytes(after), 1)
        return units, sum(_index_units(table, index, write.before, after) for index in table.global_indexes)


def size_of(value: DynamoType) -> int:
    """As AWS counts an attribute's value."""
    kind, held = value.type, value.value
    if kind == "N":
        return len(str(held)) // 2 + 2
    if kind in {"BOOL", "NULL"}:
        return 1
    if kind == "B":
        return len(held) * 3 // 4 if isinstance(held, str) else len(held)
    if kind == "M":
        return 3 + sum(1 + len(name) + size_of(inner) for name, inner in held.items())
    if kind == "L":
        return 3 + sum(1 + size_of(inner) for inner in held)
    if kind == "SS":
        return sum(len(str(each)) for each in held)
    return len(str(held).encode())


def item_bytes(item: Item | None) -> int:
    return sum(len(name) + size_of(value) for name, value in (item or {}).items())


def _kilobytes(item: Item | None) -> int:
    return math.ceil(item_bytes(item) / KB)


def _names(schema: Any) -> list[str]:
    return [part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"])]


def _entry(table: Any, index: Any, item: Item | None) -> Item | None:
    """The item's entry in an index, if it has one there."""
    keys = _names(index.schema)
    if item is None or not all(name in item for name in keys):
        return None
    if index.projection["ProjectionType"] == "ALL":
        return item
    return {name: item[name] for name in {*keys, *_names(table.schema)}}


def _index_units(table: Any, index: Any, before: Item | None, after: Item | None) -> int:
    old, new = _entry(table, index, before), _entry(table, index, after)
    if old == new:
        return 0
    if old is None or new is None:
        return _kilobytes(old or new)
    moved = any(old[name] != new[name] for name in _names(index.schema))
    return _kilobytes(old) + _kilobytes(new) if moved else max(_kilobytes(old), _kilobytes(new))


def _stored(table: Any, item: Item) -> int:
    entries = [item, *(entry for index in table.global_indexes if (entry := _entry(table, index, item)))]
    return sum(item_bytes(entry) + ENTRY_OVERHEAD_BYTES for entry in entries)


def _read_units(operation: str, asked: Any, parsed: Any) -> float:
    if operation == "GetItem":
        return _of([parsed.get("Item")], consistent=asked.get("ConsistentRead", False))
    if operation == "BatchGetItem":
        ((table, keys),) = asked["RequestItems"].items()
        found = parsed["Responses"].get(table, [])
        missing = len(keys["Keys"]) - len(found)
        return sum(_of([item], consistent=True) for item in found) + missing
    if operation == "Query":
        return _of(parsed.get("Items", []), consistent=False)
    return 0.0


def _of(items: Any, *, consistent: bool) -> float:
    """The items of one answer, read together."""
    typed = [{name: DynamoType(value) for name, value in item.items()} for item in items if item]
    whole = max(1, math.ceil(sum(map(item_bytes, typed)) / READ_BYTES))
    return whole if consistent else whole / 2
