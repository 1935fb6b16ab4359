"""Several writes to the metadata table, all or none."""

from typing import Any, Self

from chalicelib.adapters.aws_call import call
from chalicelib.adapters.dynamo_table import Item, Key, MetadataTable, table_key, to_dynamo, values


class Transaction:
    """Made up write by write. Which condition failed is told by the place of its write (`condition_failed_at`).

    botocore gives each a token of its own, by which DynamoDB knows one that comes again because its answer was lost.
    """

    def __init__(self, table: MetadataTable) -> None:
        self._table = table
        self._writes: list[Any] = []

    def put(self, item: Item, condition: str | None = None, **given: Any) -> Self:
        return self._add("Put", {"Item": to_dynamo(item)}, condition, given)

    def update(self, key: Key, expression: str, condition: str | None = None, **given: Any) -> Self:
        return self._add("Update", {"Key": table_key(key), "UpdateExpression": expression}, condition, given)

    def delete(self, key: Key, condition: str | None = None, **given: Any) -> Self:
        return self._add("Delete", {"Key": table_key(key)}, condition, given)

    def write(self) -> None:
        """Raises ClientError when a condition does not hold, and Busy when another write is at one of the items."""
        call(self._table.client.transact_write_items, TransactItems=self._writes)

    def _add(self, kind: str, write: dict[str, Any], condition: str | None, given: dict[str, Any]) -> Self:
        if condition is not None:
            write["ConditionExpression"] = condition
        if given:
            write["ExpressionAttributeValues"] = values(**given)
        self._writes.append({kind: {"TableName": self._table.name, **write}})
        return self
