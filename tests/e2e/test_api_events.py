"""The audit log of a running stack, by raw HTTP: who did what, from where; and its verification."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.api_kit import (
    PART,
    UNKNOWN_ID,
    Backstage,
    announce,
    assert_headers,
    assert_refused,
    complete,
    eventually,
    granted,
    perform,
    seal,
    send_all,
    uploaded,
)
from tests.e2e.conftest import Api, Stack, User

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
FIELDS = {
    *("id", "sequence", "type", "at", "account_id", "actor", "user_id", "token_id", "ip", "request_id", "outcome"),
    *("subject", "detail", "kept_until", "previous", "previous_kept_until", "hash"),
}
MARK = "tell-tale"


def events(api: Api, query: str = "") -> list[Any]:
    """All of them, newest first."""
    found, cursor = list[Any](), ""
    while True:
        answer = api("GET", f"/events?limit=100{query}{cursor}")
        found += answer.data
        if (following := answer.json["meta"]["next_cursor"]) is None:
            return found
        cursor = f"&cursor={following}"


def of_file(api: Api, file_id: str, *awaited: str) -> list[Any]:
    """A file's events, oldest first, once these are in. Those of one record are in order, those of two need not be."""

    def probe() -> list[Any] | None:
        found = events(api, f"&file={file_id}")[::-1]
        return found if set(awaited) <= {event["type"] for event in found} else None

    return eventually(probe, f"{awaited} in the audit log")


@pytest.fixture(scope="module")
def journey(alice: User, anyone: Api) -> dict[str, Any]:
    """A sealed file's whole life, and every secret that was seen on the way."""
    ticket = announce(alice.api, 100, f"{MARK}.txt", encryption="client")
    file_id = ticket["id"]
    again = alice.api("POST", f"/files/{file_id}/parts", {"parts": [{"number": 1}]}).data
    send_all(anyone, again, seal(b"x" * 100, again["encryption"]))
    assert complete(alice.api, file_id).status == 200
    download_id, key = granted(alice.api, file_id)
    performed = perform(anyone, key).data
    assert perform(anyone, key, session=performed["session"]).status == 200
    assert perform(anyone, key).status == 410
    alice.api("PATCH", f"/files/{file_id}", {"filename": f"{MARK} too.txt", "trashed": True})
    alice.api("PATCH", f"/files/{file_id}", {"trashed": False})
    assert alice.api("DELETE", f"/files/{file_id}?permanent=true").status == 204
    secrets = [key, performed["session"], ticket["encryption"]["data_key"], alice.token, MARK, alice.email, alice.name]
    secrets += [ticket["encryption"]["encrypted_data_key"], performed["files"][0]["url"].partition("?")[2]]
    return {"file": file_id, "download": download_id, "secrets": secrets}


def test_a_files_life_is_told_in_order_with_who_and_where_from(alice: User, journey: dict[str, Any]) -> None:
    others = ["download.created", "download.performed", "download.resumed", "upload.signed"]
    told = of_file(alice.api, journey["file"], "file.purged", *others)
    assert all(set(event) == FIELDS for event in told)
    files = [event["type"] for event in told if event["type"].startswith("file.")]
    assert files == ["file.created", "file.ready", "file.renamed", "file.trashed", "file.restored", "file.purged"]
    assert sorted(event["type"] for event in told if not event["type"].startswith("file.")) == others
    me = alice.api("GET", "/user").data
    for event in told:
        assert event["account_id"] == me["account"]["id"]
        assert event["subject"]["file"] == journey["file"]
        if event["actor"] == "system:event":  # it is quicker than `complete` now and then
            assert (event["type"], event["ip"]) == ("file.ready", None)
            continue
        assert event["ip"] == "127.0.0.1"
        by_key = event["type"] in {"download.performed", "download.resumed"}
        assert event["actor"] == ("performer" if by_key else "user")
        assert (event["user_id"], event["token_id"]) == ((None, None) if by_key else (me["id"], me["token"]["id"]))


def test_what_was_refused_is_told_too(alice: User, journey: dict[str, Any]) -> None:
    of_file(alice.api, journey["file"], "file.purged")

    def probe() -> Any:
        found = events(alice.api, "&type=download.refused")
        return [event for event in found if event["subject"] == {"download": journey["download"]}]

    (refused,) = eventually(probe, "the refusal")
    assert (refused["outcome"], refused["detail"], refused["actor"]) == ("gone", {"reason": "spent"}, "performer")


def test_the_request_of_an_event_is_the_one_that_was_answered(alice: User) -> None:
    answer = alice.api("POST", "/files", {"filename": "a.txt", "size": 1})
    (created,) = of_file(alice.api, answer.data["id"], "file.created")
    assert created["request_id"] == answer.headers["X-Request-Id"]


def test_e2_bob_sees_nothing_of_alices(alice: User, bob: User, journey: dict[str, Any]) -> None:
    of_file(alice.api, journey["file"], "file.purged")
    assert events(bob.api, f"&file={journey['file']}") == []
    account = bob.api("GET", "/user").data["account"]["id"]
    his = eventually(lambda: events(bob.api), "bob's own events")
    assert {event["account_id"] for event in his} == {account}
    cursor = alice.api("GET", "/events?limit=1").json["meta"]["next_cursor"]
    assert_refused(bob.api("GET", f"/events?limit=1&cursor={cursor}"), 422, "invalid", ["cursor"])


def test_e6_nothing_secret_is_in_the_log(
    alice: User, stack: Stack, backstage: Backstage, journey: dict[str, Any]
) -> None:
    told = of_file(alice.api, journey["file"], "file.purged")
    table = stack.ready["metadata_table"].replace("metadata", "events")
    pages = backstage.dynamodb.get_paginator("scan").paginate(TableName=table)
    everything = json.dumps([page["Items"] for page in pages], default=str) + json.dumps(told)
    assert journey["file"] in everything
    assert [secret for secret in journey["secrets"] if secret in everything] == []


