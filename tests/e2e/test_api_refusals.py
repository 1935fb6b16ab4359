"""Every refusal of the API table, its one shape and its headers. (403 and 401 in full: test_attacks_access.py.)"""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.api_kit import (
    MIB,
    PART,
    PROTECTED,
    UNKNOWN_ID,
    Backstage,
    announce,
    assert_headers,
    assert_refused,
    complete,
    content,
    granted,
    perform,
    sha256,
    uploaded,
)
from tests.e2e.conftest import Api, User

pytestmark = pytest.mark.e2e

JSON = {"Content-Type": "application/json"}
DIGEST = sha256(b"five!")


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nonsense",
        b'{"filename": "a", "size": 1} more',
        b"\xff\xfe",
        b'{"filename": "\\ud800", "size": 1}',
        b"[" * 5000,
    ],
    ids=["cut off", "no json", "trailing", "no utf-8", "half a character", "deep"],
)
def test_400_for_what_is_not_json(alice: User, raw: bytes) -> None:
    assert_refused(alice.api("POST", "/files", raw=raw, headers=JSON), 400, "bad_json")


@pytest.mark.parametrize("raw", [b"[]", b"7", b'"text"', b"null"])
def test_422_for_json_of_another_kind(alice: User, raw: bytes) -> None:
    assert_refused(alice.api("POST", "/files", raw=raw, headers=JSON), 422, "invalid", ["body"])


def test_401_says_how_to_authenticate(anyone: Api) -> None:
    answer = anyone("GET", "/user")
    assert_refused(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_403_names_the_scope(alice: User) -> None:
    narrow = alice.api("POST", "/tokens", {"name": "narrow", "scopes": ["files:read"]}).data["token"]
    error = assert_refused(
        alice.api("POST", "/files", {"filename": "a", "size": 1}, token=narrow), 403, "missing_scope"
    )
    assert "files:write" in error["message"]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["", "/", "/nothing", "/files/a/b/c", "/../api/nothing", "/public", "/openapi"])
def test_404_for_unknown_routes(alice: User, method: str, path: str) -> None:
    assert_refused(alice.api(method, path), 404, "not_found", from_the_gateway=True)


@pytest.mark.parametrize(("method", "path", "_"), PROTECTED)
def test_404_for_methods_that_a_route_does_not_have(alice: User, method: str, path: str, _: str) -> None:
    declared = {m for m, p, _ in PROTECTED if p == path}
    for other in {"GET", "PUT", "PATCH", "DELETE"} - declared:
        assert_refused(
            alice.api(other, path.replace("{", "").replace("}", "")), 404, "not_found", from_the_gateway=True
        )


@pytest.mark.parametrize("unknown", [UNKNOWN_ID, "x", "%00", "..", UNKNOWN_ID.upper(), "%2e%2e%2f", "a" * 2000])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/files/{id}", None),
        ("PATCH", "/files/{id}", {"trashed": True}),
        ("DELETE", "/files/{id}", None),
        ("POST", "/files/{id}/parts", {"parts": [{"number": 1}]}),
        ("POST", "/files/{id}/complete", None),
        ("POST", "/downloads/{id}/keys", None),
        ("GET", "/mails/{id}", None),
        ("DELETE", "/mails/{id}", None),
        ("GET", "/inbox/{id}", None),
        ("DELETE", "/inbox/{id}", None),
        ("DELETE", "/tokens/{id}", None),
        ("DELETE", "/keys/{id}", None),
        ("GET", "/public/downloads/{id}", None),
        ("POST", "/public/downloads/{id}", None),
    ],
)
def test_404_for_unknown_ids(alice: User, method: str, path: str, body: Any, unknown: str) -> None:
    if unknown == "..":
        unknown = "%2E%2E"  # as a segment: clients resolve the bare one away
    assert_refused(alice.api(method, path.replace("{id}", unknown), body), 404, "not_found")


def test_409_for_what_an_upload_that_is_over_cannot_do(alice: User) -> None:
    file = uploaded(alice.api, b"done")
    answer = alice.api("POST", f"/files/{file['id']}/parts", {"parts": [{"number": 1}]})
    assert_refused(answer, 409, "upload_over")


