"""The life of a file after its upload: lists, names, trash, purge."""

from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from werkzeug.http import parse_options_header

from tests.e2e.api_kit import (
    UNKNOWN_ID,
    Backstage,
    announce,
    assert_headers,
    assert_refused,
    content,
    granted,
    in_the_future,
    perform,
    uploaded,
)
from tests.e2e.conftest import Api, User

pytestmark = pytest.mark.e2e

NAMES = (
    "invoice.pdf",
    "no extension",
    ".hidden",
    'a "quoted" name.txt',
    "it's; a=b, c%20d.txt",
    "Übersicht, Größe.pdf",
    "📎 данные 数据.zip",
    "naïve.txt",
    "a" * 251 + ".txt",
    "é" * 125 + ".txt" + "x",
    "😀" * 62 + ".txt" + "xyz",
)


def listed(user: User, **query: Any) -> tuple[list[str], str | None]:
    answer = user.api("GET", f"/files?{urlencode(query)}")
    assert_headers(answer)
    return [file["id"] for file in answer.data], answer.json["meta"]["next_cursor"]


def test_pages_go_from_the_newest_to_the_oldest(bob: User) -> None:
    made = [uploaded(bob.api, content(3), f"{n}.txt")["id"] for n in range(5)]
    pages, cursor, query = [], None, {"limit": 2}
    for _ in range(3):
        page, cursor = listed(bob, **query)
        pages.append(page)
        query = {"limit": 2, "cursor": cursor}
    assert pages[0] == [made[4], made[3]]
    assert pages[1] == [made[2], made[1]]
    assert pages[2][0] == made[0]


def test_the_last_page_has_no_cursor(bob: User) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = listed(bob, limit=100, **({"cursor": cursor} if cursor else {}))
        seen += page
    assert len(seen) == len(set(seen))


def test_a_cursor_keeps_its_place_when_its_file_goes(bob: User) -> None:
    made = [uploaded(bob.api, b"x")["id"] for _ in range(4)]
    page, cursor = listed(bob, limit=2)
    assert page == [made[3], made[2]]
    for gone in page:
        assert bob.api("DELETE", f"/files/{gone}?permanent=true").status == 204
    assert listed(bob, limit=2, cursor=cursor)[0] == [made[1], made[0]]


def test_trash_and_restore(alice: User, anyone: Api) -> None:
    file = uploaded(alice.api, b"paper")
    path = f"/files/{file['id']}"
    _, key = granted(alice.api, file["id"])

    thrown = alice.api("DELETE", path)
    assert (thrown.status, thrown.body) == (204, b"")
    assert_headers(thrown)
    assert alice.api("GET", path).data["trashed"] is True
    assert file["id"] in listed(alice, trashed="true", limit=100)[0]
    assert file["id"] not in listed(alice, limit=100)[0]
    assert_refused(anyone("GET", f"/public/downloads/{key}"), 410, "gone")
    assert_refused(alice.api("POST", "/downloads", {"files": [file["id"]]}), 422, "invalid", ["files.0"])

    assert alice.api("PATCH", path, {"trashed": False}).data["trashed"] is False
    assert file["id"] in listed(alice, limit=100)[0]
    assert perform(anyone, key).status == 200, "a restored file can be had again"
    assert alice.api("PATCH", path, {"trashed": True}).data["trashed"] is True
    assert alice.api("PATCH", path, {"trashed": True}).data["trashed"] is True, "harmless to repeat"


@pytest.mark.parametrize("query", ["?permanent=true", ""])
def test_purge_by_its_name_and_by_deleting_twice(alice: User, backstage: Backstage, query: str) -> None:
    file = uploaded(alice.api, b"paper")
    path = f"/files/{file['id']}"
    if not query:
        assert alice.api("DELETE", path).status == 204
    assert alice.api("DELETE", path + query).status == 204
    for method, body in (("GET", None), ("PATCH", {"trashed": False}), ("DELETE", None)):
        assert_refused(alice.api(method, path, body), 404, "not_found")
    assert backstage.versions(file["id"]) == []
    assert backstage.record("FILE", file["id"]) is None


