"""Tokens, and who am I."""

from typing import Any

import pytest

from tests.e2e.api_kit import SCOPES, assert_headers, assert_refused, in_the_future, in_the_past
from tests.e2e.conftest import User

pytestmark = pytest.mark.e2e

TOKEN_FIELDS = {"id", "name", "scopes", "created_at", "expires_at", "last_used_at"}


def test_a_token_is_shown_once_works_and_is_revoked(alice: User) -> None:
    later = in_the_future(days=30)
    made = alice.api("POST", "/tokens", {"name": "laptop", "scopes": ["account", "tokens"], "expires_at": later})
    assert made.status == 201
    token = made.data
    assert set(token) == TOKEN_FIELDS | {"token"}
    assert token["token"].startswith("sdt_")
    assert (token["name"], token["scopes"], token["expires_at"]) == ("laptop", ["account", "tokens"], later)
    assert token["last_used_at"] is None

    laptop = alice.api.with_token(token["token"])
    me = laptop("GET", "/user").data
    assert (me["email"], me["token"]["id"], me["token"]["name"]) == (alice.email, token["id"], "laptop")
    page = laptop("GET", "/tokens?limit=100")
    assert [set(it) for it in page.data] == [TOKEN_FIELDS] * len(page.data)
    (found,) = [it for it in page.data if it["id"] == token["id"]]
    assert found["last_used_at"] >= token["created_at"]
    assert token["token"] not in page.body.decode()

    assert alice.api("DELETE", f"/tokens/{token['id']}").status == 204
    assert_refused(laptop("GET", "/user"), 401, "unauthenticated")
    assert_refused(alice.api("DELETE", f"/tokens/{token['id']}"), 404, "not_found")
    assert token["id"] not in {it["id"] for it in alice.api("GET", "/tokens?limit=100").data}


def test_pages_of_tokens_newest_first(bob: User) -> None:
    made = [bob.api("POST", "/tokens", {"name": f"{n}", "scopes": ["account"]}).data["id"] for n in range(3)]
    first = bob.api("GET", "/tokens?limit=2")
    assert [it["id"] for it in first.data] == [made[2], made[1]]
    second = bob.api("GET", f"/tokens?limit=2&cursor={first.json['meta']['next_cursor']}")
    assert second.data[0]["id"] == made[0]


def test_a_token_can_revoke_itself(alice: User) -> None:
    token = alice.api("POST", "/tokens", {"name": "burn", "scopes": ["tokens"]}).data
    burn = alice.api.with_token(token["token"])
    assert burn("DELETE", f"/tokens/{token['id']}").status == 204
    assert_refused(burn("GET", "/tokens"), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name", "scopes"]),
        ({"name": "", "scopes": ["tokens"]}, ["name"]),
        ({"name": "x" * 121, "scopes": ["tokens"]}, ["name"]),
        ({"name": "two\nlines", "scopes": ["tokens"]}, ["name"]),
        ({"name": "x", "scopes": []}, ["scopes"]),
        ({"name": "x", "scopes": "tokens"}, ["scopes"]),
        ({"name": "x", "scopes": ["everything"]}, ["scopes"]),
        ({"name": "x", "scopes": [{"a": 1}]}, ["scopes"]),
        ({"name": "x", "scopes": ["tokens"], "expires_at": in_the_past(days=1)}, ["expires_at"]),
        ({"name": "x", "scopes": ["tokens"], "token": "sdt_mine"}, ["token"]),
    ],
)
def test_what_a_token_cannot_be(alice: User, body: Any, fields: list[str]) -> None:
    assert_refused(alice.api("POST", "/tokens", body), 422, "invalid", fields)


def test_who_am_i(alice: User, bob: User) -> None:
    answer = alice.api("GET", "/user")
    assert_headers(answer)
    me = answer.data
    assert set(me) == {"id", "name", "email", "initials", "photo_url", "timezone", "account", "token"}
    assert (me["name"], me["email"], me["initials"]) == (alice.name, alice.email, "AA")
    assert me["account"]["name"] == "Archer & Co"
    assert set(me["token"]) == TOKEN_FIELDS
    assert sorted(me["token"]["scopes"]) == sorted(SCOPES)
    assert bob.api("GET", "/user").data["account"]["id"] != me["account"]["id"]


def test_health_asks_for_nothing(alice: User) -> None:
    answer = alice.api.with_token(None)("GET", "/health")
    assert answer.data == {"status": "ok"}
    assert_headers(answer)
