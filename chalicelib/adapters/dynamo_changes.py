"""Records of the metadata table's stream, as Lambda is given them, as changes of plain items.

Source: DynamoDB developer guide, "DynamoDB Streams and AWS Lambda triggers" and "Time to Live", on `userIdentity`.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters.dynamo_table import Item, whole_item
from chalicelib.ports import Change

_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def read_change(record: Mapping[str, Any]) -> Change:
    change = record["dynamodb"]
    keys = _plain(change["Keys"])
    return Change(
        id=record["eventID"],
        sequence=change["SequenceNumber"],
        at=datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC),
        pk=keys["pk"],
        sk=keys["sk"],
        old=_plain(change["OldImage"]) if "OldImage" in change else None,
        new=_plain(change["NewImage"]) if "NewImage" in change else None,
        expired=record.get("userIdentity") == _TTL,
    )


def _plain(image: Mapping[str, Any]) -> Item:
    return whole_item({name: _with_bytes(value) for name, value in image.items()})


def _with_bytes(value: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no bytes: there they are base64."""
    ((kind, held),) = value.items()
    if kind == "B":
        return {kind: base64.b64decode(held)}
    if kind == "BS":
        return {kind: [base64.b64decode(text) for text in held]}
    if kind == "L":
        return {kind: [_with_bytes(inner) for inner in held]}
    if kind == "M":
        return {kind: {name: _with_bytes(inner) for name, inner in held.items()}}
    return {kind: held}
