"""(P1) What each field takes, by type, by range and by form: guessed at nothing, and a refusal names the field."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.expiry import MAX_AHEAD
from chalicelib.domain.page import Position, cursor_of
from chalicelib.domain.upload import MAX_PART_BYTES, MAX_STORED_BYTES, MIN_PART_BYTES
from tests.support.app_client import Answer, AppClient
from tests.support.builders import NOW, Caller, a_file, a_ready_file, stored
from tests.support.fakes import FakeWorld, sha256_base64

GOOD = {"filename": "invoice.pdf", "size": 5}
DIGEST = sha256_base64(b"")
HUGE = 10**400


@pytest.fixture
def my(api: AppClient, alice: Caller) -> AppClient:
    return api.with_token(alice.text)


def raw(body: str) -> dict:
    return {"body": body, "headers": {"Content-Type": "application/json"}}


def refused(answer: Answer, field: str) -> list[str]:
    assert answer.status == 422, answer.text
    assert answer.json["message"] == "The given data was invalid."
    assert set(answer.json["errors"]) == {field}
    return answer.json["errors"][field]


class TestTypesAreNotGuessed:
    @pytest.mark.parametrize(
        "size", ["5", 5.5, 5.0, 1e3, True, False, None, [], {}, [5], -1, MAX_STORED_BYTES + 1, HUGE]
    )
    def test_size(self, my, world, size) -> None:
        refused(my.post("/files", GOOD | {"size": size}), "size")
        assert world.files.records == {}

    @pytest.mark.parametrize(
        "literal", ["NaN", "Infinity", "-Infinity", "1e400", "5.", "05", "+5", "0x5", "5e0", "-0.0"]
    )
    def test_size_in_odd_spellings(self, my, literal: str) -> None:
        answer = my.post("/files", **raw(f'{{"filename": "a", "size": {literal}}}'))
        assert answer.status in {400, 422}

    @pytest.mark.parametrize("size", [0, 1, MAX_STORED_BYTES])
    def test_sizes_at_the_edges(self, my, size: int) -> None:
        assert my.post("/files", GOOD | {"size": size}).data["size"] == size

    @pytest.mark.parametrize("filename", [5, True, None, [], {}, ["a"]])
    def test_filename(self, my, filename) -> None:
        refused(my.post("/files", GOOD | {"filename": filename}), "filename")

    @pytest.mark.parametrize("flag", [1, 0, "true", "false", "yes", None, []])
    def test_flags(self, my, world, alice, flag) -> None:
        refused(my.post("/files", GOOD | {"part_checksums": flag}), "part_checksums")
        file = stored(world, a_ready_file(account_id=alice.account_id))
        answer = my.patch(f"/files/{file.id}", {"trashed": flag})
        assert answer.status == 422
        assert world.files.find(file.id) == file

    @pytest.mark.parametrize("number", ["1", True, 1.0, 0, -1, None, HUGE])
    def test_part_numbers(self, my, world, alice, number) -> None:
        file = world.files.add(a_file(account_id=alice.account_id))
        answer = my.post(f"/files/{file.id}/parts", {"parts": [{"number": number}]})
        refused(answer, "parts.0.number")

    @pytest.mark.parametrize("ids", ["abc", {}, [5], [None], [["x"]], None, []])
    def test_file_ids(self, my, ids) -> None:
        answer = my.post("/downloads", {"files": ids})
        assert answer.status == 422
        assert all(field.startswith("files") for field in answer.json["errors"])

    @pytest.mark.parametrize(
        "scopes", [[], {}, "files:read", None, [1], [None], [{}], [[]], ["files:delete"], ["FILES:READ"]]
    )
    def test_scopes(self, my, world, scopes) -> None:
        refused(my.post("/tokens", {"name": "x", "scopes": scopes}), "scopes")
        assert len(world.tokens.records) == 1

    @pytest.mark.parametrize("mode", ["link", "SERVER", "", None, 1, ["server"]])
    def test_encryption_modes(self, my, mode) -> None:
        refused(my.post("/files", GOOD | {"encryption": mode}), "encryption")


class TestText:
    @pytest.mark.parametrize(
        "filename",
        [
            "",
            " ",
            ".",
            "..",
            "a/b",
            "a\\b",
            "a\x00b",
            "a\nb",
            "a\rb",
            "a\x7f",
            "\u202eb",
            "a" * 256,
            "é" * 128,
            "x" * 5000,
        ],
    )
    def test_p2_file_names(self, my, filename: str) -> None:
        refused(my.post("/files", GOOD | {"filename": filename}), "filename")

    @pytest.mark.parametrize(
        "filename", ['say "hi".pdf', "a" * 255, "\U0001f600.png", "%0d%0a.txt", "a;b=c", "-rf", "NUL"]
    )
    def test_p2_odd_but_good_file_names_come_back_whole(self, my, filename: str) -> None:
        answer = my.post("/files", GOOD | {"filename": filename})
        assert answer.data["full_filename"] == filename
        assert my.get(f"/files/{answer.data['id']}").data["full_filename"] == filename

    @pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\udc00\\ud800", "\\ud83d", "\\ud83dx"])
    @pytest.mark.parametrize("place", ["name", "value"])
    def test_p1_half_characters(self, my, escape: str, place: str) -> None:
        pair = f'"{escape}": 1' if place == "name" else f'"filename": "{escape}"'
        answer = my.post("/files", **raw(f'{{{pair}, "size": 5}}'))
        assert answer.status in {400, 422}
        answer.text.encode()  # nothing of it comes back that no one could read

    @pytest.mark.parametrize("session", ["\\ud800", "\\u0000"])
    def test_p1_half_characters_in_a_session(self, api, session: str) -> None:
        assert api.post("/public/downloads/x", **raw(f'{{"session": "{session}"}}')).status == 404

    @pytest.mark.parametrize(
        "media_type",
        ["pdf", "a/b/c", "a /b", "text/plain; charset=utf-8", "text/plain\n", "a/" + "b" * 130, "é/x", "/", ""],
    )
    def test_media_types(self, my, media_type: str) -> None:
        refused(my.post("/files", GOOD | {"type": media_type}), "type")

    def test_media_types_are_lower_case_or_guessed(self, my) -> None:
        assert my.post("/files", GOOD | {"type": "Application/PDF"}).data["type"] == "application/pdf"
        assert my.post("/files", GOOD | {"filename": "a.png"}).data["type"] == "image/png"
        assert my.post("/files", GOOD | {"filename": "a"}).data["type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        "digest",
        [
            "",
            "x",
            "0" * 64,
            base64.b64encode(bytes(31)).decode(),
            base64.b64encode(bytes(33)).decode(),
            DIGEST.rstrip("="),
            DIGEST + "\n",
            " " + DIGEST,
            base64.urlsafe_b64encode(b"\xff" * 32).decode(),
            base64.b64encode(bytes(32)).decode()[:-2] + "B=",  # other spare bits
        ],
    )
    def test_digests(self, my, digest: str) -> None:
        refused(my.post("/files", GOOD | {"checksum_sha256": digest}), "checksum_sha256")

    @pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\nb", "a\x00b", "a\u2028b"])
    def test_token_names(self, my, name: str) -> None:
        refused(my.post("/tokens", {"name": name, "scopes": ["files:read"]}), "name")


class TestTimes:
    @pytest.mark.parametrize(
        "text",
        [
            "2030-01-01T00:00:00",  # no zone
            "2030-01-01 00:00:00",
            "2030-01-01",
            "20300101T000000",
            "tomorrow",
            "",
            "T",
            " ",
            "2030-13-01T00:00:00Z",
            "2030-01-01T25:00:00Z",
            "9999-12-31T23:59:59-14:00",  # after the last year, in UTC
            "0001-01-01T00:00:00+14:00",
            "1893456000",
            1893456000,
            1893456000.5,
            True,
            [],
            {},
        ],
    )
    def test_what_is_no_time(self, my, text) -> None:
        refused(my.post("/files", GOOD | {"expires_at": text}), "expires_at")
        refused(my.post("/tokens", {"name": "x", "scopes": ["files:read"], "expires_at": text}), "expires_at")

    @pytest.mark.parametrize(
        ("text", "stored_as"),
        [
            ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00.000000Z"),
            ("2030-01-01T02:00:00+02:00", "2030-01-01T00:00:00.000000Z"),
            ("2030-01-01T00:00:00.5z", "2030-01-01T00:00:00.500000Z"),
        ],
    )
    def test_zones_become_utc(self, my, text: str, stored_as: str) -> None:
        assert my.post("/files", GOOD | {"expires_at": text}).data["expires_at"] == stored_as
        token = my.post("/tokens", {"name": "x", "scopes": ["files:read"], "expires_at": text})
        assert token.data["expires_at"] == stored_as

    @pytest.mark.parametrize("ago", [timedelta(0), timedelta(seconds=1), timedelta(days=9999)])
    def test_what_has_passed(self, my, ago: timedelta) -> None:
        refused(my.post("/files", GOOD | {"expires_at": (NOW - ago).isoformat()}), "expires_at")

    def test_what_is_more_than_ten_years_ahead(self, my, world, alice) -> None:
        """Near the year 9999 a client in another zone has no time to show."""
        last, script = NOW + MAX_AHEAD, {"name": "x", "scopes": ["files:read"]}
        file = stored(world, a_ready_file(account_id=alice.account_id))
        for text in ((last + timedelta(microseconds=1)).isoformat(), "9999-12-31T23:59:59Z"):
            far = {"expires_at": text}
            refused(my.post("/files", GOOD | far), "expires_at")
            refused(my.patch(f"/files/{file.id}", far), "expires_at")
            refused(my.post("/tokens", script | far), "expires_at")
        near = {"expires_at": last.isoformat()}
        assert my.post("/files", GOOD | near).status == 201
        assert my.patch(f"/files/{file.id}", near).status == 200
        assert my.post("/tokens", script | near).status == 201

    @given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - given one
    @settings(max_examples=40)
    def test_any_time_is_taken_or_refused(self, moment: datetime) -> None:
        from chalicelib.wire.files import CreateFile  # the API's fixtures do not mix with examples

        body = json.dumps(GOOD | {"expires_at": moment.isoformat()})
        assert CreateFile.model_validate_json(body).expires_at == moment


class TestPatch:
    @pytest.fixture
    def file(self, world: FakeWorld, alice: Caller):
        return stored(world, a_ready_file(account_id=alice.account_id, expires_at=NOW + timedelta(days=1)))

    def test_what_is_left_out_stays_and_null_clears_the_expiry_alone(self, my, file) -> None:
        assert my.patch(f"/files/{file.id}", {}).data["expires_at"]
        assert my.patch(f"/files/{file.id}", {"filename": "b.txt"}).data["expires_at"]
        assert my.patch(f"/files/{file.id}", {"expires_at": None}).data["expires_at"] is None
        for field in ("filename", "trashed"):
            assert my.patch(f"/files/{file.id}", {field: None}).status == 422

    @pytest.mark.parametrize("field", ["size", "status", "account_id", "id", "object_version", "revision", "type"])
    def test_p1_nothing_else_can_be_set(self, my, world, file, field: str) -> None:
        refused(my.patch(f"/files/{file.id}", {field: "x"}), field)
        assert world.files.find(file.id) == file


class TestDeclaredSizes:
    @pytest.mark.parametrize("part_size", [MIN_PART_BYTES - 1, MAX_PART_BYTES + 1, 0, -1, "5", 5.5])
    def test_part_sizes_out_of_bounds(self, my, part_size) -> None:
        refused(my.post("/files", GOOD | {"part_size": part_size}), "part_size")

    def test_encrypted_size_is_for_the_service_to_say(self, my) -> None:
        refused(my.post("/files", GOOD | {"encrypted_size": 500}), "encrypted_size")

    def test_u8_more_parts_than_a_call_takes(self, my, world, alice) -> None:
        file = world.files.add(a_file(account_id=alice.account_id))
        too_many = [{"number": number} for number in range(1, 102)]
        refused(my.post(f"/files/{file.id}/parts", {"parts": too_many}), "parts")
        refused(my.post(f"/files/{file.id}/parts", {"parts": []}), "parts")

    def test_more_files_than_a_download_takes(self, my) -> None:
        refused(my.post("/downloads", {"files": ["x"] * 101}), "files")


class TestQueries:
    @pytest.mark.parametrize("limit", ["0", "101", "-1", "abc", "", "1.5", "1e1", "0x5", "9" * 5000, "\u0665", "NaN"])
    def test_limits(self, my, limit: str) -> None:
        for path in ("/files", "/tokens"):
            refused(my.get(path, query={"limit": limit}), "limit")

    @pytest.mark.parametrize("cursor", ["x", "", "é", "A" * 201, "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCNpZA"])
    def test_p3_cursors_of_ones_own_making(self, my, cursor: str) -> None:
        for path in ("/files", "/tokens"):
            refused(my.get(path, query={"cursor": cursor}), "cursor")

    def test_p3_a_well_made_cursor_opens_no_other_list(self, my, world, alice, bob) -> None:
        stored(world, a_ready_file(account_id=bob.account_id))
        mine = stored(world, a_ready_file(account_id=alice.account_id))
        forged = cursor_of(Position(NOW + timedelta(days=1), f"ACCOUNT#{bob.account_id}"))
        assert [file["id"] for file in my.get("/files", query={"cursor": forged}).data] == [mine.id]

    @pytest.mark.parametrize(
        "query", [{"status": "trashed"}, {"status": ""}, {"trashed": "1"}, {"trashed": "True"}, {"trashed": ""}]
    )
    def test_words(self, my, query: dict[str, str]) -> None:
        refused(my.get("/files", query=query), next(iter(query)))

    def test_words_that_exclude_each_other(self, my) -> None:
        assert my.get("/files", query={"status": "ready", "trashed": "true"}).status == 422

    @pytest.mark.parametrize("permanent", ["1", "yes", "TRUE", ""])
    def test_a_purge_is_asked_for_in_one_word(self, my, world, alice, permanent: str) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        refused(my.delete(f"/files/{file.id}", query={"permanent": permanent}), "permanent")
        assert world.files.find(file.id) == file

    @pytest.mark.parametrize("name", ["token", "access_token", "api_token", "authorization", "Authorization"])
    def test_a1_a_token_in_the_query_is_not_taken(self, api, alice, name: str) -> None:
        assert api.get("/files", query={name: alice.text}).status == 401

    def test_many_errors_are_told_in_bounds(self, my) -> None:
        answer = my.post("/files", GOOD | {f"field{i}": i for i in range(500)})
        assert len(answer.json["errors"]) == 50
        answer = my.post("/files", GOOD | {"x" * 5000: 1})
        assert max(map(len, answer.json["errors"])) == 200

    def test_a_refusal_quotes_nothing_that_was_sent(self, my) -> None:
        secret = "sdt_" + "s" * 49
        for body in (GOOD | {"filename": secret + "/"}, GOOD | {"type": secret}, GOOD | {"size": secret}):
            assert secret not in my.post("/files", body).text
