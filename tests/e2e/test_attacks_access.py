"""Attacks A, O, L and P of docs/threat-model.md on the running stack: who may call what, and what calls may say."""

import base64
import json
import secrets
import zlib
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.api_kit import (
    PROTECTED,
    SCOPES,
    UNKNOWN_ID,
    Backstage,
    announce,
    assert_refused,
    granted,
    in_the_future,
    in_the_past,
    perform,
    uploaded,
    without_request_id,
)
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_token(user: User, *scopes: str, **fields: Any) -> Any:
    return user.api("POST", "/tokens", {"name": "for a test", "scopes": list(scopes), **fields}).data


def forged_token() -> str:
    """Well formed, checksum and all, and known to nobody."""
    secret = "".join(secrets.choice(BASE62) for _ in range(43))
    number, digits = zlib.crc32(secret.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return f"sdt_{secret}{digits}"


def expired_token(alice: User, backstage: Backstage) -> str:
    token = new_token(alice, *SCOPES)
    backstage.change("TOKEN", token["id"], expires_at=in_the_past(seconds=1))
    return str(token["token"])


def filled(path: str, **ids: str) -> str:
    for name in ("file", "download", "token", "key"):
        path = path.replace(f"{{{name}}}", ids.get(name, UNKNOWN_ID))
    return path


# --- A: tokens -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "_"), PROTECTED)
def test_a1_no_route_answers_without_a_good_token(
    alice: User, anyone: Api, backstage: Backstage, method: str, path: str, _: str
) -> None:
    good = alice.token
    typo = good[:-1] + ("A" if good[-1] != "A" else "B")
    headers = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": good},
        {"Authorization": f"Basic {base64.b64encode(f'{good}:'.encode()).decode()}"},
        {"Authorization": f"Bearer {typo}"},
        {"Authorization": f"Bearer {good} {good}"},
        {"Authorization": f"Bearer {good.lower()}"},
        {"Authorization": f"Bearer {forged_token()}"},
        {"Authorization": f"Bearer {expired_token(alice, backstage)}"},
        {"Cookie": f"token={good}", "X-Api-Key": good},
    ]
    answers = [anyone(method, filled(path), headers=sent) for sent in headers]
    for answer in answers:
        assert_refused(answer, 401, "unauthenticated")
    assert [without_request_id(answer) for answer in answers] == [without_request_id(answers[0])] * len(answers)
    assert_refused(anyone(method, f"{filled(path)}?token={good}&access_token={good}"), 401, "unauthenticated")


@pytest.mark.parametrize("scope", SCOPES)
def test_a2_a_token_does_what_its_scope_says_and_nothing_else(alice: User, scope: str) -> None:
    api = alice.api.with_token(new_token(alice, scope)["token"])
    may = {f"{method} {path}" for method, path, _ in PROTECTED if api(method, filled(path)).status != 403}
    assert may == {f"{method} {path}" for method, path, needed in PROTECTED if needed == scope}


def test_a2_nothing_happens_before_the_scope_is_checked(alice: User) -> None:
    file = uploaded(alice.api, b"safe")
    narrow = alice.api.with_token(new_token(alice, *(scope for scope in SCOPES if scope != "files:write"))["token"])
    assert_refused(narrow("DELETE", f"/files/{file['id']}?permanent=true"), 403, "missing_scope")
    assert_refused(narrow("PATCH", f"/files/{file['id']}", {"trashed": True}), 403, "missing_scope")
    assert alice.api("GET", f"/files/{file['id']}").data == file


@pytest.mark.parametrize("scope", SCOPES)
def test_a3_no_wider_token_out_of_a_narrow_one(alice: User, scope: str) -> None:
    maker = alice.api.with_token(new_token(alice, "tokens", scope)["token"])
    wider = sorted(set(SCOPES) - {"tokens", scope})
    error = assert_refused(
        maker("POST", "/tokens", {"name": "wide", "scopes": list(SCOPES)}), 403, "missing_scope", ["scopes"]
    )
    assert error["errors"]["scopes"] == wider
    for other in wider:
        body = {"name": "wide", "scopes": [scope, other]}
        assert_refused(maker("POST", "/tokens", body), 403, "missing_scope", ["scopes"])
    assert maker("POST", "/tokens", {"name": "same", "scopes": [scope]}).status == 201


