"""Who wrote an item last stands in the item itself, put there by the very write: an effect cannot be without it.

So `on_change`, which sees every write in the table's stream, can say who did it, and no write can be forgotten: it is
the client that adds the mark, whatever adapter it is called by. Decision 0030 says why, and what that leaves out.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import TypeSerializer

from chalicelib.domain.act import Act

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOUCHED = "touched"
_VALUE = ":touched"
_SET = re.compile(r"\bSET\s")
_serializer = TypeSerializer()


def touching(client: "DynamoDBClient", act: Act) -> "DynamoDBClient":
    """A client whose writes carry this act. Removals cannot: the write before one has to say it."""
    return cast("DynamoDBClient", _Touching(client, act))


def mark_of(act: Act) -> dict[str, Any]:
    """New each time, so that two writes in one act are told apart."""
    told = {
        "id": secrets.token_urlsafe(9),
        "actor": str(act.actor),
        "at": act.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "account_id": act.account_id,
        "user_id": act.user_id,
        "token_id": act.token_id,
        "ip": act.ip,
        "request_id": act.request_id,
    }
    return {name: value for name, value in told.items() if value is not None}


class _Touching:
    def __init__(self, client: "DynamoDBClient", act: Act) -> None:
        self._client: Any = client
        self._act = act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **request: Any) -> Any:
        return self._client.put_item(**self._put(request))

    def update_item(self, **request: Any) -> Any:
        return self._client.update_item(**self._update(request))

    def transact_write_items(self, *, TransactItems: Sequence[Any], **more: Any) -> Any:  # noqa: N803 - boto3's name
        return self._client.transact_write_items(TransactItems=[self._touched(item) for item in TransactItems], **more)

    def _touched(self, item: Mapping[str, Any]) -> dict[str, Any]:
        ways = {"Put": self._put, "Update": self._update}
        return {kind: ways[kind](request) if kind in ways else request for kind, request in item.items()}

    def _put(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {**request, "Item": {**request["Item"], TOUCHED: self._mark()}}

    def _update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        expression, change = request["UpdateExpression"], f"SET {TOUCHED} = {_VALUE}"
        expression, count = _SET.subn(f"{change}, ", expression, count=1)
        values = {**request.get("ExpressionAttributeValues", {}), _VALUE: self._mark()}
        whole = expression if count else f"{change} {expression}"
        return {**request, "UpdateExpression": whole, "ExpressionAttributeValues": values}

    def _mark(self) -> Any:
        return _serializer.serialize(mark_of(self._act))
