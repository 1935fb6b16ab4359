"""Attacks S and Z of docs/threat-model.md: what is left in logs, tables, errors and old versions.

On a stack of its own, since its whole log is read: everything that happened is known here.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from infra.local.process import stack_process
from tests.e2e.api_kit import (
    PART,
    Backstage,
    announce,
    assert_refused,
    complete,
    content,
    eventually,
    granted,
    keyed,
    perform,
    s3_code,
    seal,
    send,
    send_all,
    uploaded,
)
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e

MARK = "tell-tale"  # stands in every text that a caller chooses


@dataclass
class Told:
    """What a whole session with the service handed out and took in."""

    log: str = ""
    tables: str = ""
    secrets: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A session with everything in it that is secret, and the log and tables that it left."""
    told = Told()
    with stack_process(tmp_path_factory.mktemp("leftovers"), "--rate-limit", "1000000") as stack:
        behind = Backstage(stack.ready)
        try:
            _a_session(Api(stack.ready["api_url"]), stack.ready["users"], behind, told)
            told.tables = behind.everything()
        finally:
            behind.close()
    told.log = _log_of(stack.log)
    return told


def _log_of(path: Path) -> str:
    """The service's own lines. Before them the stack tells its user the two tokens and PINs."""
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("{"))


def _a_session(anyone: Api, users: list[Any], behind: Backstage, told: Told) -> None:
    secrets = told.secrets
    secrets |= {f"the token of {user['email']}": user["token"] for user in users}
    secrets |= {"a PIN": f"{MARK} PIN of Alice", "a guessed PIN": f"{MARK} guess", "a new PIN": f"{MARK} new PIN"}
    api = Api(anyone.url, users[0]["token"], secrets["a PIN"])
    api("PATCH", "/user", {"pin": secrets["a PIN"], "current_pin": users[0]["pin"]})
    secrets["a temporary key"] = api.pin_key
    token = api("POST", "/tokens", {"name": f"{MARK} name", "scopes": ["files:read"]}).data
    secrets["a new token"] = token["token"]

    sealed = announce(api, 100, f"{MARK}.txt", encryption="client")
    secrets["the data key"] = sealed["encryption"]["data_key"]
    secrets["the signature of a PUT"] = _signature(sealed["upload"]["url"])
    send_all(api, sealed, seal(content(100), sealed["encryption"]))
    complete(api, sealed["id"])
    parts = announce(api, PART + 1, part_size=PART, encryption="client")
    secrets["the data key of an upload in parts"] = parts["encryption"]["data_key"]
    secrets["the signature of a part"] = _signature(parts["upload"]["parts"][0]["url"])
    api("POST", f"/files/{parts['id']}/parts", {"parts": [{"number": 1}]})

    download_id, key = granted(api, sealed["id"])
    secrets["the download key"] = key
    performed = perform(anyone, key).data
    secrets["the session"] = performed["session"]
    secrets["the signature of a GET"] = _signature(performed["files"][0]["url"])
    perform(anyone, key, session=performed["session"])
    _refusals(anyone, api, key, performed["session"], token["token"])
    _trouble(api, behind, sealed["id"], key, anyone)
    api("DELETE", f"/tokens/{token['id']}")
    keyed(api, download_id)
    api("POST", "/keys", {"pin": secrets["a guessed PIN"]})
    api("PATCH", "/user", {"pin": secrets["a new PIN"], "current_pin": secrets["a guessed PIN"]})
    api("PATCH", "/user", {"pin": secrets["a new PIN"], "current_pin": secrets["a PIN"]})
    api("DELETE", f"/keys/{api.pin_key}")
    api("DELETE", f"/keys/{quote(MARK)}")


