"""PINs by raw HTTP: set, exchanged for a temporary key, asked for, counted, locked."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.api_kit import (
    Backstage,
    assert_headers,
    assert_refused,
    content,
    fetched,
    granted,
    in_the_future,
    in_the_past,
    perform,
    uploaded,
)
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e

PIN_GUARDED = "7g8h9i"


@pytest.fixture(autouse=True)
def _as_before(alice: User, bob: User, backstage: Backstage) -> Iterator[None]:
    """The stack is everybody's: names, PINs and tries are put back as they were."""
    before = [backstage.record("USER", user.api("GET", "/user").data["id"]) for user in (alice, bob)]
    yield
    for record in before:
        backstage.dynamodb.put_item(TableName=backstage.table, Item=record)


def assert_locked(answer: Answer) -> None:
    assert_refused(answer, 429, "pin_locked")
    assert 890 <= int(answer.headers["Retry-After"]) <= 900


def guarded(alice: User, backstage: Backstage) -> str:
    """The key of a download that asks for a PIN. Until mails make such downloads, one is made behind the API: the
    verifier is KMS's, of scrypt, made here by its documentation.
    """
    import hashlib
    import secrets

    download_id, key = granted(alice.api, uploaded(alice.api, content(100), "secret plans.pdf")["id"])
    salt = secrets.token_bytes(16)
    slow = hashlib.scrypt(PIN_GUARDED.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
    message = b"sealdrop PIN\0download:" + download_id.encode() + b"\0" + slow
    (pepper,) = [it["TargetKeyId"] for it in backstage.kms.list_aliases()["Aliases"] if "pepper" in it["AliasName"]]
    mac = backstage.kms.generate_mac(KeyId=pepper, MacAlgorithm="HMAC_SHA_256", Message=message)["Mac"]
    numbers = {"n": 2**14, "r": 8, "p": 1}
    verifier = {
        "version": {"S": "made by a test"},
        "salt": {"B": salt},
        "mac": {"B": mac},
        **{name: {"N": str(number)} for name, number in numbers.items()},
    }
    backstage.dynamodb.update_item(
        TableName=backstage.table,
        Key={"pk": {"S": f"DOWNLOAD#{download_id}"}, "sk": {"S": "DOWNLOAD"}},
        UpdateExpression="SET pin = :pin, expires_at = :later",
        ExpressionAttributeValues={":pin": {"M": verifier}, ":later": {"S": in_the_future(hours=1)}},
    )
    return key


def a_download(api: Api) -> str:
    download_id: str = api("POST", "/downloads", {"files": [uploaded(api, b"x")["id"]]}).data["id"]
    return download_id


# --- the user --------------------------------------------------------------------------------------------------------


def test_a_pin_is_set_changed_and_removed(alice: User) -> None:
    assert alice.api("GET", "/user").data["has_pin"] is True
    assert_refused(alice.api("PATCH", "/user", {"pin": "new one"}), 422, "invalid", ["current_pin"])
    wrong = {"pin": "new one", "current_pin": "0000"}
    error = assert_refused(alice.api("PATCH", "/user", wrong), 422, "invalid", ["current_pin"])
    assert error["errors"] == {"current_pin": ["Invalid PIN."]}
    changed = alice.api("PATCH", "/user", {"pin": "new one", "current_pin": alice.pin})
    assert_headers(changed)
    assert changed.data == alice.api("GET", "/user").data
    assert alice.api("POST", "/keys", {"pin": "new one"}).status == 201
    removed = alice.api("PATCH", "/user", {"pin": None, "current_pin": "new one"}).data
    assert removed["has_pin"] is False
    assert_refused(alice.api("POST", "/keys", {"pin": "new one"}), 422, "invalid", ["pin"])
    assert alice.api("POST", f"/downloads/{a_download(alice.api)}/keys").status == 201, "nobody asks for it now"
    assert alice.api("PATCH", "/user", {"pin": "first one"}).data["has_pin"] is True


def test_a_new_name_is_shown_by_what_is_made_from_then_on(alice: User, anyone: Api) -> None:
    old = uploaded(alice.api, b"old")
    renamed = alice.api("PATCH", "/user", {"name": "Alice Adams", "timezone": "Asia/Tokyo"}).data
    assert (renamed["name"], renamed["initials"], renamed["timezone"]) == ("Alice Adams", "AA", "Asia/Tokyo")
    new = uploaded(alice.api, b"new")
    assert (new["created_by"]["name"], new["created_by"]["timezone"]) == ("Alice Adams", "Asia/Tokyo")
    assert alice.api("GET", f"/files/{old['id']}").data["created_by"]["name"] == alice.name
    _, key = granted(alice.api, new["id"])
    assert anyone("GET", f"/public/downloads/{key}").data["sender"]["name"] == "Alice Adams"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"pin": "123"}, ["pin"]),
        ({"pin": "p" * 65}, ["pin"]),
        ({"pin": "12\n34"}, ["pin"]),
        ({"pin": 1234}, ["pin"]),
        ({"name": ""}, ["name"]),
        ({"timezone": "Mars/Olympus"}, ["timezone"]),
        ({"email": "new@example.com"}, ["email"]),
        ({"current_pin": "1a2s3d"}, ["current_pin"]),
    ],
)
def test_what_cannot_be_changed_so(alice: User, body: Any, fields: list[str]) -> None:
    before = alice.api("GET", "/user").data
    assert_refused(alice.api("PATCH", "/user", body), 422, "invalid", fields)
    assert alice.api("GET", "/user").data == before


