"""Several writes as one: DynamoDB's transactions.

botocore gives each call a token of its own, by which DynamoDB knows a repetition after a lost answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.aws_call import call
from chalicelib.adapters.dynamo_table import Item, Key, MetadataTable, to_dynamo, values

NEW = "attribute_not_exists(pk)"
Write = Mapping[str, Any]


def transact(table: MetadataTable, writes: Sequence[Write]) -> None:
    """All of at most 100, or none. Raises ClientError when a condition fails: see aws_call.condition_failed_at."""
    given: Any = list(writes)
    call(table.client.transact_write_items, TransactItems=given)


def put(table: MetadataTable, item: Item, condition: str | None = None, **given: Any) -> Write:
    return {"Put": {"TableName": table.name, "Item": to_dynamo(item), **_condition(condition), **_values(given)}}


def update(table: MetadataTable, key: Key, expression: str, condition: str, **given: Any) -> Write:
    place = {"TableName": table.name, "Key": _key(key), "UpdateExpression": expression}
    return {"Update": {**place, **_condition(condition), **_values(given)}}


def delete(table: MetadataTable, key: Key) -> Write:
    return {"Delete": {"TableName": table.name, "Key": _key(key)}}


def _key(key: Key) -> dict[str, Any]:
    return to_dynamo({"pk": key[0], "sk": key[1]})


def _condition(condition: str | None) -> dict[str, Any]:
    return {"ConditionExpression": condition} if condition else {}


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"ExpressionAttributeValues": values(**given)} if given else {}
