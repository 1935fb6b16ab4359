"""moto without its detours answers what moto answers."""

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.serialize import BaseJSONSerializer, XFormedAttributePicker
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.kms.models import kms_backends

from infra.local import moto_pace
from infra.local.stack import EmulatedAws

TABLE = "paced"
KEYS = {"pk": "HASH", "sk": "RANGE"}
BY_SIZE = {"pk": "HASH", "size": "RANGE"}

EVERY_TYPE: dict[str, Any] = {
    "pk": {"S": "d"},
    "sk": {"S": "typed"},
    "bytes": {"B": b"\x00\xff"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "empty": {"S": ""},
    "sets": {"M": {"s": {"SS": ["a", "b"]}, "n": {"NS": ["1", "2"]}, "b": {"BS": [b"a", b"b"]}}},
    "list": {"L": [{"N": "1"}, {"M": {}}, {"L": [{"B": b"x"}]}]},
}


@pytest.fixture(scope="module")
def dynamodb(aws: EmulatedAws) -> Any:
    client = aws.clients("dynamodb")
    index = {"IndexName": "by_size", "KeySchema": _schema(BY_SIZE), "Projection": {"ProjectionType": "ALL"}}
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in (("pk", "S"), ("sk", "S"), ("size", "N"))
        ],
        KeySchema=_schema(KEYS),
        GlobalSecondaryIndexes=[index],
    )
    shuffled = random.Random(1)  # noqa: S311 - the same each time
    for number in shuffled.sample(range(60), 60):
        item = {"pk": {"S": "abc"[number % 3]}, "sk": {"S": f"{number:02}"}, "map": {"M": {"n": {"N": f"{number}"}}}}
        if number % 5:  # the others are not in the index
            item["size"] = {"N": str(shuffled.randrange(9))}
        client.put_item(TableName=TABLE, Item=item)
    client.put_item(TableName=TABLE, Item=EVERY_TYPE)
    yield client
    client.delete_table(TableName=TABLE)


def _schema(keys: dict[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()]


def everything(dynamodb: Any) -> list[Any]:
    """Every way to ask, page by page."""
    found = []
    for partition in "abcd":
        for condition, more in (
            ("pk = :pk", {}),
            ("pk = :pk AND sk > :text", {":text": {"S": "20"}}),
            ("pk = :pk AND size BETWEEN :least AND :most", {":least": {"N": "2"}, ":most": {"N": "10"}}),
        ):
            index = {"IndexName": "by_size"} if "size" in condition else {}
            for forward in (True, False):
                asked = {"ExpressionAttributeValues": {":pk": {"S": partition}, **more}, "ScanIndexForward": forward}
                pages = dynamodb.get_paginator("query").paginate(
                    TableName=TABLE, KeyConditionExpression=condition, Limit=4, **asked, **index
                )
                found.append([(page["Items"], page["ScannedCount"]) for page in pages])
    keys = [{"pk": {"S": "b"}, "sk": {"S": "04"}}, {"pk": {"S": "b"}, "sk": {"S": "nowhere"}}]
    found += [dynamodb.get_item(TableName=TABLE, Key=key).get("Item") for key in keys]
    return found


def test_it_answers_what_moto_answers(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paced = everything(dynamodb)
    with monkeypatch.context() as patch:
        patch.setattr(Table, "query", moto_pace._query)
        patch.setattr(DynamoType, "cast_value", property(moto_pace._cast_value))
        patch.setattr(BaseJSONSerializer, "_serialize_type_structure", moto_pace._serialize_structure)
        patch.setattr(XFormedAttributePicker, "get_possible_keys", moto_pace._get_possible_keys)
        assert everything(dynamodb) == paced
    assert dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "d"}, "sk": {"S": "typed"}})["Item"] == EVERY_TYPE
    assert sum(len(items) for pages in paced[:-2] for items, _ in pages) > 200
    assert paced[-2:] == [paced[-2], None]


def test_an_item_that_is_too_large_is_refused(dynamodb: Any) -> None:
    item = {"pk": {"S": "large"}, "sk": {"S": "x"}, "text": {"S": "x" * 200_000}, "more": {"S": "y" * 204_000}}
    dynamodb.put_item(TableName=TABLE, Item=item)
    item["sk"], item["one"] = {"S": "y"}, {"S": "z" * 1000}
    with pytest.raises(ClientError, match="Item size has exceeded"):
        dynamodb.put_item(TableName=TABLE, Item=item)
    assert "Item" not in dynamodb.get_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})


def test_one_that_grows_too_large_stays_as_it_was(dynamodb: Any) -> None:
    key = {"pk": {"S": "growing"}, "sk": {"S": "x"}}
    dynamodb.put_item(TableName=TABLE, Item={**key, "text": {"S": "x" * 300_000}})
    grow = {"UpdateExpression": "SET more = :more", "ExpressionAttributeValues": {":more": {"S": "y" * 200_000}}}
    with pytest.raises(ClientError, match="Item size"):
        dynamodb.update_item(TableName=TABLE, Key=key, **grow)
    assert set(dynamodb.get_item(TableName=TABLE, Key=key)["Item"]) == {"pk", "sk", "text"}


def test_keys_for_signatures_sign_and_the_others_have_none(aws: EmulatedAws) -> None:
    kms = aws.clients("kms")
    for spec in ("RSA_2048", "ECC_NIST_P256"):
        key = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        how = {
            "KeyId": key,
            "Message": b"word",
            "SigningAlgorithm": f"{'RSASSA_PSS' if 'RSA' in spec else 'ECDSA'}_SHA_256",
        }
        assert kms.verify(**how, Signature=kms.sign(**how)["Signature"])["SignatureValid"]
    keys = kms_backends[DEFAULT_ACCOUNT_ID][aws.region].keys.values()
    specs = {"RSA_2048": True, "ECC_NIST_P256": True, "SYMMETRIC_DEFAULT": False, "HMAC_256": False}
    assert {key.key_spec: key.private_key is not None for key in keys} == specs
    sealed = kms.encrypt(KeyId=aws.kms_key_arn, Plaintext=b"word")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"word"