def test_a3_no_longer_lived_token_out_of_a_short_one(alice: User) -> None:
    until = in_the_future(hours=1)
    maker = alice.api.with_token(new_token(alice, "tokens", expires_at=until)["token"])
    for expiry in ({}, {"expires_at": None}, {"expires_at": in_the_future(hours=2)}):
        body = {"name": "long", "scopes": ["tokens"], **expiry}
        assert_refused(maker("POST", "/tokens", body), 422, "invalid", ["expires_at"])
    same = maker("POST", "/tokens", {"name": "same", "scopes": ["tokens"], "expires_at": until}).data
    assert same["expires_at"] == until


def test_a4_nobody_revokes_anothers_token(alice: User, bob: User) -> None:
    token = new_token(alice, "account")
    strange = bob.api("DELETE", f"/tokens/{token['id']}")
    unknown = bob.api("DELETE", f"/tokens/{UNKNOWN_ID}")
    assert_refused(strange, 404, "not_found")
    assert without_request_id(strange) == without_request_id(unknown)
    assert alice.api.with_token(token["token"])("GET", "/user").status == 200
    assert token["id"] not in {it["id"] for it in bob.api("GET", "/tokens?limit=100").data}


def test_a5_a_revoked_token_ends_at_once(alice: User) -> None:
    token = new_token(alice, "account")
    holder = alice.api.with_token(token["token"])
    for _ in range(5):  # warm whatever might remember it
        assert holder("GET", "/user").status == 200
    assert alice.api("DELETE", f"/tokens/{token['id']}").status == 204
    for _ in range(20):
        assert_refused(holder("GET", "/user"), 401, "unauthenticated")


def test_a6_what_a_thief_made_with_a_stolen_token_ends_with_it(alice: User) -> None:
    stolen = new_token(alice, "tokens", "files:read")
    thief = alice.api.with_token(stolen["token"])
    child = thief("POST", "/tokens", {"name": "ci", "scopes": ["tokens", "files:read"]}).data
    grandchild = alice.api.with_token(child["token"])("POST", "/tokens", {"name": "ci", "scopes": ["files:read"]}).data
    assert alice.api("DELETE", f"/tokens/{stolen['id']}").status == 204
    for token in (stolen, child, grandchild):
        assert_refused(alice.api.with_token(token["token"])("GET", "/files"), 401, "unauthenticated")
    assert not {stolen["id"], child["id"], grandchild["id"]} & {
        it["id"] for it in alice.api("GET", "/tokens?limit=100").data
    }


def test_a7_a_thief_with_a_narrow_token_ends_no_wide_one(alice: User) -> None:
    narrow, wide = new_token(alice, "tokens"), new_token(alice, "tokens", "files:read")
    thief = alice.api.with_token(narrow["token"])
    for listed in thief("GET", "/tokens?limit=100").data:
        if set(listed["scopes"]) - {"tokens"}:
            assert_refused(thief("DELETE", f"/tokens/{listed['id']}"), 403, "missing_scope")
    assert alice.api.with_token(wide["token"])("GET", "/files").status == 200


# --- O: what belongs to another account ------------------------------------------------------------------------------

WITH_A_FILE = (
    ("GET", "/files/{id}", None),
    ("PATCH", "/files/{id}", {"filename": "mine.txt"}),
    ("PATCH", "/files/{id}", {"trashed": True}),
    ("DELETE", "/files/{id}", None),
    ("DELETE", "/files/{id}?permanent=true", None),
    ("POST", "/files/{id}/parts", {"parts": [{"number": 1}]}),
    ("POST", "/files/{id}/complete", None),
)


