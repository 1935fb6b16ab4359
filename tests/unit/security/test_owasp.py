"""Items of the OWASP API Security Top 10 (2023), and attacks by their usual names, that no row of the threat model's
first table has a test of. docs/threat-model.md says where the others are.
"""

import ast
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters import kms_pins
from chalicelib.domain import cursor
from chalicelib.domain.file import EncryptionMode, File
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.sealing import encryption_context
from chalicelib.services import mail_links
from tests.support.app_client import AppClient
from tests.support.builders import Caller, a_download, a_ready_file, key_to, new_id, stored
from tests.support.fakes import FakeWorld

SERVICE = Path(__file__).parents[3] / "chalicelib"
OPENS_CONNECTIONS = {"aiohttp", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "telnetlib", "urllib3"}
FETCHING = {"adapters/webhook_http.py"}  # each needs attacks of its own, from a private address to a redirect: H2, H3


# -- API7, server side request forgery -------------------------------------------------------------------------------


def test_api7_one_module_sends_to_what_a_caller_names() -> None:
    """AWS's endpoints, by boto3, which no caller names; and receivers of webhooks, by one that trusts no name."""
    fetching = {str(path.relative_to(SERVICE)) for path in SERVICE.rglob("*.py") if fetches(path.read_text())}
    assert fetching == FETCHING


@pytest.mark.parametrize("line", ["import socket", "from http.client import HTTPSConnection", "import urllib.request"])
def test_api7_the_search_sees(line: str) -> None:
    assert fetches(f"def late():\n    {line}")
    assert not fetches("from urllib.parse import quote\nfrom http import HTTPStatus")


def fetches(source: str) -> bool:
    return any(
        name == "urllib.request" or (name.partition(".")[0] in OPENS_CONNECTIONS and name != "http")
        for node in ast.walk(ast.parse(source))
        for name in _imported(node)
    )


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


# -- API5, API9: what has no route -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "function", ["create_user", "sweep", "on_upload", "on_mail", "on_webhook", "on_change", "admin", "quota"]
)
def test_api5_an_operators_function_has_no_route(api: AppClient, alice: Caller, method: str, function: str) -> None:
    event = api.event("GET", "/health", token=alice.text)  # API Gateway knows no other path either
    event |= {"resource": f"/{function}", "path": f"/{function}", "httpMethod": method}
    event["requestContext"] |= {"resourcePath": f"/{function}", "httpMethod": method}
    assert AppClient(api.app).send(event).status in {404, 405}


# -- header smuggling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-Original-URL", "/user"),
        ("X-Rewrite-URL", "/user"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Prefix", "/.."),
        ("Host", "evil.example"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "0"),
        ("X-Request-Id", "11111111-2222-4333-8444-555555555555"),
        ("X-Amzn-Trace-Id", "Root=1"),
        ("X-Account-Id", "b0b00000-0000-4000-8000-00000000000b"),
        ("Authorization2", "Bearer of somebody else"),
    ],
)
def test_no_header_makes_another_request_of_one(
    api: AppClient, world: FakeWorld, alice: Caller, name: str, value: str
) -> None:
    file = stored(world, a_ready_file(account_id=alice.account_id))
    mine = api.with_token(alice.text)
    plain, smuggled = mine.get(f"/files/{file.id}"), mine.get(f"/files/{file.id}", headers={name: value})
    assert (smuggled.status, smuggled.data) == (plain.status, plain.data)
    assert smuggled.headers["x-request-id"] not in {plain.headers["x-request-id"], value}
    assert world.files.find(file.id) == file


# -- log injection ---------------------------------------------------------------------------------------------------


def test_what_is_sent_adds_no_line_to_the_log(
    api: AppClient, alice: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = '\r\n{"status": 200, "forged": true}\u2028\x1b[2K'
    mine = api.with_token(alice.text)
    mine.get("/files", query={"keyword": forged, "sort": forged}, headers={"User-Agent": forged, "X-Evil": forged})
    mine.get(f"/files/{forged}")
    mine.post("/files", {"filename": forged, "size": 5, forged: forged})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert not [line for line in lines if "forged" in line or not line.isascii()]


# -- confused encryption contexts ------------------------------------------------------------------------------------


def sealed_file(world: FakeWorld, account_id: AccountId) -> File:
    file_id = FileId(new_id())
    wrapped = world.keys.generate(encryption_context(file_id, account_id)).wrapped
    mode = EncryptionMode.CLIENT
    return stored(world, a_ready_file(id=file_id, account_id=account_id, encryption_mode=mode, wrapped_key=wrapped))


@pytest.mark.parametrize("whose", ["anothers", "ones own"])
def test_a_wrapped_key_that_was_moved_to_another_record_opens_nothing(
    api: AppClient, world: FakeWorld, alice: Caller, bob: Caller, whose: str
) -> None:
    """Who can write to the table cannot have the service unwrap one file's key for whoever may have another."""
    theirs = sealed_file(world, alice.account_id if whose == "anothers" else bob.account_id)
    mine = sealed_file(world, bob.account_id)
    world.files.save(replace(mine, wrapped_key=theirs.wrapped_key))
    download = a_download(mine, account_id=bob.account_id)
    world.downloads.add(download)
    answer = api.post(f"/public/downloads/{key_to(world, download)}")
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert world.downloads.records[download.id].uses_left == 1


def test_no_two_uses_of_the_mac_key_sign_the_same() -> None:
    """One key makes cursors' key, links' keys and PINs' verifiers: none of them can be had by asking for another."""
    begins: list[Any] = [cursor.KEY_LABEL, mail_links.LABEL.encode(), kms_pins._LABEL]
    assert not [one for one, other in permutations(begins, 2) if one.startswith(other)]
