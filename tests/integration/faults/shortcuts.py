"""Past what takes moto longest: what it holds, as DynamoDB would answer it."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

from infra.local.stream_records import Record


def typed(attributes: Mapping[str, DynamoType]) -> dict[str, Any]:
    """As DynamoDB has it."""
    return {name: _value(given) for name, given in attributes.items()}


def _value(given: DynamoType) -> dict[str, Any]:
    kind, value = given.type, given.value
    if kind == "M":
        return {kind: typed(value)}
    if kind == "L":
        return {kind: [_value(each) for each in value]}
    if kind == "B":
        return {kind: value if isinstance(value, bytes) else base64.b64decode(value)}
    return {kind: [each.value if isinstance(each, DynamoType) else each for each in value] if kind == "SS" else value}


def dated(record: Record) -> Record:
    change = dict(record["dynamodb"], ApproximateCreationDateTime=datetime.fromtimestamp(0, UTC))
    return {**json.loads(json.dumps(record | {"dynamodb": {}})), "dynamodb": change}
