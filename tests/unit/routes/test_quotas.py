"""An account's quota as a program meets it."""

import pytest

from chalicelib.domain.quota import Quota, Usage
from tests.support.builders import NOW

FILE = {"filename": "invoice.pdf", "size": 5}


@pytest.fixture(autouse=True)
def _small(world) -> None:
    world.quotas.default = Quota(stored_bytes=12, files=3, mails_a_day=4)


@pytest.fixture
def hers(api, alice):
    return api.with_token(alice.text)


def used(api) -> dict[str, int]:
    return {name: entry["used"] for name, entry in api.get("/user").data["quota"].items()}


def test_403_names_the_quota_and_says_what_to_do(hers) -> None:
    assert [hers.post("/files", FILE).status for _ in range(2)] == [201, 201]
    answer = hers.post("/files", FILE)
    assert (answer.status, answer.json["code"]) == (403, "quota_exceeded")
    assert list(answer.json["errors"]) == ["bytes"]
    assert "Purge files" in answer.json["errors"]["bytes"][0]
    assert hers.post("/files", FILE | {"size": 0}).status == 201
    assert list(hers.post("/files", FILE | {"size": 0}).json["errors"]) == ["files"]


def test_the_user_shows_limits_and_what_is_used(world, hers, alice) -> None:
    made = hers.post("/files", FILE).data
    world.quotas.charge(alice.account_id, Usage(mails=2), NOW)
    assert hers.get("/user").data["quota"] == {
        "bytes": {"limit": 12, "used": 5},
        "files": {"limit": 3, "used": 1},
        "mails_today": {"limit": 4, "used": 2},
    }
    hers.delete(f"/files/{made['id']}", query={"permanent": "true"})
    assert used(hers) == {"bytes": 0, "files": 0, "mails_today": 2}


def test_mails_count_for_one_day(world, hers, alice, clock) -> None:
    world.quotas.charge(alice.account_id, Usage(mails=4), NOW)
    clock.tick(hours=11, minutes=59)
    assert used(hers)["mails_today"] == 4
    clock.tick(minutes=1)
    assert used(hers)["mails_today"] == 0


def test_the_trash_counts(world, hers) -> None:
    made = hers.post("/files", FILE).data
    world.objects.put(f"files/{made['id']}", b"hello")
    hers.post(f"/files/{made['id']}/complete", {})
    hers.delete(f"/files/{made['id']}")
    assert used(hers)["files"] == 1
    hers.delete(f"/files/{made['id']}")
    assert used(hers)["files"] == 0


def test_a_rejected_upload_counts_no_more(world, hers) -> None:
    made = hers.post("/files", FILE).data
    world.objects.put(f"files/{made['id']}", b"four")
    assert hers.post(f"/files/{made['id']}/complete", {}).status == 422
    assert used(hers)["files"] == 0
    hers.patch(f"/files/{made['id']}", {"filename": "renamed.pdf"})
    hers.delete(f"/files/{made['id']}")
    assert used(hers) == {"bytes": 0, "files": 0, "mails_today": 0}


def test_a_sealed_file_counts_with_its_seal(hers) -> None:
    answer = hers.post("/files", FILE | {"encryption": "client"})
    assert (answer.status, list(answer.json["errors"])) == (403, ["bytes"])


def test_it_is_the_accounts_own(api, hers, bob) -> None:
    for _ in range(2):
        hers.post("/files", FILE)
    assert hers.post("/files", FILE).status == 403
    assert api.with_token(bob.text).post("/files", FILE).status == 201
