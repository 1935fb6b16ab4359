"""The search table: for each suffix of a record's texts one posting, which leads to the record.

A posting's partition is whose index it is and its first character; its sort key is the suffix, a zero byte and the
record's id. It has the record's values in the orders of its lists, so that few matches are sorted without their
records. All of it follows from the metadata table's stream, and could be made anew from the table.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS, batch_attempts, call
from chalicelib.adapters.dynamo_lists import INDEXES, SEARCH_PK, SEARCH_TEXT
from chalicelib.adapters.dynamo_table import Item, Key, SortIndex, table_key, to_dynamo, values
from chalicelib.domain.errors import Busy
from chalicelib.domain.page import SEPARATOR, Position
from chalicelib.domain.search import SUFFIX_LENGTH, suffixes
from chalicelib.ports import Change

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_WRITES = 25  # BatchWriteItem's limit


class SearchTable:
    """Reads lag behind the metadata table by moments."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client, self._name = client, name

    def places(self, search_pk: str, keyword: str, index: SortIndex, at_most: int) -> list[Position] | None:
        """Where the records that hold a keyword stand in an order. None: there are more postings than `at_most`."""
        query: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :beginning)",
            "ExpressionAttributeValues": values(pk=_pk(search_pk, keyword), beginning=keyword[:SUFFIX_LENGTH]),
            "ProjectionExpression": f"sk, {index.attribute}",
        }
        found: dict[str, str] = {}
        left = at_most
        while True:
            answer = call(self._client.query, **query, Limit=left + 1)
            left -= len(answer["Items"])
            if left < 0:
                return None
            for item in answer["Items"]:
                row_id = item["sk"]["S"].rpartition(SEPARATOR)[2]
                found[row_id] = item[index.attribute]["S"]
            if "LastEvaluatedKey" not in answer:
                return [Position(value, row_id) for row_id, value in found.items()]
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def follow(self, changes: Sequence[Change]) -> None:
        """Bring the index to where these changes brought the records. Idempotent. Raises Busy."""
        writes = [_write(key, item) for key, item in difference(changes).items()]
        for start in range(0, len(writes), BATCH_WRITES):
            self._write(writes[start : start + BATCH_WRITES])

    def _write(self, writes: list[Any]) -> None:
        """BatchWriteItem may leave some out when it is throttled: those are written again."""
        for _ in batch_attempts():
            answer = call(self._client.batch_write_item, RequestItems={self._name: writes})
            left: Any = answer.get("UnprocessedItems", {})
            writes = list(left.get(self._name, []))
            if not writes:
                return
        raise Busy(reason="BatchWriteItem left items out", retry_after_seconds=RETRY_AFTER_SECONDS)


def difference(changes: Sequence[Change]) -> dict[Key, Item | None]:
    """The postings to write, and, as None, those to delete. Changes of one record come in order, so the last counts."""
    wanted: dict[Key, Item | None] = {}
    for change in changes:
        old, new = postings(change.old), postings(change.new)
        wanted |= dict.fromkeys(old.keys() - new.keys())
        wanted |= {key: item for key, item in new.items() if old.get(key) != item}
    return wanted


def postings(image: Mapping[str, Any] | None) -> dict[Key, Item]:
    """Those of a record as it stands, by key; none of one that is in no search."""
    if image is None or SEARCH_PK not in image:
        return {}
    keys = [index.attribute for index in INDEXES if index.attribute in image]
    places = {attribute: Position.of_key(image[attribute]) for attribute in keys}
    order_values = {attribute: place.value for attribute, place in places.items()}
    row_id = places[keys[0]].id
    found: dict[Key, Item] = {}
    for suffix in suffixes(image[SEARCH_TEXT]):
        pk, sk = _pk(image[SEARCH_PK], suffix), f"{suffix}{SEPARATOR}{row_id}"
        found[pk, sk] = {"pk": pk, "sk": sk, **order_values}
    return found


def _pk(search_pk: str, text: str) -> str:
    return f"{search_pk}#{text[0]}"


def _write(key: Key, item: Item | None) -> Any:
    return {"DeleteRequest": {"Key": table_key(key)}} if item is None else {"PutRequest": {"Item": to_dynamo(item)}}