@pytest.mark.parametrize(("method", "path", "body"), WITH_A_FILE)
@pytest.mark.parametrize("state", ["ready", "pending", "sealed and pending", "trashed"])
def test_o1_anothers_file_is_as_if_it_were_not_there(
    alice: User, bob: User, method: str, path: str, body: Any, state: str
) -> None:
    file = file_in(alice, state)
    before = alice.api("GET", f"/files/{file['id']}").data
    strange = bob.api(method, path.replace("{id}", file["id"]), body)
    unknown = bob.api(method, path.replace("{id}", UNKNOWN_ID), body)
    assert_refused(strange, 404, "not_found")
    assert without_request_id(strange) == without_request_id(unknown)
    assert alice.api("GET", f"/files/{file['id']}").data == before


def file_in(user: User, state: str) -> Any:
    if state == "pending":
        return announce(user.api, 5)
    if state == "sealed and pending":
        return announce(user.api, 5, encryption="client")
    file = uploaded(user.api, b"secret")
    if state == "trashed":
        user.api("DELETE", f"/files/{file['id']}")
    return file


def test_o1_lists_hold_ones_own_files_only(alice: User, bob: User) -> None:
    mine, theirs = uploaded(bob.api, b"bob's"), uploaded(alice.api, b"alice's")
    for query in ("", "&status=pending", "&status=rejected", "&trashed=true"):
        listed = bob.api("GET", f"/files?limit=100{query}").data
        assert theirs["id"] not in {file["id"] for file in listed}
        assert {file["created_by"]["email"] for file in listed} <= {bob.email}
    assert mine["id"] in {file["id"] for file in bob.api("GET", "/files?limit=100").data}


def test_o2_anothers_file_cannot_be_granted(alice: User, bob: User) -> None:
    mine, theirs = uploaded(bob.api, b"bob's")["id"], uploaded(alice.api, b"alice's")["id"]
    strange = bob.api("POST", "/downloads", {"files": [mine, theirs]})
    unknown = bob.api("POST", "/downloads", {"files": [mine, UNKNOWN_ID]})
    assert_refused(strange, 422, "invalid", ["files.1"])
    assert without_request_id(strange) == without_request_id(unknown)
    trashed = file_in(alice, "trashed")["id"]
    hidden = bob.api("POST", "/downloads", {"files": [mine, trashed]})
    assert without_request_id(hidden) == without_request_id(unknown), "not even that it is in the trash"


def test_o3_no_key_for_anothers_download(alice: User, bob: User, anyone: Api) -> None:
    file = uploaded(alice.api, b"alice's")
    download_id, key = granted(alice.api, file["id"])
    strange = bob.api("POST", f"/downloads/{download_id}/keys")
    unknown = bob.api("POST", f"/downloads/{UNKNOWN_ID}/keys")
    assert_refused(strange, 404, "not_found")
    assert without_request_id(strange) == without_request_id(unknown)
    assert perform(anyone, key).status == 200, "the owner's key is still the current one"


# --- P: what calls may say -------------------------------------------------------------------------------------------


def test_p1_a_body_cannot_smuggle_what_the_service_decides(alice: User, bob: User) -> None:
    owner = alice.api("GET", "/user").data["account"]["id"]
    smuggled = {"account_id": owner, "status": "ready", "object_key": "files/x", "created_by": {}, "id": UNKNOWN_ID}
    for name, value in smuggled.items():
        body = {"filename": "a", "size": 1, name: value}
        assert_refused(bob.api("POST", "/files", body), 422, "invalid", [name])


def test_p1_the_same_parameter_twice_is_not_guessed_at(alice: User) -> None:
    assert_refused(alice.api("GET", "/files?limit=1&limit=100"), 422, "invalid", ["limit"])
    file = uploaded(alice.api, b"x")
    path = f"/files/{file['id']}?permanent=false&permanent=true"
    assert_refused(alice.api("DELETE", path), 422, "invalid", ["permanent"])
    assert alice.api("GET", f"/files/{file['id']}").data["trashed"] is False


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"filename": "a", "size": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"filename": "a", "size": ' + b"9" * 100_000 + b"}",
        b'{"filename": "a", "size": 1e400}',
        b'{"filename": "a", "size": NaN}',
        b'{"filename": "' + b"\\u0000" * 20_000 + b'", "size": 1}',
        b'{"filename": ' + b'{"x": 1}' + b', "size": {"y": []}}',
        b'{"files": [' + b'"x",' * 50_000 + b'"x"]}',
        json.dumps({f"field {n}": n for n in range(10_000)}).encode(),
    ],
    ids=["deep", "deep value", "long number", "infinite", "nan", "nul", "wrong types", "wide", "many fields"],
)
@pytest.mark.parametrize("path", ["/files", "/downloads", "/tokens"])
def test_p1_hostile_json_is_refused_and_the_answer_is_small(alice: User, path: str, raw: bytes) -> None:
    answer = alice.api("POST", path, raw=raw, headers={"Content-Type": "application/json"})
    assert answer.status in {400, 413, 422}, answer.body[:300]
    assert answer.json["code"] in {"bad_json", "too_large", "invalid"}
    assert len(answer.body) < 64 * 1024


