"""The audit log in a table of its own, which only `on_change` may write: each event is one item under its own id.

A head, under a key that no event can have, is the end of an account's chain, and the one thing that those who append
at the same time compete for.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import Collided, call, failed_conditions
from chalicelib.adapters.dynamo_table import from_dynamo, to_dynamo, values
from chalicelib.domain.chain import Entry, Head, entry_from, text_of
from chalicelib.domain.event import About
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Page, Position
from chalicelib.ports import EventsKnown, HeadMoved

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHAIN_INDEX = "chain"
_INDEXES = {"type": "by_type", "file": "by_file", "mail": "by_mail"}  # each named after its partition key
_NEW = "attribute_not_exists(id)"
_serializer = TypeSerializer()


class DynamoEvents:
    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def head(self, account_id: AccountId) -> Head:
        key: Any = {"id": {"S": head_id(account_id)}}
        answer = call(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        return head_from(answer["Item"])[0] if "Item" in answer else Head(account_id)

    def append(self, before: Head, entries: Sequence[Entry], after: Head, signature: bytes) -> None:
        head: dict[str, Any] = {"Item": to_dynamo(_head_item(after, signature)), "ConditionExpression": _NEW}
        if before.sequence:
            head["ConditionExpression"] = "#hash = :hash"
            head |= {
                "ExpressionAttributeNames": {"#hash": "hash"},
                "ExpressionAttributeValues": values(hash=_raw(before)),
            }
        puts = [{"Item": to_dynamo(item_of(entry)), "ConditionExpression": _NEW} for entry in entries]
        writes: Any = [{"Put": {"TableName": self._table, **put}} for put in (head, *puts)]
        try:
            call(self._client.transact_write_items, TransactItems=writes)
        except ClientError as error:
            failed = failed_conditions(error)
            if not failed:
                raise
            if 0 in failed:
                raise HeadMoved from error
            raise EventsKnown([entries[place - 1].event.id for place in failed]) from error
        except Collided as collided:
            raise HeadMoved from collided

    def page(self, account_id: AccountId, about: About | None, limit: int, after: Position | None) -> Page[Entry]:
        index = _INDEXES[about.kind] if about else CHAIN_INDEX
        key = {index: _index_key(account_id, about.value)} if about else {"account_id": account_id}
        ((attribute, value),) = key.items()
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": index,
            "KeyConditionExpression": f"{attribute} = :of",
            "ExpressionAttributeValues": values(of=value),
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if after:
            query["ExclusiveStartKey"] = to_dynamo({"id": after.id, **key, "sequence": int(after.value)})
        answer = call(self._client.query, **query)
        end = answer.get("LastEvaluatedKey")
        goes_on = Position(end["sequence"]["N"], end["id"]["S"]) if end else None
        return Page([entry_of(item) for item in answer["Items"]], goes_on)


def item_of(entry: Entry) -> dict[str, Any]:
    """The text is what was hashed; all else is there to find it by."""
    event = entry.event
    subjects = {kind: event.subject[kind] for kind in _INDEXES if kind in event.subject} | {"type": str(event.type)}
    return {
        "id": event.id,
        "account_id": event.account_id,
        "sequence": entry.sequence,
        **{_INDEXES[kind]: _index_key(event.account_id, value) for kind, value in subjects.items()},
        "text": text_of(entry),
        "hash": bytes.fromhex(entry.hash),
        "ttl": _after(entry.kept_until),
    }


def entry_of(item: Mapping[str, Any]) -> Entry:
    """Raises ValueError, KeyError or TypeError for an item that `item_of` cannot have made."""
    plain = from_dynamo(item)
    return entry_from(plain["text"], plain["hash"].hex())


def head_from(item: Mapping[str, Any]) -> tuple[Head, bytes]:
    """The head and its signature."""
    plain = from_dynamo(item)
    head = Head(
        account_id=AccountId(plain["id"].removeprefix(head_id(AccountId("")))),
        sequence=plain["sequence_at_end"],
        hash=plain["hash"].hex(),
        kept_until=date.fromisoformat(plain["kept_until"]),
    )
    return head, plain["signature"]


def _head_item(head: Head, signature: bytes) -> dict[str, Any]:
    return {
        "id": head_id(head.account_id),
        "sequence_at_end": head.sequence,  # by another name than an event's: it belongs in no index
        "hash": _raw(head),
        "kept_until": head.kept_until.isoformat() if head.kept_until else None,
        "signature": signature,
    }


def _raw(head: Head) -> bytes:
    return bytes.fromhex(head.hash)


def head_id(account_id: AccountId) -> str:
    return f"HEAD#{account_id}"


def _index_key(account_id: AccountId, value: str) -> str:
    return f"{account_id}#{value}"


def _after(day: date) -> int:
    """The first second at which the table may forget what is kept until this day."""
    return int(datetime.combine(day + timedelta(days=1), time(), UTC).timestamp())
