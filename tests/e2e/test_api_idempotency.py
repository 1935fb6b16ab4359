"""Requests that are sent again, and again at once: over HTTP, through the whole stack."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.api_kit import (
    MIB,
    PART,
    Backstage,
    assert_headers,
    assert_refused,
    complete,
    content,
    send,
    sent,
    uploaded,
)
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e

TWINS = 16
TIB = 2**40
FILE = {"filename": "twin.bin", "size": 5}


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def at_once(api: Api, path: str, body: Any, headers: dict[str, str] | None = None, times: int = TWINS) -> list[Answer]:
    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(lambda _: api("POST", path, body, headers=headers), range(times)))
    for answer in answers:
        assert_headers(answer)
    return answers


def replays(answers: list[Answer]) -> int:
    return sum(answer.headers.get("Idempotency-Replayed") == "true" for answer in answers)


def used(api: Api) -> dict[str, int]:
    return {name: entry["used"] for name, entry in api("GET", "/user").data["quota"].items()}


def test_of_sixteen_equal_requests_one_makes_a_file(alice: User, key: dict[str, str]) -> None:
    before = used(alice.api)
    answers = at_once(alice.api, "/files", FILE, key)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.data["id"] for answer in answers}) == 1
    assert replays(answers) == TWINS - 1
    after = used(alice.api)
    assert (after["files"], after["bytes"]) == (before["files"] + 1, before["bytes"] + 5)
    refused = [send(alice.api, answer.data["upload"], b"bytes") for answer in answers]
    assert sorted(answer.status for answer in refused) == [200, *[412] * (TWINS - 1)]  # every address works, once
    assert complete(alice.api, answers[0].data["id"]).data["status"] == "ready"


def test_all_get_the_one_data_key(alice: User, key: dict[str, str]) -> None:
    answers = at_once(alice.api, "/files", FILE | {"encryption": "client"}, key)
    assert len({answer.data["encryption"]["data_key"] for answer in answers}) == 1
    assert len({answer.data["encryption"]["encrypted_data_key"] for answer in answers}) == 1


def test_the_losers_leave_no_upload_in_parts(alice: User, backstage: Backstage, key: dict[str, str]) -> None:
    before = {upload["UploadId"] for upload in backstage.open_uploads("")}
    answers = at_once(alice.api, "/files", FILE | {"size": 6 * MIB, "part_size": PART}, key)
    begun = [upload for upload in backstage.open_uploads("") if upload["UploadId"] not in before]
    assert [upload["Key"] for upload in begun] == [f"files/{answers[0].data['id']}"]
    for part, data in zip(answers[-1].data["upload"]["parts"], (content(PART), content(MIB)), strict=True):
        sent(alice.api, part, data)
    assert complete(alice.api, answers[0].data["id"]).data["status"] == "ready"


def test_of_sixteen_equal_requests_one_grants_a_download(alice: User, key: dict[str, str]) -> None:
    file_id = uploaded(alice.api, b"hello")["id"]
    answers = at_once(alice.api, "/downloads", {"files": [file_id]}, key)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.data["id"] for answer in answers}) == 1
    assert replays(answers) == TWINS - 1


def test_without_a_key_each_makes_its_own(alice: User) -> None:
    answers = at_once(alice.api, "/files", FILE)
    assert len({answer.data["id"] for answer in answers}) == TWINS
    assert replays(answers) == 0


def test_another_body_is_refused_whoever_comes_first(alice: User, key: dict[str, str]) -> None:
    bodies = [FILE | {"size": size} for size in range(1, TWINS + 1)]
    with ThreadPoolExecutor(TWINS) as pool:
        answers = list(pool.map(lambda body: alice.api("POST", "/files", body, headers=key), bodies))
    refused = [answer for answer in answers if answer.status != 201]
    assert len(refused) == TWINS - 1
    for answer in refused:
        assert_refused(answer, 409, "idempotency_mismatch")


def test_i1_the_same_key_of_another_account_meets_nothing(alice: User, bob: User, key: dict[str, str]) -> None:
    hers, his = (user.api("POST", "/files", FILE, headers=key) for user in (alice, bob))
    assert hers.data["id"] != his.data["id"]
    assert "Idempotency-Replayed" not in his.headers
    assert alice.api("POST", "/files", FILE, headers=key).data["id"] == hers.data["id"]


def test_what_is_gone_stays_gone(alice: User, key: dict[str, str]) -> None:
    file_id = alice.api("POST", "/files", FILE, headers=key).data["id"]
    assert alice.api("DELETE", f"/files/{file_id}?permanent=true").status == 204
    assert_refused(alice.api("POST", "/files", FILE, headers=key), 410, "gone")


@pytest.fixture
def purged_after(bob: User) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for file_id in made:
        assert bob.api("DELETE", f"/files/{file_id}?permanent=true").status == 204


def test_q1_of_sixteen_huge_files_at_once_as_many_are_made_as_fit(bob: User, purged_after: list[str]) -> None:
    """The limit is 10 TiB, and two of 5 TiB fit an empty account."""
    quota, before = bob.api("GET", "/user").data["quota"], used(bob.api)
    room = (quota["bytes"]["limit"] - before["bytes"]) // (5 * TIB)
    answers = at_once(bob.api, "/files", {"filename": "huge.bin", "size": 5 * TIB})
    purged_after += [answer.data["id"] for answer in answers if answer.status == 201]
    assert room in {1, 2}
    assert len(purged_after) == room
    for answer in answers:
        if answer.status != 201:
            assert_refused(answer, 403, "quota_exceeded", ["bytes"])
    after = used(bob.api)
    assert after["bytes"] == before["bytes"] + room * 5 * TIB
    assert after["files"] == before["files"] + room
