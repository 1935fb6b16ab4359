"""The main flows through the API, and the exact fields of what it answers: a new column cannot leak unseen."""

import base64
from datetime import timedelta

import pytest

from chalicelib.domain.upload import MIB
from tests.support.app_client import AppClient
from tests.support.builders import NOW, Caller, a_file, a_ready_file, stored
from tests.support.fakes import FakeWorld, S3Refusal, sha256_base64
from tests.support.sealed import seal_for

FILE = {
    "id",
    "filename",
    "type",
    "extension",
    "full_filename",
    "size",
    "formatted_size",
    "encrypted_size",
    "formatted_encrypted_size",
    "encryption_mode",
    "checksum_sha256",
    "status",
    "rejected_reason",
    "trashed",
    "created_by",
    "created_at",
    "ready_at",
    "expires_at",
    "disk",
}
SHARED = {
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
ENCRYPTION = {
    "algorithm",
    "frame_length",
    "encryption_context",
    "data_key",
    "encrypted_data_key",
    "key_provider",
    "key_arn",
}


@pytest.fixture
def my(api: AppClient, alice: Caller) -> AppClient:
    return api.with_token(alice.text)


def put(world: FakeWorld, upload: dict, data: bytes) -> None:
    world.objects.send(upload["url"], upload["headers"], data)


class TestServerMode:
    def test_up_and_down_once(self, my, api, world) -> None:
        created = my.post("/files", {"filename": "invoice.pdf", "size": 5, "checksum_sha256": sha256_base64(b"hello")})
        assert created.status == 201
        assert set(created.data) == FILE | {"upload"}
        upload = created.data["upload"]
        assert set(upload) == {"method", "url", "headers", "expires_at"}
        assert (upload["method"], upload["expires_at"]) == ("PUT", "2026-03-01T13:00:00.000000Z")
        put(world, upload, b"hello")
        with pytest.raises(S3Refusal, match="PreconditionFailed"):  # (U6)
            put(world, upload, b"hello")

        ready = my.post(f"/files/{created.data['id']}/complete")
        assert ready.data == {
            "id": created.data["id"],
            "filename": "invoice",
            "type": "application/pdf",
            "extension": "pdf",
            "full_filename": "invoice.pdf",
            "size": 5,
            "formatted_size": "5 B",
            "encrypted_size": 5,
            "formatted_encrypted_size": "5 B",
            "encryption_mode": "server",
            "checksum_sha256": sha256_base64(b"hello"),
            "status": "ready",
            "rejected_reason": None,
            "trashed": False,
            "created_by": {
                "name": "Alice Archer",
                "initials": "AA",
                "email": "alice@example.com",
                "photo_url": None,
                "timezone": "UTC",
            },
            "created_at": "2026-03-01T12:00:00.000000Z",
            "ready_at": "2026-03-01T12:00:00.000000Z",
            "expires_at": None,
            "disk": "s3",
        }

        download = my.post("/downloads", {"files": [ready.data["id"]]})
        assert download.status == 201
        assert set(download.data) == {"id", "created_at", "expires_at", "uses_left"}
        key = my.post(f"/downloads/{download.data['id']}/keys", {})
        assert set(key.data) == {"key", "expires_at"}
        public = f"/public/downloads/{key.data['key']}"
        shown = api.get(public)
        assert set(shown.data) == {"sender", "uses_left", "expires_at", "pin_required", "files"}
        assert shown.data["sender"] == {"name": "Alice Archer", "email": "alice@example.com"}
        assert set(shown.data["files"][0]) == SHARED

        performed = api.post(public)
        assert performed.status == 200
        assert set(performed.data) == {"files", "uses_left", "session", "session_expires_at"}
        [file] = performed.data["files"]
        assert set(file) == SHARED | {"url", "url_expires_at"}
        assert world.objects.fetch(file["url"]) == b"hello"
        for answer in (api.post(public), api.get(public)):
            assert (answer.status, answer.json["code"]) == (410, "gone")
            assert answer.json["message"] == "This download has been used, has expired or was withdrawn."
        again = api.post(public, {"session": performed.data["session"]})
        assert (again.status, again.data["uses_left"]) == (200, 0)
        assert api.post(public, {"session": "x" * 43}).status == 410

    def test_u2_other_bytes_are_refused_by_s3(self, my, world) -> None:
        body = {"filename": "a", "size": 5, "checksum_sha256": sha256_base64(b"hello")}
        upload = my.post("/files", body).data["upload"]
        with pytest.raises(S3Refusal, match="BadDigest"):
            put(world, upload, b"jello")

    def test_what_s3_has_of_a_pending_upload(self, my, world) -> None:
        created = my.post("/files", {"filename": "a", "size": 5}).data
        path = f"/files/{created['id']}"
        assert set(my.get(path).data) == FILE | {"upload"}
        assert my.get(path).data["upload"] == {"received": []}
        put(world, created["upload"], b"hello")
        expected = {"received": [{"number": 1, "size": 5, "checksum_sha256": None}]}
        assert my.get(path).data["upload"] == expected

    def test_a_rejected_upload_says_why(self, my, world) -> None:
        created = my.post("/files", {"filename": "a", "size": 5}).data
        world.objects.put(f"files/{created['id']}", b"hell")
        answer = my.post(f"/files/{created['id']}/complete")
        assert (answer.status, answer.json["code"]) == (422, "invalid")
        shown = my.get(f"/files/{created['id']}").data
        assert (shown["status"], shown["ready_at"]) == ("rejected", None)
        assert shown["rejected_reason"] == "4 bytes arrived instead of 5."
        assert [file["id"] for file in my.get("/files", query={"status": "rejected"}).data] == [created["id"]]
        assert my.get("/files").data == []


class TestClientMode:
    def test_sealed_up_and_down(self, my, api, world) -> None:
        created = my.post("/files", {"filename": "a.bin", "size": 5, "encryption": "client"}).data
        encryption = created["encryption"]
        assert set(created) == FILE | {"upload", "encryption"}
        assert set(encryption) == ENCRYPTION
        assert (encryption["algorithm"], encryption["frame_length"], encryption["key_provider"]) == (
            "AES_256_GCM_HKDF_SHA512_COMMIT_KEY",
            262_144,
            "aws-kms",
        )
        assert encryption["key_arn"] == world.keys.key_arn
        data_key = base64.b64decode(encryption["data_key"])
        sealed = seal_for(world.files.find(created["id"]), data_key, b"hello")
        assert len(sealed) == created["encrypted_size"]

        again = my.post(
            f"/files/{created['id']}/parts", {"parts": [{"number": 1, "checksum_sha256": sha256_base64(sealed)}]}
        )
        assert again.data["encryption"] == encryption
        put(world, again.data["upload"], sealed)
        ready = my.post(f"/files/{created['id']}/complete").data
        assert (ready["status"], ready["checksum_sha256"]) == ("ready", sha256_base64(sealed))
        assert "encryption" not in ready
        assert "encryption" not in my.get(f"/files/{created['id']}").data

        download = my.post("/downloads", {"files": [created["id"]]}).data
        key = my.post(f"/downloads/{download['id']}/keys").data["key"]
        assert "encryption" not in api.get(f"/public/downloads/{key}").data["files"][0]
        [file] = api.post(f"/public/downloads/{key}").data["files"]
        assert file["encryption"] == encryption
        assert world.objects.fetch(file["url"]) == sealed

    def test_the_data_key_of_a_settled_file_is_given_to_nobody_but_performers(self, my, world, alice) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        answer = my.post(f"/files/{file.id}/parts", {"parts": [{"number": 1}]})
        assert (answer.status, answer.json["code"]) == (409, "upload_over")


class TestParts:
    def test_with_digests(self, my, world) -> None:
        size = 5 * MIB + 3
        body = {"filename": "a.bin", "size": size, "part_size": 5 * MIB, "part_checksums": True}
        created = my.post("/files", body).data
        assert created["upload"] == {
            "part_size": 5 * MIB,
            "part_count": 2,
            "parts": [],
            "expires_at": "2026-03-01T13:00:00.000000Z",
        }
        parts = {1: bytes(5 * MIB), 2: b"end"}
        wanted = [{"number": number, "checksum_sha256": sha256_base64(data)} for number, data in parts.items()]
        signed = my.post(f"/files/{created['id']}/parts", {"parts": wanted}).data["upload"]["parts"]
        assert [set(part) for part in signed] == [{"number", "size", "url", "headers"}] * 2
        with pytest.raises(S3Refusal, match="BadDigest"):
            put(world, signed[1], b"eny")
        put(world, signed[1], b"end")
        answer = my.post(f"/files/{created['id']}/complete")
        assert answer.status == 422
        assert answer.json["errors"] == {"parts": ["1 of 2 parts have not arrived: 1"]}
        assert my.get(f"/files/{created['id']}").data["upload"]["received"] == [
            {"number": 2, "size": 3, "checksum_sha256": sha256_base64(b"end")}
        ]
        put(world, signed[0], parts[1])
        assert my.post(f"/files/{created['id']}/complete").data["status"] == "ready"

    def test_u8_each_url_takes_its_part_alone(self, my, world) -> None:
        body = {"filename": "a.bin", "size": 5 * MIB + 3, "part_size": 5 * MIB}
        first, second = my.post("/files", body).data["upload"]["parts"]
        assert (first["size"], second["size"]) == (5 * MIB, 3)
        for data in (b"", b"en", b"end!"):
            with pytest.raises(S3Refusal):
                world.objects.send(second["url"], second["headers"] | {"Content-Length": str(len(data))}, data)


class TestTheTrash:
    def test_there_and_back_and_the_end(self, my, world, alice) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        path = f"/files/{file.id}"

        def lists() -> tuple[int, int]:
            return len(my.get("/files").data), len(my.get("/files", query={"trashed": "true"}).data)

        assert lists() == (1, 0)
        assert my.patch(path, {"trashed": True}).data["trashed"] is True
        assert lists() == (0, 1)
        assert my.post("/downloads", {"files": [file.id]}).json["errors"] == {
            "files.0": ["This file is in the trash: restore it first."]
        }
        assert my.patch(path, {"trashed": False}).data["trashed"] is False
        assert lists() == (1, 0)
        assert [my.delete(path).status for _ in range(3)] == [204, 204, 404]
        assert lists() == (0, 0)
        assert world.files.records == {}

    def test_at_once_for_good(self, my, world, alice) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        assert my.delete(f"/files/{file.id}", query={"permanent": "true"}).status == 204
        assert my.get(f"/files/{file.id}").status == 404

    def test_only_a_ready_file_goes_there(self, my, world, alice) -> None:
        file = world.files.add(a_file(account_id=alice.account_id))
        answer = my.patch(f"/files/{file.id}", {"trashed": True})
        assert (answer.status, answer.json["code"]) == (409, "conflict")


def test_pages_that_meet(my, world, alice) -> None:
    made = [
        stored(world, a_ready_file(account_id=alice.account_id, created_at=NOW + timedelta(minutes=i))).id
        for i in range(7)
    ]
    seen, cursor = [], None
    while True:
        answer = my.get("/files", query={"limit": "3"} | ({"cursor": cursor} if cursor else {}))
        assert set(answer.json) == {"data", "meta"}
        assert set(answer.data[0]) == FILE
        seen += [file["id"] for file in answer.data]
        cursor = answer.json["meta"]["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


class TestTokensAndUser:
    TOKEN = frozenset({"id", "name", "scopes", "created_at", "expires_at", "last_used_at"})

    def test_made_listed_used_and_revoked(self, my, api) -> None:
        body = {"name": " laptop ", "scopes": ["files:read", "files:read", "account"]}
        made = my.post("/tokens", body)
        assert made.status == 201
        assert set(made.data) == self.TOKEN | {"token"}
        assert (made.data["name"], made.data["scopes"]) == ("laptop", ["account", "files:read"])
        listed = my.get("/tokens").data
        assert {frozenset(token) for token in listed} == {self.TOKEN}
        assert made.data["id"] in {token["id"] for token in listed}
        new = api.with_token(made.data["token"])
        assert new.get("/files").status == 200
        assert new.post("/files", {}).status == 403
        assert my.delete(f"/tokens/{made.data['id']}").status == 204
        assert new.get("/files").status == 401
        assert my.delete(f"/tokens/{made.data['id']}").status == 404

    def test_a3_never_wider(self, my, api) -> None:
        narrow = my.post("/tokens", {"name": "x", "scopes": ["tokens"]}).data["token"]
        answer = api.with_token(narrow).post("/tokens", {"name": "y", "scopes": ["tokens", "files:read"]})
        assert (answer.status, answer.json["errors"]) == (403, {"scopes": ["files:read"]})

    def test_who_am_i(self, my, alice) -> None:
        data = my.get("/user").data
        assert set(data) == {"id", "name", "email", "initials", "photo_url", "timezone", "account", "token"}
        assert set(data["token"]) == self.TOKEN
        assert data["account"] == {"id": alice.account_id, "name": "Alice Archer"}

    def test_health_needs_nothing(self, api) -> None:
        assert api.get("/health").data == {"status": "ok"}