def test_410_for_a_download_that_was_used(alice: User, anyone: Api) -> None:
    _, key = granted(alice.api, uploaded(alice.api, b"once")["id"])
    perform(anyone, key)
    assert_refused(perform(anyone, key), 410, "gone")


def test_413_by_the_service(alice: User) -> None:
    body = b'{"filename": "' + b"a" * (256 * 1024) + b'", "size": 1}'
    assert_refused(alice.api("POST", "/files", raw=body, headers=JSON), 413, "too_large")


def test_413_by_the_gateway(alice: User) -> None:
    answer = alice.api("POST", "/files", raw=b"x" * (10 * MIB + 1), headers=JSON)
    assert_refused(answer, 413, "too_large", from_the_gateway=True)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_415(alice: User, media_type: str) -> None:
    answer = alice.api("POST", "/files", raw=b'{"filename": "a", "size": 1}', headers={"Content-Type": media_type})
    assert_refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_by_its_other_spellings(alice: User, media_type: str) -> None:
    answer = alice.api("POST", "/files", raw=b'{"filename": "a", "size": 1}', headers={"Content-Type": media_type})
    assert answer.status == 201


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"filename": None}, ["filename"]),
        ({"filename": 7}, ["filename"]),
        ({"size": -1}, ["size"]),
        ({"size": 1.5}, ["size"]),
        ({"size": "1"}, ["size"]),
        ({"size": True}, ["size"]),
        ({"size": 5 * 2**40 + 1}, ["size"]),
        ({"size": 10**400}, None),
        ({"size": 5 * 2**40, "encryption": "client"}, ["size"]),
        ({"type": "pdf"}, ["type"]),
        ({"type": "text/plain\r\nX-Evil: 1"}, ["type"]),
        ({"type": "text/html; charset=utf-8"}, ["type"]),
        ({"encryption": "none"}, ["encryption"]),
        ({"encryption": "link"}, ["encryption"]),
        ({"checksum_sha256": "abc"}, ["checksum_sha256"]),
        ({"checksum_sha256": DIGEST[:-1]}, ["checksum_sha256"]),
        ({"checksum_sha256": DIGEST, "encryption": "client"}, ["checksum_sha256"]),
        ({"checksum_sha256": DIGEST, "size": PART + 1, "part_size": PART}, ["checksum_sha256"]),
        ({"part_checksums": True}, ["part_checksums"]),
        ({"part_checksums": "yes"}, ["part_checksums"]),
        ({"part_size": PART - 1}, ["part_size"]),
        ({"part_size": 5 * 2**30 + 1}, ["part_size"]),
        ({"part_size": PART, "size": PART * 10_000 + 1}, ["part_size"]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"expires_at": "2031-01-01T00:00:00"}, ["expires_at"]),
        ({"id": UNKNOWN_ID}, ["id"]),
        ({"encrypted_size": 5}, ["encrypted_size"]),
        ({"a" * 300: 1}, ["a" * 200]),
    ],
)
def test_422_for_an_upload_that_cannot_be(alice: User, change: dict[str, Any], fields: list[str] | None) -> None:
    answer = alice.api("POST", "/files", {"filename": "a.txt", "size": 5, **change})
    if fields is None:
        assert answer.status in {400, 422}
        assert_headers(answer)
        return
    assert_refused(answer, 422, "invalid", fields)


def test_422_names_every_field_at_once(alice: User) -> None:
    answer = alice.api("POST", "/files", {"filename": "a/b", "size": -1, "colour": "red"})
    assert_refused(answer, 422, "invalid", ["filename", "size", "colour"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["parts"]),
        ({"parts": []}, ["parts"]),
        ({"parts": [{"number": 0}]}, ["parts.0.number"]),
        ({"parts": [{"number": 2}]}, ["parts.0.number"]),
        ({"parts": [{"number": "1"}]}, ["parts.0.number"]),
        ({"parts": [{"number": 1}, {"number": 1}]}, ["parts"]),
        ({"parts": [{"number": 1, "checksum_sha256": "x"}]}, ["parts.0.checksum_sha256"]),
        ({"parts": [{"number": 1, "size": 9}]}, ["parts.0.size"]),
    ],
)
def test_422_for_parts_that_cannot_be(alice: User, body: Any, fields: list[str]) -> None:
    ticket = announce(alice.api, 5)
    assert_refused(alice.api("POST", f"/files/{ticket['id']}/parts", body), 422, "invalid", fields)


