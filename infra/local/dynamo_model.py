"""What moto's model of DynamoDB is taught: to take a failed transaction back without having copied whole tables.

moto copies every table that a transaction names, once for each write in it, item by item and with all stream records:
a second for a thousand items, while everybody else waits. It needs the copy only when the transaction fails, and then
only of the items that it names: others it does not touch, and these it may change in place.

The pinned version of moto is what this was written for.
"""

import copy
from collections import defaultdict
from typing import Any, cast

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_moto_transact = DynamoDBBackend.transact_write_items


def install() -> None:
    """Idempotent."""
    backend, table = cast(Any, DynamoDBBackend), cast(Any, Table)
    backend.transact_write_items, table.__deepcopy__ = _transact_write_items, _as_it_stands


def _transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    named: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for write in transact_items:
        for operation in write.values():
            named[operation["TableName"]].append(operation.get("Key") or operation.get("Item") or {})
    known = [name for name in named if name in backend.tables]
    for name in known:
        vars(backend.tables[name])["named_in_transaction"] = named[name]
    try:
        _moto_transact(backend, transact_items)
    finally:
        for name in known:  # of the table, or of the copy that was put in its place
            vars(backend.tables[name]).pop("named_in_transaction")


def _as_it_stands(table: Table, memo: dict[int, Any]) -> Table:
    """A copy that shares all items but those that the transaction under way may change."""
    twin = copy.copy(table)
    items: Any = copy.copy(table.items)  # by hash key: an item, or items by range key
    twin.items = items
    for key in vars(table).get("named_in_transaction", ()):
        hash_key = DynamoType(key[table.hash_key_attr])
        if (found := items.get(hash_key)) is not None:
            items[hash_key] = copy.deepcopy(found, memo)
    if table.stream_shard:
        twin.stream_shard = copy.copy(table.stream_shard)
        twin.stream_shard.items, twin.stream_shard.table = list(table.stream_shard.items), twin
    return twin
