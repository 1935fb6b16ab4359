"""Attacks D of docs/threat-model.md on the running stack: who holds a download key, rightly or not."""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.api_kit import (
    Backstage,
    assert_refused,
    content,
    fetched,
    granted,
    in_the_past,
    perform,
    uploaded,
    without_request_id,
)
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e

THREADS = 32
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def random_key() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(43))


def at_once(count: int, act: Callable[[int], Answer]) -> list[Answer]:
    """All wait for each other, then all ask."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Answer:
        barrier.wait(60)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def assert_withdrawn(anyone: Api, key: str, session: str | None = None) -> None:
    """For who shows it, who performs it, who holds a session."""
    answers = [anyone("GET", f"/public/downloads/{key}"), perform(anyone, key)]
    if session:
        answers.append(perform(anyone, key, session=session))
    for answer in answers:
        assert_refused(answer, 410, "gone")
    assert len({json.dumps(without_request_id(answer)) for answer in answers}) == 1, "whatever the reason is"


def test_d1_a_guessed_key_is_unknown(alice: User, anyone: Api) -> None:
    download_id, key = granted(alice.api, uploaded(alice.api, b"x")["id"])
    assert len(key) == 43
    guesses = [random_key(), key[:-1], key + "A", key.swapcase(), key[::-1], download_id, "", " ", "sdt_" + key]
    for guess in filter(None, guesses):
        assert_refused(perform(anyone, guess), 404, "not_found")
        assert_refused(perform(anyone, guess, session=random_key()), 404, "not_found")
    assert perform(anyone, key).status == 200


def test_d1_keys_do_not_repeat_or_resemble_each_other(alice: User) -> None:
    download = alice.api("POST", "/downloads", {"files": [uploaded(alice.api, b"x")["id"]]}).data
    keys = [alice.api("POST", f"/downloads/{download['id']}/keys").data["key"] for _ in range(20)]
    assert len({key[:8] for key in keys}) == len({key[-8:] for key in keys}) == 20


def test_d1_a_new_key_ends_the_one_before(alice: User, anyone: Api) -> None:
    download_id, old = granted(alice.api, uploaded(alice.api, b"x")["id"])
    new = alice.api("POST", f"/downloads/{download_id}/keys").data["key"]
    assert_withdrawn(anyone, old)
    assert perform(anyone, new).status == 200


def test_d2_after_the_last_use(alice: User, anyone: Api) -> None:
    _, key = granted(alice.api, uploaded(alice.api, b"x")["id"])
    assert perform(anyone, key).status == 200
    assert_withdrawn(anyone, key)


def test_d2_after_its_expiry(alice: User, anyone: Api, backstage: Backstage) -> None:
    download_id, key = granted(alice.api, uploaded(alice.api, b"x")["id"])
    backstage.change("DOWNLOAD", download_id, expires_at=in_the_past(seconds=1))
    assert_withdrawn(anyone, key)


def test_d2_after_its_revocation(alice: User, anyone: Api, backstage: Backstage) -> None:
    """A revocation ends the open sessions as well."""
    download_id, key = granted(alice.api, uploaded(alice.api, b"x")["id"])
    session = perform(anyone, key).data["session"]
    backstage.change("DOWNLOAD", download_id, revoked_at=in_the_past(seconds=1))
    assert_withdrawn(anyone, key, session)


def test_d2_a_session_belongs_to_its_download(alice: User, anyone: Api) -> None:
    file_id = uploaded(alice.api, b"x")["id"]
    _, one = granted(alice.api, file_id)
    _, other = granted(alice.api, file_id)
    session = perform(anyone, one).data["session"]
    perform(anyone, other)
    for wrong in (random_key(), session[:-1], session + "A", other):
        assert_refused(perform(anyone, one, session=wrong), 410, "gone")
    assert_refused(perform(anyone, other, session=session), 410, "gone")
    for refused in ("", "x" * 101, 7, {}):
        assert_refused(perform(anyone, one, session=refused), 422, "invalid", ["session"])


ENDS = {
    "trashed": lambda user, _, file_id: user.api("DELETE", f"/files/{file_id}"),
    "purged": lambda user, _, file_id: user.api("DELETE", f"/files/{file_id}?permanent=true"),
    "expired": lambda _, backstage, file_id: backstage.change("FILE", file_id, expires_at=in_the_past(seconds=1)),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("mode", ["server", "client"])
def test_d3_a_file_that_ended_ends_its_downloads_and_sessions(
    alice: User, anyone: Api, backstage: Backstage, mode: str, end: Callable[[Any, Any, str], object]
) -> None:
    file_id = uploaded(alice.api, content(100), encryption=mode)["id"]
    _, unused = granted(alice.api, file_id)
    _, used = granted(alice.api, file_id)
    session = perform(anyone, used).data["session"]
    end(alice, backstage, file_id)
    assert_withdrawn(anyone, unused)
    assert_withdrawn(anyone, used, session)


@pytest.mark.parametrize("mode", ["server", "client"])
def test_d4_d5_of_32_at_once_one_wins_and_only_it_learns_anything(alice: User, anyone: Api, mode: str) -> None:
    data = content(5000)
    _, key = granted(alice.api, uploaded(alice.api, data, encryption=mode)["id"])
    answers = at_once(THREADS, lambda _: perform(anyone, key))
    assert Counter(answer.status for answer in answers) == {200: 1, 410: THREADS - 1}
    (winner,) = [answer for answer in answers if answer.status == 200]
    assert winner.data["uses_left"] == 0
    assert fetched(anyone, winner.data["files"][0]) == data
    for answer in answers:
        if answer.status == 410:
            assert_refused(answer, 410, "gone")
            assert set(answer.json) == {"message", "code", "request_id"}


def test_d4_keys_made_at_once_give_one_use(alice: User, anyone: Api) -> None:
    """Every key but the last is dead, and the one that lives has one use."""
    download = alice.api("POST", "/downloads", {"files": [uploaded(alice.api, b"x")["id"]]}).data
    made = at_once(8, lambda _: alice.api("POST", f"/downloads/{download['id']}/keys"))
    keys = [answer.data["key"] for answer in made if answer.status == 201]
    assert {answer.status for answer in made} <= {201, 410, 503}
    assert keys
    answers = at_once(len(keys), lambda number: perform(anyone, keys[number]))
    assert sum(answer.status == 200 for answer in answers) == 1


def test_d5_showing_gives_neither_address_nor_key(alice: User, anyone: Api) -> None:
    file = uploaded(alice.api, content(100), encryption="client")
    _, key = granted(alice.api, file["id"])
    text = anyone("GET", f"/public/downloads/{key}").body.decode()
    for word in ("url", "X-Amz", "encryption_context", "data_key", "session", "http"):
        assert word not in text
    owner = alice.api("GET", f"/files/{file['id']}").body.decode()
    assert "data_key" not in owner, "a ready file's key is for who performs a download of it"


def test_d5_a_sealed_files_key_opens_that_file_only(alice: User, anyone: Api) -> None:
    shared, private = (uploaded(alice.api, content(100), encryption="client")["id"] for _ in range(2))
    _, key = granted(alice.api, shared)
    (released,) = perform(anyone, key).data["files"]
    assert released["encryption"]["encryption_context"]["file"] == shared
    moved = released["url"].replace(shared, private)
    assert anyone.fetch("GET", moved).status == 403


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.html", None),
        ("a.svg", None),
        ("a.xhtml", None),
        ("a.js", None),
        ("a.xml", None),
        ("a.txt", "text/html"),
        ("a.txt", "TEXT/HTML"),
        ("a.txt", "image/svg+xml"),
        ("a.txt", "application/rss+xml"),
        ("a.txt", "text/javascript"),
    ],
)
def test_d6_no_browser_runs_what_it_downloads(alice: User, anyone: Api, name: str, media_type: str | None) -> None:
    given = {"type": media_type} if media_type else {}
    file = uploaded(alice.api, b"<script>alert(document.domain)</script>", name, **given)
    _, key = granted(alice.api, file["id"])
    url = perform(anyone, key).data["files"][0]["url"]
    answer = anyone.fetch("GET", url)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Cache-Control"] == "no-store"
    for swap in ("response-content-type", "response-content-disposition"):
        value = parse_qs(urlsplit(url).query)[swap][0]
        assert value
        changed = "&".join(part for part in url.split("&") if not part.startswith(swap)) + f"&{swap}=text%2Fhtml"
        assert anyone.fetch("GET", changed).status == 403


def test_d6_a_url_lives_five_minutes(alice: User, anyone: Api) -> None:
    _, key = granted(alice.api, uploaded(alice.api, b"x")["id"])
    url = perform(anyone, key).data["files"][0]["url"]
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["300"]
    assert anyone.fetch("GET", url.replace("X-Amz-Expires=300", "X-Amz-Expires=86400")).status == 403
