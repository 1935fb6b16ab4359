"""A table's changes as Lambda hands them to a function, and what it says of those it has given up."""

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]


def as_lambda_has_it(record: Mapping[str, Any], stream_arn: str) -> Record:
    """From what GetRecords answers."""
    change = dict(record["dynamodb"])
    change["ApproximateCreationDateTime"] = change["ApproximateCreationDateTime"].timestamp()
    for image in ("Keys", "OldImage", "NewImage"):
        if image in change:
            change[image] = _jsonable(change[image])
    identity = {"userIdentity": record["userIdentity"]} if "userIdentity" in record else {}
    return {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": change,
        "eventSourceARN": stream_arn,
        **identity,
    }


def dead_letter(function: str, shard: str, records: Sequence[Record], condition: str, tries: int, now: float) -> str:
    """What Lambda tells the on-failure destination: where in the stream the records are, not what they hold."""
    first, last = records[0], records[-1]
    letter = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": function,
            "condition": condition,
            "approximateInvokeCount": tries + 1,
        },
        "version": "1.0",
        "timestamp": _instant(now),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": number_of(first),
            "endSequenceNumber": number_of(last),
            "approximateArrivalOfFirstRecord": _instant(arrived(first)),
            "approximateArrivalOfLastRecord": _instant(arrived(last)),
            "batchSize": len(records),
            "streamArn": first["eventSourceARN"],
        },
    }
    return json.dumps(letter)


def changes_something(record: Mapping[str, Any]) -> bool:
    """DynamoDB's stream has no record of a write that leaves an item as it was; moto's has."""
    change = record["dynamodb"]
    return bool(change.get("OldImage") != change.get("NewImage"))


def _jsonable(image: Any) -> Any:
    """An image as JSON carries it: bytes as base64."""
    if isinstance(image, bytes):
        return base64.b64encode(image).decode()
    if isinstance(image, dict):
        return {name: _jsonable(value) for name, value in image.items()}
    return [_jsonable(value) for value in image] if isinstance(image, list) else image


def number_of(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def arrived(record: Record) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
