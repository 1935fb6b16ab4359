"""The token bucket of rate_limit.py in DynamoDB: one conditional write a request, exact under any concurrency.

A bucket that is not full is moved by adding one interval to what stands there, so requests at the same time do not
fail each other. Only a full (or new) bucket is set anew, and the condition lets one request do that; what the others
learn from their refusal is enough to take the first way. A refusal is remembered in the process until the next token
comes: tokens only ever come later than that, so the memory cannot refuse wrongly, and a flood costs no calls.
"""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import call
from chalicelib.adapters.dynamo_table import condition_failed, standing_item, values
from chalicelib.domain.errors import Busy
from chalicelib.domain.rate_limit import MICROSECONDS, WINDOW_SECONDS, BucketRule, RateLimit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 5
_REMEMBERED_ADDRESSES = 10_000
_TTL_SLACK_SECONDS = 3600


class DynamoLimiter:
    def __init__(self, client: "DynamoDBClient", table: str, rule: BucketRule) -> None:
        self._client, self._table, self._rule = client, table, rule
        self._full_at: OrderedDict[str, int] = OrderedDict()  # last known state, a hint only
        self._lock = threading.Lock()

    def refused_from_memory(self, address: str, now_us: int) -> RateLimit | None:
        with self._lock:
            full_at = self._full_at.get(address)
        if full_at is None:
            return None
        limit = self._rule.judge(full_at, now_us)
        return None if limit.allowed else limit

    def take(self, address: str, now_us: int) -> RateLimit:
        with self._lock:
            full_at = self._full_at.get(address, 0)
        for _ in range(_ATTEMPTS):
            try:
                full_at = self._move(address, full_at >= now_us, now_us)
            except ClientError as error:
                if not condition_failed(error):
                    raise
                full_at = (standing_item(error) or {"full_at": 0})["full_at"]
                refusal = self._rule.judge(full_at, now_us)
                if not refusal.allowed:
                    self._remember(address, full_at)
                    return refusal
            else:
                self._remember(address, full_at)
                return self._rule.after_taking(full_at, now_us)
        raise Busy(reason="limiter: the bucket kept changing", retry_after_seconds=1)

    def _move(self, address: str, drawn_upon: bool, now_us: int) -> int:  # noqa: FBT001 - private, one caller
        """Take a token and answer the new `full_at`, if the bucket is in the state supposed."""
        given = {"now": now_us, "interval": self._rule.interval_us, "ttl": self._ttl(now_us)}
        if drawn_upon:
            change, condition = "full_at + :interval", "full_at BETWEEN :now AND :latest"
            given["latest"] = self._rule.latest_full_at(now_us)
        else:
            change, condition = ":full", "attribute_not_exists(full_at) OR full_at < :now"
            given["full"] = now_us + given.pop("interval")
        answer = call(
            self._client.update_item,
            TableName=self._table,
            Key={"ip": {"S": address}},
            UpdateExpression=f"SET full_at = {change}, #ttl = :ttl",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#ttl": "ttl"},
            ExpressionAttributeValues=values(**given),
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return int(answer["Attributes"]["full_at"]["N"])

    def _ttl(self, now_us: int) -> int:
        return now_us // MICROSECONDS + WINDOW_SECONDS + _TTL_SLACK_SECONDS

    def _remember(self, address: str, full_at: int) -> None:
        with self._lock:
            self._full_at[address] = max(full_at, self._full_at.get(address, 0))
            self._full_at.move_to_end(address)
            while len(self._full_at) > _REMEMBERED_ADDRESSES:
                self._full_at.popitem(last=False)
