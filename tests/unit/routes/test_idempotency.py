"""Idempotency-Key as a program uses it: which routes take it, and what they answer."""

import json
import uuid

import pytest

from chalicelib.routes.idempotency import TAKES_KEY
from chalicelib.wire.idempotency import HEADER
from tests.support.builders import a_ready_file, stored
from tests.support.every_route import GOOD, send

KEY = {HEADER: "3e2ee1c0-5a5a-4c7e-8a34-6f7d3a3c4d5e"}
FILE = {"filename": "invoice.pdf", "size": 5, "encryption": "client"}

TAKING = {("POST", "/files"), ("POST", "/downloads"), ("POST", "/mails"), ("POST", "/categories")}
REFUSING = {
    ("POST", "/tokens"),
    ("POST", "/webhooks"),
    ("POST", "/keys"),
    ("POST", "/downloads/{download_id}/keys"),
    ("POST", "/public/downloads/{key}"),
}
HARMLESS = {
    ("POST", "/files/{file_id}/parts"),
    ("POST", "/files/{file_id}/complete"),
    ("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"),  # a twin is 409, and nothing is done anew
}


@pytest.fixture
def hers(api, alice):
    return api.with_token(alice.text)


def test_every_post_takes_the_key_or_refuses_it_or_is_harmless_to_repeat(api) -> None:
    views = {
        (method, path): getattr(entry.view_function, TAKES_KEY, None)
        for path, methods in api.app.routes.items()
        for method, entry in methods.items()
    }
    assert {route for route, takes in views.items() if takes} == TAKING
    assert {route for route, takes in views.items() if takes is False} == REFUSING
    assert {route for route in GOOD if route[0] == "POST"} == TAKING | REFUSING | HARMLESS


@pytest.mark.parametrize("route", sorted(REFUSING))
def test_what_answers_a_secret_refuses_the_key_and_does_nothing(world, hers, alice, route) -> None:
    good = GOOD[route](world, alice)
    before = set(world.tokens.records), dict(world.downloads.records)
    answer = send(hers, route, good, headers=KEY)
    assert (answer.status, list(answer.json["errors"])) == (422, [HEADER])
    assert (set(world.tokens.records), dict(world.downloads.records)) == before
    assert send(hers, route, good).status == good.status


@pytest.mark.parametrize("route", sorted(set(GOOD) - TAKING - REFUSING))
def test_elsewhere_it_is_ignored(world, hers, alice, route) -> None:
    good = GOOD[route](world, alice)
    answer = send(hers, route, good, headers={HEADER: "no such thing here "})
    assert answer.status == good.status
    assert "idempotency-replayed" not in answer.headers
    assert world.claims.kept == {}


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "naïve"])
@pytest.mark.parametrize("route", sorted(TAKING))
def test_a_key_that_is_none_is_refused_by_name(world, hers, alice, route, key: str) -> None:
    answer = send(hers, route, GOOD[route](world, alice), headers={HEADER: key})
    assert (answer.status, list(answer.json["errors"])) == (422, [HEADER])
    assert world.claims.kept == {}