def test_a_download_of_several_files_is_told_for_each(alice: User, anyone: Api) -> None:
    files = [uploaded(alice.api, b"x", f"{number}.txt")["id"] for number in range(3)]
    download_id, key = granted(alice.api, *files)
    alice.api("DELETE", f"/files/{files[2]}")
    perform(anyone, key)
    for file_id in files[:2]:
        told = of_file(alice.api, file_id, "download.performed")
        assert [event["subject"]["download"] for event in told if event["type"] == "download.performed"] == [
            download_id
        ]
    trashed = of_file(alice.api, files[2], "file.trashed")
    assert "download.performed" not in {event["type"] for event in trashed}  # it was not handed out


def test_pages_newest_first(alice: User) -> None:
    eventually(lambda: len(events(alice.api)) > 3, "some events")
    first = alice.api("GET", "/events?limit=2")
    assert_headers(first)
    second = alice.api("GET", f"/events?limit=2&cursor={first.json['meta']['next_cursor']}")
    numbers = [event["sequence"] for event in (*first.data, *second.data)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 4
    assert numbers[0] - numbers[3] == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=file.painted", "type"),
        ("type=", "type"),
        ("file=x", "file"),
        ("mail=" + UNKNOWN_ID.upper().replace("0", "A", 1), "mail"),
        (f"file={UNKNOWN_ID}&type=file.ready", "file"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("account=x", "account"),
    ],
)
def test_queries_that_are_refused(alice: User, query: str, field: str) -> None:
    assert_refused(alice.api("GET", f"/events?{query}"), 422, "invalid", [field])


def test_an_unknown_file_has_no_events(alice: User) -> None:
    assert events(alice.api, f"&file={UNKNOWN_ID}") == []


def test_it_takes_the_scope(alice: User) -> None:
    narrow = alice.api("POST", "/tokens", {"name": "n", "scopes": ["files:read"]}).data
    assert_refused(alice.api.with_token(narrow["token"])("GET", "/events"), 403, "missing_scope")

    def probe() -> Any:
        found = events(alice.api, "&type=token.refused")
        return [event for event in found if event["subject"]["token"] == narrow["id"]]

    (refused,) = eventually(probe, "the refusal")
    assert (refused["outcome"], refused["actor"], refused["ip"]) == ("missing_scope", "unknown", "127.0.0.1")


class TestVerification:
    def test_e1_the_chain_by_hand(self, alice: User, journey: dict[str, Any]) -> None:
        """As the documentation says it: no code of ours."""
        of_file(alice.api, journey["file"], "file.purged")
        log = events(alice.api)[::-1]
        before = "0" * 64
        for number, event in enumerate(log, 1):
            rest = {name: value for name, value in event.items() if name != "hash"}
            text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert hashlib.sha256(text.encode()).hexdigest() == event["hash"]
            assert (event["sequence"], event["previous"]) == (number, before)
            before = event["hash"]

    def test_e1_by_the_command_line_and_by_the_operator(
        self, bob: User, stack: Stack, backstage: Backstage, tmp_path: Path
    ) -> None:
        """Of bob's log, which nobody else in these tests damages or looks at afterwards."""
        file_id = uploaded(bob.api, b"x" * (PART // 1024))["id"]
        of_file(bob.api, file_id, "file.ready")
        account = bob.api("GET", "/user").data["account"]["id"]
        table = stack.ready["metadata_table"].replace("metadata", "events")
        key = "alias/" + table

        def client() -> subprocess.CompletedProcess[str]:
            return run(
                [*stack.command("sealdrop"), "events", "--verify"],
                {"SEALDROP_URL": stack.api_url, "SEALDROP_TOKEN": bob.token, "HOME": str(tmp_path)},
            )

        def operator() -> subprocess.CompletedProcess[str]:
            verify = stack.command("infra.verify_events")
            return run([*verify, account, "--table", table, "--key", key], stack.aws_env)

        for done in (client(), operator()):
            assert (done.returncode, done.stderr) == (0, ""), done
            assert " events are sound; end " in done.stdout
        victim = events(bob.api, f"&file={file_id}")[0]
        stored = backstage.dynamodb.get_item(TableName=table, Key={"id": {"S": victim["id"]}})["Item"]
        altered = {"S": stored["text"]["S"].replace('"type":"file.ready"', '"type":"file.renamed"')}
        backstage.dynamodb.put_item(TableName=table, Item={**stored, "text": altered})
        for done in (client(), operator()):
            assert done.returncode == 1
            assert f"Event {victim['sequence']} was altered." in done.stderr
        backstage.dynamodb.delete_item(TableName=table, Key={"id": {"S": victim["id"]}})
        assert f"Events {victim['sequence']} to {victim['sequence']} are missing." in operator().stderr
        backstage.dynamodb.put_item(TableName=table, Item=stored)
        assert operator().returncode == 0

    def test_the_list_on_a_terminal(self, alice: User, stack: Stack, journey: dict[str, Any], tmp_path: Path) -> None:
        of_file(alice.api, journey["file"], "file.purged")
        environment = {"SEALDROP_URL": stack.api_url, "SEALDROP_TOKEN": alice.token, "HOME": str(tmp_path)}
        client = [*stack.command("sealdrop"), "events"]
        done = run([*client, "--file", journey["file"]], environment)
        assert done.returncode == 0
        assert "file.purged" in done.stdout
        told = json.loads(run([*client, "--type", "file.purged", "--json"], environment).stdout)
        assert journey["file"] in {event["subject"]["file"] for event in told}


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "client"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
