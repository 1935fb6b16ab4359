"""Downloads: granted by owners, performed by whoever holds the key, once."""

from datetime import datetime

import pytest

from tests.e2e.api_kit import (
    FRAME,
    PART,
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
from tests.e2e.conftest import Api, User

pytestmark = pytest.mark.e2e

SHARED_FIELDS = {
    "id",
    "filename",
    "extension",
    "full_filename",
    "type",
    "size",
    "encrypted_size",
    "encryption_mode",
    "checksum_sha256",
}


@pytest.mark.parametrize("mode", ["server", "client"])
def test_grant_show_perform_once(alice: User, anyone: Api, mode: str) -> None:
    data = content(FRAME + 17)
    file = uploaded(alice.api, data, "report.pdf", encryption=mode)

    made = alice.api("POST", "/downloads", {"files": [file["id"]]})
    assert made.status == 201
    download = made.data
    assert set(download) == {"id", "created_at", "expires_at", "uses_left"}
    assert download["uses_left"] == 1
    life = datetime.fromisoformat(download["expires_at"]) - datetime.fromisoformat(download["created_at"])
    assert life.total_seconds() == 60
    keyed = alice.api("POST", f"/downloads/{download['id']}/keys", {})
    assert (keyed.status, set(keyed.data)) == (201, {"key", "expires_at"})
    assert keyed.data["expires_at"] == download["expires_at"]
    key = keyed.data["key"]

    for _ in range(2):  # a link preview spends nothing
        shown = anyone("GET", f"/public/downloads/{key}")
        assert_headers(shown)
        assert set(shown.data) == {"sender", "uses_left", "expires_at", "pin_required", "files"}
        assert shown.data["sender"] == {"name": alice.name, "email": alice.email}
        assert (shown.data["uses_left"], shown.data["pin_required"]) == (1, False)
        assert [set(it) for it in shown.data["files"]] == [SHARED_FIELDS]
        assert shown.data["files"][0]["full_filename"] == "report.pdf"

    performed = anyone("POST", f"/public/downloads/{key}")
    assert_headers(performed)
    assert set(performed.data) == {"files", "uses_left", "session", "session_expires_at"}
    assert performed.data["uses_left"] == 0
    (released,) = performed.data["files"]
    assert set(released) == SHARED_FIELDS | {"url", "url_expires_at"} | ({"encryption"} if mode == "client" else set())
    assert fetched(anyone, released) == data

    gone = assert_refused(perform(anyone, key), 410, "gone")
    assert assert_refused(anyone("GET", f"/public/downloads/{key}"), 410, "gone")["message"] == gone["message"]
    assert_refused(alice.api("POST", f"/downloads/{download['id']}/keys"), 410, "gone")

    session = performed.data["session"]
    again = perform(anyone, key, session=session)
    assert again.status == 200
    assert (again.data["session"], again.data["uses_left"]) == (session, 0)
    assert again.data["session_expires_at"] == performed.data["session_expires_at"]
    assert set(again.data["files"][0]) == SHARED_FIELDS | {"url", "url_expires_at"}
    assert fetched(anyone, released | {"url": again.data["files"][0]["url"]}) == data


def test_a_broken_transfer_goes_on_where_it_stopped(alice: User, anyone: Api) -> None:
    data = content(1000)
    file = uploaded(alice.api, data)
    _, key = granted(alice.api, file["id"])
    performed = perform(anyone, key).data
    first = anyone.fetch("GET", performed["files"][0]["url"], headers={"Range": "bytes=0-399"})
    url = perform(anyone, key, session=performed["session"]).data["files"][0]["url"]
    rest = anyone.fetch("GET", url, headers={"Range": "bytes=400-"})
    assert (first.status, rest.status) == (206, 206)
    assert first.body + rest.body == data


def test_several_files_of_both_modes_and_makes(alice: User, anyone: Api) -> None:
    contents = [content(size) for size in (0, FRAME, PART + 1, 5)]
    files = [
        uploaded(alice.api, contents[0], "empty.txt"),
        uploaded(alice.api, contents[1], "sealed.bin", encryption="client"),
        uploaded(alice.api, contents[2], "sealed parts.bin", encryption="client", part_size=PART),
        uploaded(alice.api, contents[3], "plain.txt"),
    ]
    _, key = granted(alice.api, *(file["id"] for file in files))
    shown = anyone("GET", f"/public/downloads/{key}").data["files"]
    released = perform(anyone, key).data["files"]
    assert [it["id"] for it in shown] == [it["id"] for it in released] == [file["id"] for file in files]
    assert [fetched(anyone, it) for it in released] == contents


def test_files_that_went_meanwhile_are_left_out(alice: User, anyone: Api) -> None:
    stays, goes = uploaded(alice.api, b"stays"), uploaded(alice.api, b"goes")
    _, key = granted(alice.api, goes["id"], stays["id"])
    assert alice.api("DELETE", f"/files/{goes['id']}?permanent=true").status == 204
    assert [it["id"] for it in anyone("GET", f"/public/downloads/{key}").data["files"]] == [stays["id"]]
    assert [it["id"] for it in perform(anyone, key).data["files"]] == [stays["id"]]


def test_a_download_ends_with_its_minute(alice: User, anyone: Api, backstage: Backstage) -> None:
    file = uploaded(alice.api, b"late")
    download_id, key = granted(alice.api, file["id"])
    backstage.change("DOWNLOAD", download_id, expires_at=in_the_past(seconds=1))
    assert_refused(anyone("GET", f"/public/downloads/{key}"), 410, "gone")
    assert_refused(perform(anyone, key), 410, "gone")
    assert_refused(alice.api("POST", f"/downloads/{download_id}/keys"), 410, "gone")
    backstage.change("DOWNLOAD", download_id, expires_at=in_the_future(seconds=60))
    assert perform(anyone, key).status == 200, "nothing but its time had ended it"


def test_a_session_outlives_the_download_and_ends_by_itself(alice: User, anyone: Api, backstage: Backstage) -> None:
    file = uploaded(alice.api, b"long")
    download_id, key = granted(alice.api, file["id"])
    session = perform(anyone, key).data["session"]
    backstage.change("DOWNLOAD", download_id, expires_at=in_the_past(hours=5))
    assert perform(anyone, key, session=session).status == 200
    backstage.dynamodb.update_item(
        TableName=backstage.table,
        Key={"pk": {"S": f"DOWNLOAD#{download_id}"}, "sk": {"S": "DOWNLOAD"}},
        UpdateExpression="SET sessions = :ended",
        ExpressionAttributeValues={":ended": {"M": _ended(backstage, download_id)}},
    )
    assert_refused(perform(anyone, key, session=session), 410, "gone")


def _ended(backstage: Backstage, download_id: str) -> dict[str, dict[str, str]]:
    sessions = backstage.record("DOWNLOAD", download_id)["sessions"]["M"]
    assert len(sessions) == 1
    return {session: {"S": in_the_past(seconds=1)} for session in sessions}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["files"]),
        ({"files": []}, ["files"]),
        ({"files": "id"}, ["files"]),
        ({"files": [7]}, ["files.0"]),
        ({"files": ["no id"]}, ["files.0"]),
        ({"files": ["00000000-0000-4000-8000-000000000000"] * 101}, ["files"]),
        ({"files": ["00000000-0000-4000-8000-000000000000"], "uses": 9}, ["uses"]),
    ],
)
def test_what_a_download_cannot_be_made_of(alice: User, body: object, fields: list[str]) -> None:
    assert_refused(alice.api("POST", "/downloads", body), 422, "invalid", fields)


def test_a_file_listed_twice(alice: User) -> None:
    file = uploaded(alice.api, b"one")
    assert_refused(alice.api("POST", "/downloads", {"files": [file["id"]] * 2}), 422, "invalid", ["files.1"])