def _refusals(anyone: Api, api: Api, key: str, session: str, token: str) -> None:
    """Secrets and marks in every place where a request can hold one."""
    perform(anyone, key)
    perform(anyone, key, session=f"{MARK}{session[:20]}")
    anyone("GET", f"/public/downloads/{key}")
    anyone("GET", f"/public/downloads/{quote(MARK)}")
    anyone("POST", f"/public/downloads/{key}", {"pin": MARK, "session": session})
    anyone("POST", f"/public/downloads/{key}", raw=f'{{"session": "{session}'.encode())
    anyone("GET", f"/files?token={token}&{MARK}={token}")
    anyone("GET", "/user", headers={"Authorization": f"Basic {token}"})
    anyone("GET", "/user", token=token[:-1])
    api("POST", "/files", {"filename": f"{MARK}/x", "size": MARK, MARK: token})
    api("POST", "/files", raw=MARK.encode(), headers={"Content-Type": f"text/{MARK}"})
    api("GET", f"/files/{MARK}?{MARK}=1", headers={"User-Agent": f"{MARK}\tagent", "X-Request-Id": MARK})
    api("GET", f"/{MARK}/{key}/{token}")
    forged = '"}\n{"event": "request", "status": 200, "forged": "' + MARK
    api("POST", "/tokens", {"name": forged, "scopes": ["tokens"]})
    api("GET", f"/files/{quote(forged, safe='')}")


def _trouble(api: Api, behind: Backstage, file_id: str, key: str, anyone: Api) -> None:
    """A record that the code cannot read: the traceback must not quote it, nor the request."""
    behind.change("FILE", file_id, status=MARK)
    assert api("GET", f"/files/{file_id}").status == 500
    assert anyone("GET", f"/public/downloads/{key}").status == 500
    behind.sqs.send_message(QueueUrl=behind.queue(), MessageBody=f"{MARK} {key}")


def _signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]


# --- S ---------------------------------------------------------------------------------------------------------------


def test_s1_no_secret_is_in_the_log(told: Told) -> None:
    assert len(told.log.splitlines()) > 30, "the session has left its lines"
    found = [name for name, secret in told.secrets.items() if secret in told.log or secret[4:30] in told.log]
    assert not found
    assert "X-Amz" not in told.log
    assert "sdt_" not in told.log


def test_s1_no_word_of_a_caller_is_in_the_log(told: Told) -> None:
    assert MARK not in told.log
    assert "public/downloads/{key}" in told.log, "routes are told by their template"


def test_s2_no_secret_is_in_the_tables(told: Told) -> None:
    """Bytes are searched as base64 and hex, so a data key would be found however it is stored."""
    assert len(told.tables) > 3000
    found = [name for name, secret in told.secrets.items() if secret in told.tables]
    assert not found


def test_s3_every_line_is_one_json_object_in_ascii(told: Told) -> None:
    assert told.log.isascii()
    lines = [json.loads(line) for line in told.log.splitlines()]
    assert all(line["event"] for line in lines)
    assert not any("forged" in line for line in lines)
    assert {"request", "upload_event", "upload_event_failed", "user_created"} <= {line["event"] for line in lines}


def test_s1_lines_are_of_use_all_the_same(told: Told) -> None:
    requests = [line for line in map(json.loads, told.log.splitlines()) if line["event"] == "request"]
    assert all({"request_id", "status", "route", "Latency"} <= set(line) for line in requests)
    (refused, *_) = [line for line in requests if line["status"] == 410]
    assert refused["reason"] == "spent"
    failed = [line for line in requests if line["status"] == 500]
    assert failed
    assert all("where" in line and line["ServerErrors"] == 1 for line in failed)


def test_s4_an_error_tells_no_internals(alice: User, anyone: Api, backstage: Backstage) -> None:
    file = uploaded(alice.api, b"broken")
    _, key = granted(alice.api, file["id"])
    backstage.change("FILE", file["id"], encryption_mode="nonsense")
    answers = [
        alice.api("GET", f"/files/{file['id']}"),
        alice.api("POST", f"/files/{file['id']}/complete"),
        alice.api("POST", "/downloads", {"files": [file["id"]]}),
        anyone("GET", f"/public/downloads/{key}"),
        perform(anyone, key),
    ]
    backstage.change("FILE", file["id"], encryption_mode="server")
    for answer in answers:
        assert_refused(answer, 500, "internal")
        text = answer.body.decode().lower()
        for word in ("nonsense", "traceback", "valueerror", "dynamo", "boto", ".py", backstage.table):
            assert word not in text
    assert perform(anyone, key).status == 200, "what failed has spent nothing"


