"""PINs through the API: set, asked for, guessed, locked; the exact words and headers of what is answered."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.pin import MAX_TRIES
from tests.support.app_client import Answer, AppClient
from tests.support.builders import NOW, PIN, Caller, a_download, a_ready_file, give_pin, key_to, stored, verifier_for
from tests.support.clock import Clock
from tests.support.fakes import FakeWorld

INVALID = "The given data was invalid."
NO_PINS = ["123", "p" * 65, "p" * 200_000, "", "12\n34", "12\x0034", "12\u202834"]


@pytest.fixture
def my(api: AppClient, alice: Caller) -> AppClient:
    return api.with_token(alice.text)


@pytest.fixture
def with_pin(world: FakeWorld, alice: Caller) -> None:
    give_pin(world, alice)


def refused(answer: Answer, field: str) -> str:
    assert (answer.status, answer.json["message"]) == (422, INVALID), answer.text
    assert set(answer.json["errors"]) == {field}
    [reason] = answer.json["errors"][field]
    return reason


def locked(answer: Answer, seconds: int) -> None:
    assert (answer.status, answer.json["code"]) == (429, "pin_locked"), answer.text
    assert set(answer.json) == {"message", "code", "request_id"}
    assert answer.headers["retry-after"] == str(seconds)
    assert int(answer.headers["x-ratelimit-remaining"]) > 0
    assert "x-ratelimit-limit" in answer.headers


class TestTheUser:
    def test_set_change_remove(self, my) -> None:
        assert my.get("/user").data["has_pin"] is False
        assert my.patch("/user", {"pin": "first one"}).data["has_pin"] is True
        assert my.patch("/user", {"pin": "second 1", "current_pin": "first one"}).data["has_pin"] is True
        assert refused(my.post("/keys", {"pin": "first one"}), "pin") == "Invalid PIN."
        assert my.post("/keys", {"pin": "second 1"}).status == 201
        assert my.patch("/user", {"pin": None, "current_pin": "second 1"}).data["has_pin"] is False

    def test_the_answer_is_the_user_as_it_is_read(self, my) -> None:
        my.get("/user")  # else the two differ in when the token was last used
        answered = my.patch("/user", {"name": "  Alice Adams ", "timezone": "Asia/Tokyo", "pin": PIN})
        assert answered.status == 200
        assert answered.data == my.get("/user").data
        assert (answered.data["name"], answered.data["initials"]) == ("Alice Adams", "AA")
        assert (answered.data["timezone"], answered.data["created_at"]) == ("Asia/Tokyo", "2026-03-01T12:00:00.000000Z")

    def test_an_empty_change_changes_nothing(self, my, world) -> None:
        before = [my.get("/user").data for _ in range(2)][1]
        assert my.patch("/user", {}).data == before
        assert "save" not in world.users.calls

    def test_new_files_and_downloads_show_the_new_name_to_every_token(self, my, api, world, alice) -> None:
        other = api.with_token(my.post("/tokens", {"name": "x", "scopes": ["files:write", "downloads"]}).data["token"])
        old = my.post("/files", {"filename": "a", "size": 5}).data
        my.patch("/user", {"name": "Alice Adams", "timezone": "Asia/Tokyo"})
        for token in (my, other):
            author = token.post("/files", {"filename": "b", "size": 5}).data["created_by"]
            assert (author["name"], author["timezone"]) == ("Alice Adams", "Asia/Tokyo")
        file = stored(world, a_ready_file(account_id=alice.account_id))
        download = other.post("/downloads", {"files": [file.id]}).data
        key = other.post(f"/downloads/{download['id']}/keys", {}).data["key"]
        assert api.get(f"/public/downloads/{key}").data["sender"]["name"] == "Alice Adams"
        assert my.get(f"/files/{old['id']}").data["created_by"]["name"] == "Alice Archer", "who it was then"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            *(({"pin": pin}, "pin") for pin in [*NO_PINS, 1234, ["1234"], True]),
            ({"name": ""}, "name"),
            ({"name": "a\nb"}, "name"),
            ({"name": "x" * 121}, "name"),
            ({"name": None}, "name"),
            ({"timezone": "Mars/Olympus"}, "timezone"),
            ({"timezone": None}, "timezone"),
            ({"email": "new@example.com"}, "email"),
            ({"has_pin": False}, "has_pin"),
            ({"current_pin": PIN}, "current_pin"),
        ],
    )
    def test_what_is_refused_and_why(self, my, world, body, field: str) -> None:
        before = dict(world.users.users)
        refused(my.patch("/user", body), field)
        assert world.users.users == before

    @pytest.mark.usefixtures("with_pin")
    @pytest.mark.parametrize("pin", ["new 1", None])
    def test_k7_the_current_pin_is_needed(self, my, pin) -> None:
        refused(my.patch("/user", {"pin": pin}), "current_pin")
        refused(my.patch("/user", {"pin": pin, "current_pin": None}), "current_pin")
        for wrong in ("0000", "1", ""):
            assert refused(my.patch("/user", {"pin": pin, "current_pin": wrong}), "current_pin") == "Invalid PIN."
        assert my.get("/user").data["has_pin"] is True

    @pytest.mark.usefixtures("with_pin")
    def test_k1_the_tries_there_and_at_keys_are_the_same(self, my) -> None:
        for _ in range(3):
            my.patch("/user", {"pin": "new 1", "current_pin": "0000"})
        for _ in range(2):
            my.post("/keys", {"pin": "0000"})
        locked(my.patch("/user", {"pin": "new 1", "current_pin": PIN}), 900)
        locked(my.post("/keys", {"pin": PIN}), 900)


@pytest.mark.usefixtures("with_pin")
class TestTemporaryKeys:
    def test_bought_used_dropped(self, my, world, alice) -> None:
        bought = my.post("/keys", {"pin": PIN})
        assert (bought.status, set(bought.data)) == (201, {"key", "expires_at"})
        assert bought.data["expires_at"] == "2026-03-01T13:00:00.000000Z"
        path = keys_path(world, alice)
        assert my.post(path, {"pinKey": bought.data["key"]}).status == 201
        assert my.delete(f"/keys/{bought.data['key']}").status == 204
        assert my.delete(f"/keys/{bought.data['key']}").status == 404
        assert refused(my.post(path, {"pinKey": bought.data["key"]}), "pinKey") == "Pin key does not exists"

    @pytest.mark.parametrize("body", [{}, {"pin": None}, {"pin": 1234}, {"pin": [PIN]}])
    def test_a_pin_is_text(self, my, body) -> None:
        refused(my.post("/keys", body), "pin")

    @pytest.mark.parametrize("pin", NO_PINS)
    def test_what_cannot_be_a_pin_is_wrong_and_no_try(self, my, world, pin: str) -> None:
        assert refused(my.post("/keys", {"pin": pin}), "pin") == "Invalid PIN."
        assert world.pin_tries.calls == []

    def test_half_a_character_is_no_json(self, my) -> None:
        answer = my.call("POST", "/keys", body='{"pin": "12\\ud83034"}', headers={"Content-Type": "application/json"})
        assert answer.status == 400

    def test_two_ways_of_typing_it(self, my) -> None:
        my.patch("/user", {"pin": "cafe\u0301", "current_pin": PIN})
        assert my.post("/keys", {"pin": "café"}).status == 201

    @pytest.mark.parametrize("pin_key", [5, True, [], {}])
    def test_a_pin_key_is_text(self, my, world, alice, pin_key) -> None:
        refused(my.post(keys_path(world, alice), {"pinKey": pin_key}), "pinKey")

    def test_by_its_name_on_the_wire_alone(self, my, world, alice) -> None:
        refused(my.post(keys_path(world, alice), {"pin_key": "x"}), "pin_key")

    def test_none_is_as_if_it_were_left_out(self, my, world, alice) -> None:
        assert "POST /api/keys" in refused(my.post(keys_path(world, alice), {"pinKey": None}), "pinKey")

    def test_k2_bobs_key_is_none_of_alices(self, my, api, world, alice, bob) -> None:
        give_pin(world, bob)
        key = api.with_token(bob.text).post("/keys", {"pin": PIN}).data["key"]
        assert refused(my.post(keys_path(world, alice), {"pinKey": key}), "pinKey") == "Pin key does not exists"
        assert my.delete(f"/keys/{key}").status == 404

    def test_k3_a_changed_pin_ends_the_keys_of_the_old_one(self, my, world, alice) -> None:
        key = my.post("/keys", {"pin": PIN}).data["key"]
        my.patch("/user", {"pin": PIN, "current_pin": PIN})
        assert refused(my.post(keys_path(world, alice), {"pinKey": key}), "pinKey") == "Pin key does not exists"
        my.patch("/user", {"pin": None, "current_pin": PIN})
        assert refused(my.post(keys_path(world, alice), {"pinKey": key}), "pinKey") == "Pin key does not exists"
        assert my.post(keys_path(world, alice), {}).status == 201

    def test_an_hour_and_not_longer(self, my, world, alice, clock: Clock) -> None:
        key = my.post("/keys", {"pin": PIN}).data["key"]
        clock.tick(minutes=59, seconds=59)
        assert my.post(keys_path(world, alice, clock), {"pinKey": key}).status == 201
        clock.tick(seconds=1)
        refused(my.post(keys_path(world, alice, clock), {"pinKey": key}), "pinKey")

    def test_five_wrong_ones_lock_it_for_fifteen_minutes(self, my, clock: Clock) -> None:
        for _ in range(MAX_TRIES):
            assert refused(my.post("/keys", {"pin": "0000"}), "pin") == "Invalid PIN."
        right, wrong = my.post("/keys", {"pin": PIN}), my.post("/keys", {"pin": "0000"})
        locked(right, 900)
        assert {**right.json, "request_id": ""} == {**wrong.json, "request_id": ""}, "nothing is told of the guess"
        clock.tick(minutes=14, seconds=59)
        locked(my.post("/keys", {"pin": PIN}), 1)
        clock.tick(seconds=1)
        assert my.post("/keys", {"pin": PIN}).status == 201

    def test_a_locked_pin_is_counted_as_what_it_is(self, my, capsys) -> None:
        for _ in range(MAX_TRIES):
            my.post("/keys", {"pin": "0000"})
        capsys.readouterr()
        my.post("/keys", {"pin": PIN})
        line = json.loads(capsys.readouterr().out)
        assert (line["PinLockouts"], line["status"], line["code"]) == (1, 429, "pin_locked")
        assert "RateLimited" not in line

    def test_s1_no_secret_of_it_is_logged(self, my, world, alice, capsys) -> None:
        key = my.post("/keys", {"pin": PIN}).data["key"]
        my.post(keys_path(world, alice), {"pinKey": key})
        my.patch("/user", {"pin": "renewed 1", "current_pin": PIN})
        my.post("/keys", {"pin": "guessed 1"})
        my.delete(f"/keys/{key}")
        logged = capsys.readouterr().out
        assert '"DELETE /keys/{key}"' in logged
        assert not [secret for secret in (key, PIN, "renewed 1", "guessed 1") if secret in logged]


def keys_path(world: FakeWorld, owner: Caller, clock: Clock | None = None) -> str:
    now = clock.now if clock else NOW
    file = stored(world, a_ready_file(account_id=owner.account_id))
    download = a_download(file, account_id=owner.account_id, expires_at=now + timedelta(minutes=1))
    world.downloads.add(download)
    return f"/downloads/{download.id}/keys"


class TestADownloadWithAPin:
    @pytest.fixture
    def path(self, world, alice) -> str:
        file = stored(world, a_ready_file(account_id=alice.account_id, filename="secret plans.pdf"))
        download = a_download(file, account_id=alice.account_id, expires_at=NOW + timedelta(days=1))
        world.downloads.add(replace(download, pin=verifier_for(world, download.pin_holder)))
        return f"/public/downloads/{key_to(world, download)}"

    def test_shown_without_a_word_of_its_files(self, api, path) -> None:
        shown = api.get(path)
        assert set(shown.data) == {"sender", "uses_left", "expires_at", "pin_required"}
        assert shown.data["pin_required"] is True
        for hidden in ("secret", "plans", ".pdf", "server", "size", '"5"'):
            assert hidden not in shown.text

    def test_performed_and_resumed(self, api, path) -> None:
        performed = api.post(path, {"pin": PIN})
        assert performed.status == 200
        assert performed.data["files"][0]["full_filename"] == "secret plans.pdf"
        again = api.post(path, {"session": performed.data["session"]})
        assert (again.status, again.data["uses_left"]) == (200, 0)

    @pytest.mark.parametrize("body", [None, {}, {"pin": None}])
    def test_the_pin_is_asked_for(self, api, path, body) -> None:
        assert refused(api.post(path, body), "pin") == "This download asks for a PIN."

    @pytest.mark.parametrize("pin", ["0000", *NO_PINS])
    def test_a_wrong_pin(self, api, path, pin: str) -> None:
        assert refused(api.post(path, {"pin": pin}), "pin") == "Invalid PIN."
        assert api.get(path).data["uses_left"] == 1

    def test_five_wrong_ones_lock_it(self, api, path, clock) -> None:
        for _ in range(MAX_TRIES):
            refused(api.post(path, {"pin": "0000"}), "pin")
        locked(api.post(path, {"pin": PIN}), 900)
        assert api.get(path).data["uses_left"] == 1, "a look at it is not refused"
        clock.tick(minutes=15)
        assert api.post(path, {"pin": PIN}).status == 200

    def test_s1_neither_pin_nor_guess_is_logged(self, api, path, capsys) -> None:
        api.post(path, {"pin": "guessed 1"})
        api.post(path, {"pin": PIN})
        logged = capsys.readouterr().out
        assert "guessed 1" not in logged
        assert PIN not in logged

    def test_a_pin_where_none_is_asked_for_does_no_harm(self, api, world, alice) -> None:
        download = a_download(stored(world, a_ready_file(account_id=alice.account_id)), account_id=alice.account_id)
        world.downloads.add(download)
        path = f"/public/downloads/{key_to(world, download)}"
        assert "files" in api.get(path).data
        assert api.post(path, {"pin": PIN}).status == 200