HOSTILE_NAMES = {
    "a path": "../../etc/passwd",
    "a Windows path": "..\\..\\boot.ini",
    "absolute": "/etc/passwd",
    "the folder": ".",
    "the folder above": "..",
    "nothing": "",
    "blanks": " \t ",
    "a header": "a.txt\r\nX-Evil: 1",
    "a line": "a\nb.txt",
    "an escape sequence": "\x1b]0;owned\x07.txt",
    "a C1 control": "a\x9b31m.txt",
    "nul": "a.pdf\x00.exe",
    "turned around": "invoice\u202efdp.exe",
    "an isolate": "a\u2067b.txt",
    "a mark": "a\u200fb.txt",
    "a line separator": "a\u2028b.txt",
    "too long": "a" * 256,
}


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_p2_hostile_file_names_are_refused(alice: User, name: str) -> None:
    assert_refused(alice.api("POST", "/files", {"filename": name, "size": 1}), 422, "invalid", ["filename"])
    file = uploaded(alice.api, b"x", "good.txt")
    assert_refused(alice.api("PATCH", f"/files/{file['id']}", {"filename": name}), 422, "invalid", ["filename"])
    assert alice.api("GET", f"/files/{file['id']}").data["full_filename"] == "good.txt"


def test_p2_a_name_cannot_add_to_the_header_that_s3_sends(alice: User, anyone: Api) -> None:
    name = 'a"; filename=evil.exe; x="%22\'.txt'
    _, key = granted(alice.api, uploaded(alice.api, b"x", name)["id"])
    answer = anyone.fetch("GET", perform(anyone, key).data["files"][0]["url"])
    disposition = answer.headers["Content-Disposition"]
    assert disposition.endswith(f"filename*=UTF-8''{quote(name, safe='')}")
    quoted = disposition.removeprefix('attachment; filename="').partition('"')[0]
    assert set('"\\') & set(quoted) == set()
    assert disposition.count('"') == 2


def test_p3_a_cursor_opens_nothing(alice: User, bob: User) -> None:
    made = [uploaded(alice.api, b"x")["id"] for _ in range(3)]
    alices = alice.api("GET", "/files?limit=1").json["meta"]["next_cursor"]
    seen = {file["id"] for file in bob.api("GET", f"/files?limit=100&cursor={alices}").data}
    assert not seen & set(made)
    for text in ("2999-01-01T00:00:00+00:00#FILE#" + made[0], "2999-01-01T00:00:00+00:00#", "#", "x" * 50):
        cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        answer = bob.api("GET", f"/files?limit=100&cursor={cursor}")
        assert answer.status in {200, 422}
        if answer.status == 200:
            assert not {file["id"] for file in answer.data} & set(made)
    for text in (alices + "A", alices[:-2], alices + "=", "%00", "../" + alices, alices.swapcase()):
        assert_refused(bob.api("GET", f"/files?cursor={quote(text, safe='')}"), 422, "invalid", ["cursor"])


def test_p3_a_cursor_of_one_list_is_no_way_into_another(alice: User) -> None:
    for _ in range(2):
        new_token(alice, "account")
    cursor = alice.api("GET", "/tokens?limit=1").json["meta"]["next_cursor"]
    answer: Answer = alice.api("GET", f"/files?limit=100&cursor={cursor}")
    assert answer.status == 200
    assert all("full_filename" in file for file in answer.data)