class TestFiles:
    def test_the_same_file_with_its_urls_and_its_key(self, world, hers) -> None:
        first, second = hers.post("/files", FILE, headers=KEY), hers.post("/files", FILE, headers=KEY)
        assert (first.status, second.status) == (201, 201)
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        once, again = first.data, second.data
        assert once["upload"].pop("url") != again["upload"].pop("url")  # signed anew
        assert once == again
        assert len(world.files.records) == 1

    def test_the_header_is_the_same_however_it_is_spelt(self, hers) -> None:
        [[_, key]] = KEY.items()
        first = hers.post("/files", FILE, headers={"idempotency-key": key})
        assert hers.post("/files", FILE, headers={"IDEMPOTENCY-KEY": key}).data["id"] == first.data["id"]

    def test_white_space_and_order_do_not_matter(self, hers) -> None:
        first = hers.post("/files", FILE, headers=KEY)
        spelt = json.dumps(dict(reversed(FILE.items())), indent=4)
        second = hers.post("/files", body=spelt, headers=KEY | {"Content-Type": "application/json"})
        assert second.data["id"] == first.data["id"]

    def test_i2_another_body_is_409_and_changes_nothing(self, world, hers) -> None:
        hers.post("/files", FILE, headers=KEY)
        answer = hers.post("/files", FILE | {"size": 6}, headers=KEY)
        assert (answer.status, answer.json["code"]) == (409, "idempotency_mismatch")
        assert len(world.files.records) == 1

    def test_a_finished_file_comes_without_an_upload(self, world, hers) -> None:
        made = hers.post("/files", FILE | {"encryption": "server"}, headers=KEY).data
        world.objects.put(f"files/{made['id']}", b"hello")
        assert hers.post(f"/files/{made['id']}/complete", {}).data["status"] == "ready"
        again = hers.post("/files", FILE | {"encryption": "server"}, headers=KEY)
        assert (again.status, again.data["status"]) == (201, "ready")
        assert "upload" not in again.data

    def test_a_purged_file_is_410_and_says_what_to_do(self, world, hers) -> None:
        made = hers.post("/files", FILE, headers=KEY).data
        assert hers.delete(f"/files/{made['id']}", query={"permanent": "true"}).status == 204
        answer = hers.post("/files", FILE, headers=KEY)
        assert (answer.status, answer.json["code"]) == (410, "gone")
        assert "fresh key" in answer.json["message"]
        assert world.files.records == {}
        assert hers.post("/files", FILE, headers={HEADER: str(uuid.uuid4())}).status == 201

    def test_a_day_later_the_key_is_free(self, hers, clock) -> None:
        first = hers.post("/files", FILE, headers=KEY)
        clock.tick(hours=24)
        second = hers.post("/files", FILE, headers=KEY)
        assert second.data["id"] != first.data["id"]
        assert "idempotency-replayed" not in second.headers

    def test_a_refused_request_leaves_the_key_free(self, hers) -> None:
        past = FILE | {"expires_at": "2026-02-01T00:00:00Z"}
        assert hers.post("/files", past, headers=KEY).status == 422
        assert hers.post("/files", FILE, headers=KEY).status == 201

    def test_a_replay_is_logged_as_one(self, hers, capsys) -> None:
        for _ in range(2):
            hers.post("/files", FILE, headers=KEY)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line.get("replayed") for line in lines] == [None, True]

    def test_the_key_itself_is_never_logged(self, hers, capsys) -> None:
        hers.post("/files", FILE, headers=KEY)
        assert KEY[HEADER] not in capsys.readouterr().out


class TestWhoseKeyItIs:
    def test_i1_another_account_with_the_same_key_gets_its_own(self, api, hers, bob) -> None:
        first = hers.post("/files", FILE, headers=KEY)
        second = api.with_token(bob.text).post("/files", FILE, headers=KEY)
        assert second.status == 201
        assert second.data["id"] != first.data["id"]
        assert second.data["created_by"]["email"] == "bob@example.com"
        assert "idempotency-replayed" not in second.headers

    def test_i1_another_body_of_another_account_is_no_mismatch(self, api, hers, bob) -> None:
        """Else it would tell that somebody has used this key."""
        hers.post("/files", FILE, headers=KEY)
        assert api.with_token(bob.text).post("/files", FILE | {"size": 6}, headers=KEY).status == 201

    def test_another_route_with_the_same_key_is_another_request(self, world, hers, alice) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        assert hers.post("/files", FILE, headers=KEY).status == 201
        answer = hers.post("/downloads", {"files": [file.id]}, headers=KEY)
        assert (answer.status, "idempotency-replayed" in answer.headers) == (201, False)


class TestDownloads:
    def test_a_download_is_granted_once_even_when_it_is_spent(self, world, hers, alice, clock) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        body = {"files": [file.id]}
        made = hers.post("/downloads", body, headers=KEY).data
        key = hers.post(f"/downloads/{made['id']}/keys").data["key"]
        assert hers.post(f"/public/downloads/{key}").status == 200
        again = hers.post("/downloads", body, headers=KEY)
        assert (again.status, again.data) == (201, made | {"uses_left": 0})
        clock.tick(hours=1)
        assert hers.post("/downloads", body, headers=KEY).data["expires_at"] == made["expires_at"]
        assert hers.post(f"/downloads/{made['id']}/keys").status == 410