# --- temporary keys --------------------------------------------------------------------------------------------------


def test_from_the_pin_to_the_bytes(alice: User, anyone: Api) -> None:
    """As the documented API has it: PIN, temporary key, download key, bytes."""
    data = content(1000)
    file = uploaded(alice.api, data, encryption="client")
    bought = alice.api("POST", "/keys", {"pin": alice.pin})
    assert_headers(bought)
    assert (bought.status, set(bought.data)) == (201, {"key", "expires_at"})
    life = datetime.fromisoformat(bought.data["expires_at"]) - datetime.now().astimezone()
    assert 3590 < life.total_seconds() <= 3600
    download = alice.api("POST", "/downloads", {"files": [file["id"]]}).data
    path = f"/downloads/{download['id']}/keys"
    assert_refused(alice.api("POST", path), 422, "invalid", ["pinKey"])
    key = alice.api("POST", path, {"pinKey": bought.data["key"]}).data["key"]
    assert fetched(anyone, perform(anyone, key).data["files"][0]) == data
    assert alice.api("DELETE", f"/keys/{bought.data['key']}").status == 204
    assert_refused(alice.api("DELETE", f"/keys/{bought.data['key']}"), 404, "not_found")


def test_a_wrong_pin_in_the_words_of_the_documented_api(alice: User) -> None:
    assert_words(alice.api("POST", "/keys", {"pin": "0000"}), "pin", "Invalid PIN.")
    path = f"/downloads/{a_download(alice.api)}/keys"
    assert_words(alice.api("POST", path, {"pinKey": "unknown"}), "pinKey", "Pin key does not exists")


def assert_words(answer: Answer, field: str, words: str) -> None:
    error = assert_refused(answer, 422, "invalid", [field])
    assert (error["message"], error["errors"]) == ("The given data was invalid.", {field: [words]})


def test_five_wrong_ones_lock_it_and_a_right_one_before_that_begins_anew(alice: User, backstage: Backstage) -> None:
    for pins in (["0000"] * 4, ["0000"] * 5):
        for pin in pins:
            assert_words(alice.api("POST", "/keys", {"pin": pin}), "pin", "Invalid PIN.")
        last = alice.api("POST", "/keys", {"pin": alice.pin})
        assert last.status == (201 if len(pins) == 4 else 429)
    assert_locked(last)
    user_id = alice.api("GET", "/user").data["id"]
    backstage.change("USER", user_id, pin_tried_at=in_the_past(minutes=14))
    assert alice.api("POST", "/keys", {"pin": alice.pin}).status == 429
    backstage.change("USER", user_id, pin_tried_at=in_the_past(minutes=15))
    assert alice.api("POST", "/keys", {"pin": alice.pin}).status == 201


# --- downloads that ask for one --------------------------------------------------------------------------------------


def test_a_download_behind_a_pin(alice: User, anyone: Api, backstage: Backstage) -> None:
    key = guarded(alice, backstage)
    shown = anyone("GET", f"/public/downloads/{key}")
    assert set(shown.data) == {"sender", "uses_left", "expires_at", "pin_required"}
    assert shown.data["pin_required"] is True
    assert_words(perform(anyone, key), "pin", "This download asks for a PIN.")
    assert_words(perform(anyone, key, pin="0000"), "pin", "Invalid PIN.")
    performed = perform(anyone, key, pin=PIN_GUARDED).data
    assert fetched(anyone, performed["files"][0]) == content(100)
    assert perform(anyone, key, session=performed["session"]).status == 200
    assert_refused(perform(anyone, key, pin=PIN_GUARDED), 410, "gone")


def test_its_tries_are_counted_and_spend_nothing(alice: User, anyone: Api, backstage: Backstage) -> None:
    key = guarded(alice, backstage)
    for _ in range(5):
        assert_words(perform(anyone, key, pin="0000"), "pin", "Invalid PIN.")
    assert_locked(perform(anyone, key, pin=PIN_GUARDED))
    assert anyone("GET", f"/public/downloads/{key}").data["uses_left"] == 1
