"""For the checks that adapters hold: DynamoDB of moto in this process, no socket, no thread, and a real S3 signer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = Path(__file__).parents[3] / "infra" / "template.yaml"
PERMISSIONS = TEMPLATE.with_name("permissions.yaml")
BUCKET, METADATA, RATE_LIMIT, EVENTS = "bucket", "metadata", "ratelimit", "events"


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    import boto3
    from moto import mock_aws

    with mock_aws():
        client = boto3.client("dynamodb")
        for table, keys in ((METADATA, ("pk", "sk")), (RATE_LIMIT, ("ip",))):
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        yield client
        client.close()


@pytest.fixture
def log(dynamodb: Any) -> Any:
    """The audit log's table, as infra/template.yaml has it."""
    from chalicelib.adapters.dynamo_events import DynamoEvents
    from infra.template import load

    declared = load(TEMPLATE)["Resources"]["EventsTable"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    dynamodb.create_table(TableName=EVENTS, **{name: declared[name] for name in names})
    return DynamoEvents(dynamodb, EVENTS)


@pytest.fixture
def table(dynamodb: Any) -> Any:
    from chalicelib.adapters.dynamo_table import MetadataTable

    return MetadataTable(dynamodb, METADATA)


@pytest.fixture
def signer() -> Iterator[Any]:
    """The adapter as bootstrap wires it. Signing calls nothing."""
    import boto3
    from botocore.config import Config

    from chalicelib.adapters.s3_objects import S3Objects

    client = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    yield S3Objects(client, BUCKET)
    client.close()