def test_422_for_a_digest_that_an_upload_in_parts_did_not_announce(alice: User) -> None:
    ticket = announce(alice.api, PART + 1, part_size=PART)
    body = {"parts": [{"number": 1, "checksum_sha256": DIGEST}]}
    answer = alice.api("POST", f"/files/{ticket['id']}/parts", body)
    assert_refused(answer, 422, "invalid", ["parts.0.checksum_sha256"])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/files?limit=0", ["limit"]),
        ("/files?limit=101", ["limit"]),
        ("/files?limit=ten", ["limit"]),
        ("/files?limit=", ["limit"]),
        ("/files?limit=5&limit=6", ["limit"]),
        ("/files?page=2", ["page"]),
        ("/files?status=all", ["status"]),
        ("/files?trashed=yes", ["trashed"]),
        ("/files?trashed=true&status=pending", ["trashed"]),
        ("/files?cursor=nonsense", ["cursor"]),
        ("/files?cursor=" + "A" * 201, ["cursor"]),
        ("/tokens?status=ready", ["status"]),
        ("/user?x=1", ["x"]),
        ("/health?x=1", ["x"]),
    ],
)
def test_422_for_query_parameters(alice: User, path: str, fields: list[str]) -> None:
    assert_refused(alice.api("GET", path), 422, "invalid", fields)


@pytest.mark.parametrize("path", ["/files/{id}/complete", "/downloads/{id}/keys"])
def test_422_for_a_body_where_none_is_asked_for(alice: User, path: str) -> None:
    assert_refused(alice.api("POST", path.replace("{id}", UNKNOWN_ID), {"x": 1}), 422, "invalid", ["x"])


def test_422_is_told_before_anything_is_done(alice: User, backstage: Backstage) -> None:
    file = uploaded(alice.api, content(9))
    assert_refused(alice.api("DELETE", f"/files/{file['id']}?permanent=yes"), 422, "invalid", ["permanent"])
    assert_refused(alice.api("DELETE", f"/files/{file['id']}?force=true"), 422, "invalid", ["force"])
    assert complete(alice.api, file["id"]).data["status"] == "ready"
    assert len(backstage.versions(file["id"])) == 1


def test_500_says_nothing(alice: User, backstage: Backstage) -> None:
    file = uploaded(alice.api, b"broken")
    backstage.change("FILE", file["id"], status="no such status")
    answer = alice.api("GET", f"/files/{file['id']}")
    error = assert_refused(answer, 500, "internal")
    assert error["message"] == "Something went wrong on our side. The request id helps us find out what."
    backstage.dynamodb.delete_item(
        TableName=backstage.table, Key={"pk": {"S": f"FILE#{file['id']}"}, "sk": {"S": "FILE"}}
    )


def test_no_answer_repeats_what_was_sent(alice: User) -> None:
    """An error page that quotes its visitor is half of an attack."""
    marker = "<script>alert(1)</script>"
    answers = [
        alice.api("GET", f"/files/{quote(marker, safe='')}"),
        alice.api("GET", f"/files?limit={quote(marker)}"),
        alice.api("POST", "/files", {"filename": f"{marker}/", "size": marker}),
        alice.api("POST", "/files", raw=json.dumps(marker).encode(), headers=JSON),
        alice.api.with_token(None)("GET", "/user", token=marker),
        alice.api("GET", f"/{quote(marker)}"),
    ]
    for answer in answers:
        assert 400 <= answer.status < 500
        assert marker not in answer.body.decode()
        assert answer.headers["Content-Type"] == "application/json"
