"""A transaction on the emulated DynamoDB: all or nothing, and no slower for what it does not touch."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.dynamo_type import Item

from infra.local.stack import EmulatedAws

FAILING = {"pk": {"S": "nobody"}, "sk": {"S": "x"}}


@pytest.fixture
def dynamodb(aws: EmulatedAws) -> Any:
    client = aws.clients("dynamodb")
    for number in range(50):
        client.put_item(TableName=aws.metadata_table, Item=item(f"other-{number}", 0))
    for name in ("updated", "replaced", "deleted"):
        client.put_item(TableName=aws.metadata_table, Item=item(name, 1))
    client.delete_item(TableName=aws.metadata_table, Key=key("put"))
    return client


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": name}, "sk": {"S": "x"}}


def item(name: str, number: int) -> dict[str, Any]:
    return key(name) | {"number": {"N": str(number)}, "nested": {"M": {"number": {"N": str(number)}}}}


def writes(table: str) -> list[dict[str, Any]]:
    change = {"UpdateExpression": "SET nested.#n = :two ADD #n :one", "ExpressionAttributeNames": {"#n": "number"}}
    given = {"ExpressionAttributeValues": {":one": {"N": "1"}, ":two": {"N": "2"}}}
    return [
        {"Update": {"TableName": table, "Key": key("updated"), **change, **given}},
        {"Put": {"TableName": table, "Item": item("replaced", 2)}},
        {"Delete": {"TableName": table, "Key": key("deleted")}},
        {"Put": {"TableName": table, "Item": item("put", 2)}},
    ]


def failing(table: str) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": table, "Key": FAILING, "ConditionExpression": "attribute_exists(pk)"}}


def everything(dynamodb: Any, table: str) -> dict[str, Any]:
    items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
    return {found["pk"]["S"]: found for found in items}


def test_all(dynamodb: Any, aws: EmulatedAws) -> None:
    before = everything(dynamodb, aws.metadata_table)
    dynamodb.transact_write_items(TransactItems=writes(aws.metadata_table))
    changed = {name: item(name, 2) for name in ("updated", "replaced", "put")}
    del before["deleted"]
    assert everything(dynamodb, aws.metadata_table) == before | changed


@pytest.mark.parametrize("place", [0, 2, 4])
def test_or_nothing(dynamodb: Any, aws: EmulatedAws, place: int) -> None:
    before, table = everything(dynamodb, aws.metadata_table), aws.metadata_table
    planned = writes(table)
    planned.insert(place, failing(table))
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=planned)
    codes = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert codes == ["ConditionalCheckFailed" if at == place else "None" for at in range(5)]
    assert everything(dynamodb, table) == before
    dynamodb.transact_write_items(TransactItems=writes(table))
    assert everything(dynamodb, table) != before


def test_only_what_it_names_is_copied(dynamodb: Any, aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    honest = Item.__deepcopy__

    def counting(self: Item, memo: Any) -> Item:
        copied.append(self.hash_key.value)
        return honest(self, memo)

    monkeypatch.setattr(Item, "__deepcopy__", counting)
    dynamodb.transact_write_items(TransactItems=writes(aws.metadata_table))
    assert set(copied) == {"updated", "replaced", "deleted"}
