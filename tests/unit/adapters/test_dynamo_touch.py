"""Every write through the client says who made it; nothing else about it changes."""

from typing import Any, cast

import pytest

from chalicelib.adapters.dynamo_table import from_dynamo, whole_item
from chalicelib.adapters.dynamo_touch import TOUCHED, touching
from tests.support.builders import an_act

ACT = an_act()
MARK = {
    "actor": "user",
    "at": "2026-03-01T12:00:00.000000+00:00",
    "user_id": ACT.user_id,
    "token_id": ACT.token_id,
    "ip": "192.0.2.1",
    "request_id": ACT.request_id,
}


class Recorder:
    """In place of boto3's client."""

    meta = "meta"

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda **request: self.sent.append((name, request))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder) -> Any:
    return touching(cast(Any, recorder), ACT)


def without_id(mark: Any) -> dict[str, Any]:
    plain = whole_item({TOUCHED: mark})[TOUCHED]
    assert len(plain.pop("id")) >= 12
    return plain


def test_a_put(client: Any, recorder: Recorder) -> None:
    item = {"pk": {"S": "FILE#1"}}
    client.put_item(TableName="t", Item=item, ConditionExpression="attribute_not_exists(pk)")
    ((name, sent),) = recorder.sent
    assert (name, sent["TableName"], sent["ConditionExpression"]) == ("put_item", "t", "attribute_not_exists(pk)")
    assert without_id(sent["Item"].pop(TOUCHED)) == MARK
    assert sent["Item"] == item == {"pk": {"S": "FILE#1"}}  # what was given is not changed


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("SET a = :a", "SET touched = :touched, a = :a"),
        ("SET a = :a REMOVE b", "SET touched = :touched, a = :a REMOVE b"),
        ("REMOVE b SET a = :a", "REMOVE b SET touched = :touched, a = :a"),
        ("REMOVE b", "SET touched = :touched REMOVE b"),
        ("ADD n :one", "SET touched = :touched ADD n :one"),
        ("SET offset = :a, reset = :b", "SET touched = :touched, offset = :a, reset = :b"),
    ],
)
def test_an_update(client: Any, recorder: Recorder, given: str, sent: str) -> None:
    client.update_item(Key={}, UpdateExpression=given, ExpressionAttributeValues={":a": {"N": "1"}})
    ((_, request),) = recorder.sent
    assert request["UpdateExpression"] == sent
    assert without_id(request["ExpressionAttributeValues"].pop(":touched")) == MARK
    assert request["ExpressionAttributeValues"] == {":a": {"N": "1"}}


def test_an_update_without_values(client: Any, recorder: Recorder) -> None:
    client.update_item(Key={}, UpdateExpression="REMOVE b")
    assert list(recorder.sent[0][1]["ExpressionAttributeValues"]) == [":touched"]


def test_a_transaction(client: Any, recorder: Recorder) -> None:
    put, update = {"Put": {"Item": {"pk": {"S": "1"}}}}, {"Update": {"UpdateExpression": "SET a = :a"}}
    others = [{"Delete": {"Key": {}}}, {"ConditionCheck": {"Key": {}}}]
    client.transact_write_items(TransactItems=[put, update, *others], ClientRequestToken="c")
    ((_, request),) = recorder.sent
    items = request["TransactItems"]
    assert without_id(items[0]["Put"]["Item"][TOUCHED]) == MARK
    assert without_id(items[1]["Update"]["ExpressionAttributeValues"][":touched"]) == MARK
    assert items[2:] == others
    assert request["ClientRequestToken"] == "c"


def test_each_write_has_a_mark_of_its_own(client: Any, recorder: Recorder) -> None:
    for _ in range(2):
        client.put_item(Item={})
    first, second = (sent["Item"][TOUCHED] for _, sent in recorder.sent)
    assert first != second


def test_all_else_passes(client: Any, recorder: Recorder) -> None:
    client.get_item(Key={"pk": {"S": "1"}})
    client.delete_item(Key={"pk": {"S": "1"}})
    assert recorder.sent == [(name, {"Key": {"pk": {"S": "1"}}}) for name in ("get_item", "delete_item")]
    assert client.meta == "meta"


def test_stores_never_see_it() -> None:
    assert from_dynamo({"pk": {"S": "1"}, TOUCHED: {"M": {}}}) == {"pk": "1"}