# --- Z1 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def purged(alice: User, anyone: Api, backstage: Backstage) -> "Purged":
    data = content(500)
    ticket = announce(alice.api, len(data), encryption="client")
    sealed = seal(data, ticket["encryption"])
    send_all(alice.api, ticket, sealed)
    complete(alice.api, ticket["id"])
    backstage.put(ticket["id"], b"a second version")
    backstage.s3.delete_object(Bucket=backstage.bucket, Key=f"files/{ticket['id']}")  # and a delete marker
    assert len(backstage.versions(ticket["id"])) == 3
    _, key = granted(alice.api, ticket["id"])
    performed = perform(anyone, key).data
    assert anyone.fetch("GET", performed["files"][0]["url"]).status == 200
    assert "wrapped_key" in backstage.record("FILE", ticket["id"])
    assert alice.api("DELETE", f"/files/{ticket['id']}?permanent=true").status == 204
    return Purged(ticket, sealed, performed["files"][0]["url"], key, performed["session"])


@dataclass(frozen=True)
class Purged:
    ticket: Any
    sealed: bytes
    old_url: str
    key: str
    session: str

    @property
    def id(self) -> str:
        return str(self.ticket["id"])


def test_z1_nothing_is_left_and_no_old_way_leads_to_it(
    purged: Purged, alice: User, anyone: Api, backstage: Backstage
) -> None:
    assert backstage.versions(purged.id) == []
    assert backstage.record("FILE", purged.id) is None
    wrapped = purged.ticket["encryption"]["encrypted_data_key"]
    assert wrapped not in backstage.everything()
    dead = anyone.fetch("GET", purged.old_url)
    assert (dead.status, s3_code(dead)) in {(404, "NoSuchVersion"), (404, "NoSuchKey")}
    for answer in (perform(anyone, purged.key), perform(anyone, purged.key, session=purged.session)):
        assert_refused(answer, 410, "gone")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/complete"), ("PATCH", "")):
        body = {"trashed": False} if method == "PATCH" else None
        assert_refused(alice.api(method, f"/files/{purged.id}{path}", body), 404, "not_found")


def test_z1_no_keyword_finds_a_purged_name(alice: User, backstage: Backstage) -> None:
    file = uploaded(alice.api, b"x", "for nobodys eyes.txt")
    eventually(lambda: backstage.postings_of(file["id"]), "the index to follow")
    assert alice.api("DELETE", f"/files/{file['id']}?permanent=true").status == 204
    assert alice.api("GET", "/files?keyword=nobodys").data == []
    eventually(lambda: not backstage.postings_of(file["id"]), "the name to go from the index, too")


def test_z1_a_late_put_by_an_old_url_is_deleted_on_arrival(purged: Purged, anyone: Api, backstage: Backstage) -> None:
    late: Answer = send(anyone, purged.ticket["upload"], purged.sealed)
    assert late.status == 200, "S3 cannot know: the URL is good for its hour"
    eventually(lambda: not backstage.versions(purged.id), "the event to delete it")
    assert backstage.record("FILE", purged.id) is None, "it never comes back"


def test_z1_a_late_put_to_a_rejected_file_is_deleted_too(alice: User, anyone: Api, backstage: Backstage) -> None:
    ticket = announce(alice.api, 5)
    backstage.put(ticket["id"], b"four")
    assert complete(alice.api, ticket["id"]).status == 422
    eventually(lambda: not backstage.versions(ticket["id"]), "the wrong bytes to go")
    assert send(anyone, ticket["upload"], b"five!").status == 200
    eventually(lambda: not backstage.versions(ticket["id"]), "the event to delete it")
    assert alice.api("GET", f"/files/{ticket['id']}").data["status"] == "rejected"


def test_z1_late_parts_of_a_purged_upload_go_nowhere(alice: User, anyone: Api, backstage: Backstage) -> None:
    ticket = announce(alice.api, PART + 1, part_size=PART)
    first, last = ticket["upload"]["parts"]
    assert send(anyone, last, b"x").status == 200
    assert alice.api("DELETE", f"/files/{ticket['id']}?permanent=true").status == 204
    late = send(anyone, first, content(PART))
    assert (late.status, s3_code(late)) == (404, "NoSuchUpload")
    assert backstage.open_uploads(ticket["id"]) == []
    assert backstage.versions(ticket["id"]) == []
