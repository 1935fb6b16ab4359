"""dynalite, a second DynamoDB, in a process of its own, with two tables of infra/template.yaml.

It looks at a condition and writes under one lock for each item, by itself: moto's conditions are atomic only because
our edge has it answer one call at a time. What it lacks is said in docs/second-emulator.md.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from boto3.session import Session

from chalicelib.adapters.aws_clients import make_client
from chalicelib.adapters.dynamo_table import MetadataTable
from infra import template

HERE = Path(__file__).parent
TABLES = {"metadata": "MetadataTable", "ratelimit": "RateLimitTable"}  # by the template's names
KNOWN = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"}  # of a table, to dynalite
CONNECTIONS = 64
STOP_SECONDS = 10


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    if not (HERE / "node_modules").is_dir():
        raise FileNotFoundError("dynalite is not there: `make dynalite` installs it")
    with subprocess.Popen(["node", "serve.js"], cwd=HERE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S607
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


@contextmanager
def connected(endpoint: str) -> Iterator[Any]:
    """A client as bootstrap makes it, but for where it leads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        client = make_client(Session(region_name=os.environ["AWS_DEFAULT_REGION"]), "dynamodb", CONNECTIONS)
    yield client
    client.close()


@pytest.fixture(scope="session")
def dynamodb(endpoint: str) -> Iterator[Any]:
    """With the tables, and taught to tell what made a condition fail."""
    with connected(endpoint) as client:
        _tell_what_stood(client, _tables(client))
        yield client


@pytest.fixture
def untaught(endpoint: str, dynamodb: Any) -> Iterator[Any]:
    """dynalite as it is, with the same tables."""
    with connected(endpoint) as client:
        yield client


def _tables(client: Any) -> dict[str, list[str]]:
    """Made; answers their keys."""
    resources = template.load(template.TEMPLATE)["Resources"]
    keys = {}
    for name, logical in TABLES.items():
        properties = {key: value for key, value in resources[logical]["Properties"].items() if key in KNOWN}
        client.create_table(TableName=name, **properties)
        keys[name] = [each["AttributeName"] for each in properties["KeySchema"]]
    return keys


def _tell_what_stood(client: Any, keys: dict[str, list[str]]) -> None:
    """ReturnValuesOnConditionCheckFailure, which dynalite does not know: by reading the item a moment later."""

    def note(params: Any, context: Any, **_: Any) -> None:
        context["asked"] = json.loads(params["body"])

    def tell(parsed: Any, context: Any, **_: Any) -> None:
        asked = context["asked"]
        failed = parsed.get("Error", {}).get("Code") == "ConditionalCheckFailedException"
        if failed and asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            item = asked.get("Key") or asked["Item"]
            key = {name: item[name] for name in keys[asked["TableName"]]}
            found = client.get_item(TableName=asked["TableName"], Key=key, ConsistentRead=True)
            parsed |= {"Item": found["Item"]} if "Item" in found else {}

    client.meta.events.register("before-call.dynamodb", note)
    client.meta.events.register("after-call.dynamodb", tell)


@pytest.fixture
def table(dynamodb: Any) -> MetadataTable:
    return MetadataTable(dynamodb, "metadata")