def test_deleting_a_pending_upload_ends_it(alice: User, backstage: Backstage) -> None:
    ticket = announce(alice.api, 11 * 2**20, part_size=5 * 2**20)
    assert backstage.open_uploads(ticket["id"])
    assert alice.api("DELETE", f"/files/{ticket['id']}").status == 204
    assert backstage.open_uploads(ticket["id"]) == []
    assert backstage.record("FILE", ticket["id"]) is None


def test_patch_changes_what_it_names_and_nothing_else(alice: User) -> None:
    file = uploaded(alice.api, b"paper", "before.txt")
    path, later = f"/files/{file['id']}", in_the_future(days=1)
    renamed = alice.api("PATCH", path, {"filename": "after.pdf"}).data
    assert renamed == {**file, "filename": "after", "extension": "pdf", "full_filename": "after.pdf"}
    dated = alice.api("PATCH", path, {"expires_at": later}).data
    assert dated == {**renamed, "expires_at": later}
    assert alice.api("PATCH", path, {}).data == dated
    assert alice.api("PATCH", path, {"expires_at": None}).data == renamed
    assert alice.api("GET", path).data == renamed


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filename": None}, "filename"),
        ({"trashed": None}, "trashed"),
        ({"filename": ""}, "filename"),
        ({"filename": 5}, "filename"),
        ({"trashed": "true"}, "trashed"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": 1893456000}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"size": 3}, "size"),
        ({"status": "ready"}, "status"),
        ({"account_id": UNKNOWN_ID}, "account_id"),
    ],
)
def test_patch_refuses(alice: User, body: Any, field: str) -> None:
    file = uploaded(alice.api, b"paper")
    assert_refused(alice.api("PATCH", f"/files/{file['id']}", body), 422, "invalid", [field])
    assert alice.api("GET", f"/files/{file['id']}").data == file


def test_a_pending_file_cannot_go_to_the_trash(alice: User) -> None:
    ticket = announce(alice.api, 5)
    assert_refused(alice.api("PATCH", f"/files/{ticket['id']}", {"trashed": True}), 409, "conflict")


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_comes_back_as_it_went_in(alice: User, anyone: Api, name: str) -> None:
    assert len(name.encode()) <= 255
    file = uploaded(alice.api, b"paper", name, type="text/plain")
    assert file["full_filename"] == name
    stem, dot, extension = name.rpartition(".")
    assert (file["filename"], file["extension"]) == ((stem, extension) if dot and stem else (name, ""))
    assert alice.api("GET", f"/files/{file['id']}").data["full_filename"] == name

    _, key = granted(alice.api, file["id"])
    answer = anyone.fetch("GET", perform(anyone, key).data["files"][0]["url"])
    disposition = answer.headers["Content-Disposition"]
    assert saved_as(disposition) == name
    assert disposition.isascii()
    assert "\r" not in disposition
    assert "\n" not in disposition


def saved_as(disposition: str) -> str:
    """The name under which a browser saves: RFC 6266 says that filename* wins. Read twice, by two parsers."""
    kind, parameters = parse_options_header(disposition)
    assert kind == "attachment"
    _, _, extended = disposition.rpartition("filename*=UTF-8''")
    assert unquote(extended) == parameters["filename"]
    return parameters["filename"]


def test_255_bytes_are_a_name_and_256_are_not(alice: User) -> None:
    for character in ("a", "é", "😀"):
        width = len(character.encode())
        exact = character * (255 // width) + "x" * (255 % width)
        assert announce(alice.api, 1, exact)["full_filename"] == exact
        assert_refused(alice.api("POST", "/files", {"filename": exact + "x", "size": 1}), 422, "invalid", ["filename"])


def test_both_spellings_of_a_letter_are_one_name(alice: User) -> None:
    assert announce(alice.api, 1, "re\u0301sume\u0301.txt")["full_filename"] == "résumé.txt"


def test_the_media_type_is_guessed_from_the_name(alice: User) -> None:
    guesses = {"a.pdf": "application/pdf", "a.png": "image/png", "a.unheard-of": "application/octet-stream"}
    assert {name: announce(alice.api, 1, name)["type"] for name in guesses} == guesses
