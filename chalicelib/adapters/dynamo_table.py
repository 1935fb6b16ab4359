"""The metadata table: plain values to DynamoDB's and back, and the reads that every store shares."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS, batch_attempts, call, code_of
from chalicelib.adapters.dynamo_touch import TOUCHED
from chalicelib.domain.errors import Busy
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.page import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]  # plain values
Key = tuple[str, str]  # pk, sk

# Conditions of writes: there is no such record yet; nobody has changed it since it was read (values: `read`).
NEW = "attribute_not_exists(pk)"
AS_READ = "revision = :read"

DUE_INDEX = "due"
BATCH_KEYS = 100  # BatchGetItem's limit

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


@dataclass(frozen=True, slots=True)
class SortIndex:
    """An index whose partition key is list_pk."""

    name: str
    attribute: str  # its sort key


class MetadataTable:
    """Reads are strongly consistent, so that a revocation or purge that was answered is seen at once."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client, self.name = client, name

    def get(self, key: Key) -> Item | None:
        answer = call(self.client.get_item, TableName=self.name, Key=table_key(key), ConsistentRead=True)
        return from_dynamo(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        for start in range(0, len(keys), BATCH_KEYS):
            for item in self._batch([table_key(key) for key in keys[start : start + BATCH_KEYS]]):
                found[item["pk"], item["sk"]] = item
        return found

    def _batch(self, keys: list[Any]) -> Iterable[Item]:
        """BatchGetItem may leave keys out when it is throttled or full: those are asked for again."""
        for _ in batch_attempts():
            request: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
            answer = call(self.client.batch_get_item, RequestItems=request)
            found: Any = answer["Responses"]
            yield from map(from_dynamo, found.get(self.name, []))
            unprocessed: Any = answer.get("UnprocessedKeys", {})
            keys = list(unprocessed.get(self.name, {}).get("Keys", []))
            if not keys:
                return
        raise Busy(reason="BatchGetItem left keys out", retry_after_seconds=RETRY_AFTER_SECONDS)

    def page(
        self,
        index: SortIndex,
        list_pk: str,
        limit: int,
        after: Position | None,
        *,
        descending: bool,
        key_of_id: "KeyOfId",
        containing: tuple[str, str] | None = None,
    ) -> tuple[list[Item], Position | None]:
        """One page of a list by one Query, and where the next one goes on; None at the end.

        With `containing`, an attribute and a text, only items whose attribute holds the text; all count for the limit.
        """
        query: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index.name,
            "KeyConditionExpression": "list_pk = :list",
            "ExpressionAttributeValues": values(list=list_pk),
            "ScanIndexForward": not descending,
            "Limit": limit,
        }
        if containing:
            attribute, text = containing
            query["FilterExpression"] = f"contains({attribute}, :text)"
            query["ExpressionAttributeValues"] |= values(text=text)
        if after:
            pk, sk = key_of_id(after.id)
            query["ExclusiveStartKey"] = to_dynamo({"pk": pk, "sk": sk, "list_pk": list_pk, index.attribute: after.key})
        answer = call(self.client.query, **query)
        end = from_dynamo(answer.get("LastEvaluatedKey", {}))
        return [from_dynamo(item) for item in answer["Items"]], Position.of_key(end[index.attribute]) if end else None

    def put(self, item: Item, condition: str, **condition_values: Any) -> None:
        """Raises ClientError with ConditionalCheckFailedException when the condition does not hold.

        When the answer to a write is lost, botocore writes once more, and the condition fails on what the first
        attempt wrote. So an item that stands exactly as it was to be put is a success.
        """
        extra: dict[str, Any] = {"ExpressionAttributeValues": values(**condition_values)} if condition_values else {}
        wanted = to_dynamo(item)
        try:
            call(
                self.client.put_item,
                TableName=self.name,
                Item=wanted,
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **extra,
            )
        except ClientError as error:
            if not condition_failed(error) or standing_item(error) != from_dynamo(wanted):
                raise

    def try_put(self, item: Item, condition: str, **given: Any) -> bool:
        """True when the condition held, or the item stands exactly so."""
        return _held(lambda: self.put(item, condition, **given))

    def update(
        self, key: Key, expression: str, condition: str, names: Mapping[str, str] | None = None, **given: Any
    ) -> Item:
        """Answers the new item. On a failed condition the error carries the item as it stands."""
        extra: dict[str, Any] = {"ExpressionAttributeNames": dict(names)} if names else {}
        answer = call(
            self.client.update_item,
            TableName=self.name,
            Key=table_key(key),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=values(**given),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **extra,
        )
        return from_dynamo(answer["Attributes"])

    def try_update(
        self, key: Key, expression: str, condition: str, names: Mapping[str, str] | None = None, **given: Any
    ) -> bool:
        """True when the condition held and the item was changed."""
        return _held(lambda: self.update(key, expression, condition, names, **given))

    def try_delete(self, key: Key, condition: str, **given: Any) -> bool:
        """True when the condition held and the item went."""
        request: dict[str, Any] = {"TableName": self.name, "Key": table_key(key), "ConditionExpression": condition}
        return _held(lambda: call(self.client.delete_item, **request, ExpressionAttributeValues=values(**given)))


class KeyOfId:
    """How a store's ids become table keys, and are read off them again."""

    def __init__(self, prefix: str, sort: str) -> None:
        self._prefix, self._sort = prefix, sort

    def __call__(self, row_id: str) -> Key:
        return f"{self._prefix}#{row_id}", self._sort

    def id_of(self, item: Item) -> str:
        pk: str = item["pk"]
        return pk.removeprefix(f"{self._prefix}#")


def _held(write: Callable[[], object]) -> bool:
    """Whether the condition of this write did."""
    try:
        write()
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def condition_failed(error: ClientError) -> bool:
    return code_of(error) == "ConditionalCheckFailedException"


def standing_item(error: ClientError) -> Item | None:
    """The item that made a condition fail; None when there is none."""
    item: Any = error.response.get("Item")
    return from_dynamo(item) if item else None


def to_dynamo(item: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what is None: an absent attribute says the same, and index keys may not be null."""
    return {name: _serializer.serialize(value) for name, value in item.items() if value is not None}


def from_dynamo(item: Mapping[str, Any]) -> Item:
    """Without the mark of who wrote it (dynamo_touch.py), which is for the stream's readers alone."""
    item = whole_item(item)
    item.pop(TOUCHED, None)
    return item


def whole_item(item: Mapping[str, Any]) -> Item:
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def values(**given: Any) -> dict[str, Any]:
    """Expression values: `values(now=5)` is {":now": {"N": "5"}}."""
    return {f":{name}": _serializer.serialize(value) for name, value in given.items()}


def timestamp(moment: datetime) -> str:
    return rfc3339(moment)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_timestamp(value: datetime | None) -> str | None:
    return timestamp(value) if value else None


def optional_moment(text: str | None) -> datetime | None:
    return moment(text) if text else None


def table_key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, Binary):
        return bytes(value)  # type: ignore[call-overload] # its stub lacks __bytes__
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
