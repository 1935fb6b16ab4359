"""The metadata table: plain values to DynamoDB's and back, and the reads that every store shares."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS, call, code_of
from chalicelib.domain.errors import Busy
from chalicelib.domain.page import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]  # plain values
Key = tuple[str, str]  # pk, sk

LISTING_INDEX = "listing"
DUE_INDEX = "due"
BATCH_KEYS = 100  # BatchGetItem's limit
_BATCH_ATTEMPTS = 5

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


class MetadataTable:
    """Reads are strongly consistent, so that a revocation or purge that was answered is seen at once."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self.client, self.name = client, name

    def get(self, key: Key) -> Item | None:
        answer = call(self.client.get_item, TableName=self.name, Key=_key(key), ConsistentRead=True)
        return from_dynamo(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        for start in range(0, len(keys), BATCH_KEYS):
            for item in self._batch([_key(key) for key in keys[start : start + BATCH_KEYS]]):
                found[item["pk"], item["sk"]] = item
        return found

    def _batch(self, keys: list[Any]) -> Iterable[Item]:
        """BatchGetItem may leave keys out when it is throttled or full: those are asked for again."""
        for attempt in range(_BATCH_ATTEMPTS):
            if attempt:
                time.sleep(0.02 * 2**attempt)
            request: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
            answer = call(self.client.batch_get_item, RequestItems=request)
            found: Any = answer["Responses"]
            yield from map(from_dynamo, found.get(self.name, []))
            unprocessed: Any = answer.get("UnprocessedKeys", {})
            keys = list(unprocessed.get(self.name, {}).get("Keys", []))
            if not keys:
                return
        raise Busy(reason="BatchGetItem left keys out", retry_after_seconds=RETRY_AFTER_SECONDS)

    def newest(self, list_pk: str, limit: int, after: Position | None, key_of_id: "KeyOfId") -> tuple[list[Item], bool]:
        """One page of the listing index, newest first, and whether there may be more."""
        query: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": LISTING_INDEX,
            "KeyConditionExpression": "list_pk = :list",
            "ExpressionAttributeValues": values(list=list_pk),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if after:
            pk, sk = key_of_id(after.id)
            start = {"pk": pk, "sk": sk, "list_pk": list_pk, "list_sk": list_sk(after)}
            query["ExclusiveStartKey"] = to_dynamo(start)
        answer = call(self.client.query, **query)
        return [from_dynamo(item) for item in answer["Items"]], "LastEvaluatedKey" in answer

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

    def update(self, key: Key, expression: str, condition: str, names: Mapping[str, str], **given: Any) -> Item:
        """Answers the new item. On a failed condition the error carries the item as it stands."""
        extra: dict[str, Any] = {"ExpressionAttributeNames": dict(names)} if names else {}
        answer = call(
            self.client.update_item,
            TableName=self.name,
            Key=_key(key),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=values(**given),
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **extra,
        )
        return from_dynamo(answer["Attributes"])

    def delete(self, key: Key, condition: str, **given: Any) -> bool:
        """True when the condition held and the item went."""
        try:
            call(
                self.client.delete_item,
                TableName=self.name,
                Key=_key(key),
                ConditionExpression=condition,
                ExpressionAttributeValues=values(**given),
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True


class KeyOfId:
    """How a store's ids become table keys."""

    def __init__(self, prefix: str, sort: str) -> None:
        self._prefix, self._sort = prefix, sort

    def __call__(self, row_id: str) -> Key:
        return f"{self._prefix}#{row_id}", self._sort


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
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def values(**given: Any) -> dict[str, Any]:
    """Expression values: `values(now=5)` is {":now": {"N": "5"}}."""
    return {f":{name}": _serializer.serialize(value) for name, value in given.items()}


def list_sk(position: Position) -> str:
    return f"{timestamp(position.created_at)}#{position.id}"


def timestamp(moment: datetime) -> str:
    """Fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_timestamp(value: datetime | None) -> str | None:
    return timestamp(value) if value else None


def optional_moment(text: str | None) -> datetime | None:
    return moment(text) if text else None


def _key(key: Key) -> dict[str, Any]:
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
