"""The limiter under 64 threads, on the emulated DynamoDB: what it grants, and how many calls a request costs.

The clock stands still, so exactly the bucket's capacity may be granted. Beside it runs the version that everybody
writes first (read the bucket, decide, write it back), which grants whatever the race allows.
"""

import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from bench.tables import table
from chalicelib.adapters.dynamo_limiter import DynamoLimiter
from chalicelib.domain.rate_limit import BucketRule
from infra.local.stack import EmulatedAws, emulated_aws

THREADS = 64
REQUESTS_A_THREAD = 8
RULE = BucketRule(capacity=300)
NOW_US = 1_800_000_000_000_000

Take = Callable[[str, int], bool]


def report() -> str:
    with emulated_aws() as aws:
        client = boto3.client(
            "dynamodb",
            endpoint_url=aws.endpoint_url,
            region_name=aws.region,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - the emulator's
            config=Config(max_pool_connections=THREADS),
        )
        rows = [
            _row("one number, one conditional write", client, "192.0.2.1", _ours(client, aws)),
            _row("read, then write", client, "192.0.2.2", _read_then_write(client, aws)),
        ]
        client.close()
    requests = THREADS * REQUESTS_A_THREAD
    head = ["limiter", "granted", "of capacity", "calls a request"]
    return table(
        f"Limiter: {requests} requests by {THREADS} threads at one moment, capacity {RULE.capacity}", head, rows
    )


def _row(name: str, client: Any, address: str, take: Take) -> list[str]:
    calls: list[str] = []
    granted: list[bool] = []

    def count(event_name: str, **_: Any) -> None:
        calls.append(event_name)

    def work() -> None:
        granted.extend(take(address, NOW_US) for _ in range(REQUESTS_A_THREAD))

    client.meta.events.register("before-call.dynamodb", count)
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.meta.events.unregister("before-call.dynamodb", count)
    share, cost = sum(granted) / RULE.capacity, len(calls) / len(granted)
    return [name, str(sum(granted)), f"{share:.2f}", f"{cost:.2f}"]


def _ours(client: Any, aws: EmulatedAws) -> Take:
    limiter = DynamoLimiter(client, aws.ratelimit_table, RULE)

    def take(address: str, now_us: int) -> bool:
        return limiter.refused_from_memory(address, now_us) is None and limiter.take(address, now_us).allowed

    return take


def _read_then_write(client: Any, aws: EmulatedAws) -> Take:
    def take(address: str, now_us: int) -> bool:
        key = {"ip": {"S": address}}
        found = client.get_item(TableName=aws.ratelimit_table, Key=key, ConsistentRead=True).get("Item")
        full_at = max(now_us, int(found["full_at"]["N"])) if found else now_us
        if not RULE.judge(full_at, now_us).allowed:
            return False
        item = {**key, "full_at": {"N": str(full_at + RULE.interval_us)}}
        client.put_item(TableName=aws.ratelimit_table, Item=item)
        return True

    return take
