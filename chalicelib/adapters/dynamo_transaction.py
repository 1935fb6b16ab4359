"""Several writes to the metadata table at once: all of them or none, at DynamoDB."""

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import Collided, call, failed_conditions
from chalicelib.adapters.dynamo_table import Item, Key, MetadataTable, from_dynamo, table_key, to_dynamo, values

Write = dict[str, Any]  # one of TransactItems

ATTEMPTS = 9
FIRST_PAUSE_SECONDS = 0.02  # the longest pause before the second attempt; it doubles with each,
LONGEST_PAUSE_SECONDS = 0.64  # up to this. docs/decisions/0050 says what that carries


class Cancelled(Exception):
    """Conditions do not hold, and nothing was written. `met` has the position of each such write in the transaction,
    with the item that it met: None where there is none.
    """

    def __init__(self, met: Mapping[int, Item | None]) -> None:
        super().__init__(sorted(met))
        self.met = met


def transact(table: MetadataTable, writes: Sequence[Write]) -> None:
    """Raises Cancelled, or Busy when others keep writing the same items through all attempts.

    Of two transactions on one item, DynamoDB cancels one without looking at its conditions; botocore leaves that to
    us. Pauses are drawn at random, so that those who collided do not meet again.
    """
    items: Any = list(writes)
    for attempt in range(ATTEMPTS):
        try:
            call(table.client.transact_write_items, TransactItems=items)
        except Collided:
            if attempt == ATTEMPTS - 1:
                raise
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
            time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, guards nothing
        except ClientError as error:
            if failed := failed_conditions(error):
                raise Cancelled({at: from_dynamo(item) if item else None for at, item in failed.items()}) from error
            raise
        else:
            return


def put(table: MetadataTable, item: Item, condition: str | None, **given: Any) -> Write:
    return {"Put": {"Item": to_dynamo(item), **_conditional(table, condition, given)}}


def update(
    table: MetadataTable,
    key: Key,
    expression: str,
    condition: str | None,
    names: Mapping[str, str] | None = None,
    **given: Any,
) -> Write:
    more: dict[str, Any] = {"ExpressionAttributeNames": dict(names)} if names else {}
    conditional = _conditional(table, condition, given)
    return {"Update": {"Key": table_key(key), "UpdateExpression": expression, **more, **conditional}}


def delete(table: MetadataTable, key: Key, condition: str | None, **given: Any) -> Write:
    return {"Delete": {"Key": table_key(key), **_conditional(table, condition, given)}}


def check(
    table: MetadataTable, key: Key, condition: str, names: Mapping[str, str] | None = None, **given: Any
) -> Write:
    more: dict[str, Any] = {"ExpressionAttributeNames": dict(names)} if names else {}
    return {"ConditionCheck": {"Key": table_key(key), **more, **_conditional(table, condition, given)}}


def _conditional(table: MetadataTable, condition: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    write: dict[str, Any] = {"TableName": table.name}
    if condition:
        write |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    return write | ({"ExpressionAttributeValues": values(**given)} if given else {})


class Transaction:
    """Made up write by write. Which condition failed is told by the place of its write, in `Cancelled.met`.

    botocore gives each a token of its own, by which DynamoDB knows one that comes again because its answer was lost.
    """

    def __init__(self, table: MetadataTable) -> None:
        self._table = table
        self._writes: list[Write] = []

    def put(self, item: Item, condition: str | None = None, **given: Any) -> Self:
        self._writes.append(put(self._table, item, condition, **given))
        return self

    def update(self, key: Key, expression: str, condition: str | None = None, **given: Any) -> Self:
        self._writes.append(update(self._table, key, expression, condition, **given))
        return self

    def delete(self, key: Key, condition: str | None = None, **given: Any) -> Self:
        self._writes.append(delete(self._table, key, condition, **given))
        return self

    def append(self, write: Write) -> Self:
        self._writes.append(write)
        return self

    def write(self) -> None:
        """Raises Cancelled, Busy."""
        transact(self._table, self._writes)
