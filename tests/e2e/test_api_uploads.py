"""Uploads by raw HTTP, both modes, one PUT and parts, finished by `complete` and by S3's event alone."""

import base64
from typing import Any

import pytest

from tests.e2e.api_kit import (
    FRAME,
    MIB,
    PART,
    Backstage,
    announce,
    assert_headers,
    assert_refused,
    complete,
    content,
    eventually,
    fetched,
    granted,
    part_of,
    perform,
    seal,
    send,
    send_all,
    sent,
    sha256,
    uploaded,
)
from tests.e2e.conftest import Api, User

pytestmark = pytest.mark.e2e

FILE_FIELDS = {
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
FRAME_SIZES = (0, 1, FRAME - 1, FRAME, FRAME + 1)
PART_SIZES = (PART - 1, PART, PART + 1)


def downloaded(alice: User, anyone: Api, file_id: str) -> bytes:
    """Through a download, as a recipient gets it."""
    _, key = granted(alice.api, file_id)
    (released,) = perform(anyone, key).data["files"]
    return fetched(anyone, released)


def test_a_server_file_in_one_put(alice: User, anyone: Api) -> None:
    data = content(17)
    ticket = announce(alice.api, len(data), "Quarterly report.tar.gz", type="application/gzip")
    assert set(ticket) == FILE_FIELDS | {"upload"}
    assert (ticket["filename"], ticket["extension"]) == ("Quarterly report.tar", "gz")
    assert (ticket["full_filename"], ticket["type"]) == ("Quarterly report.tar.gz", "application/gzip")
    assert (ticket["status"], ticket["ready_at"], ticket["trashed"]) == ("pending", None, False)
    assert (ticket["size"], ticket["encrypted_size"], ticket["formatted_size"]) == (17, 17, "17 B")
    assert (ticket["encryption_mode"], ticket["disk"], ticket["checksum_sha256"]) == ("server", "s3", None)
    assert ticket["created_by"] == {
        "name": alice.name,
        "initials": "AA",
        "email": alice.email,
        "photo_url": None,
        "timezone": "UTC",
    }
    assert set(ticket["upload"]) == {"method", "url", "headers", "expires_at"}
    assert ticket["upload"]["method"] == "PUT"
    assert ticket["upload"]["headers"] == {"Content-Length": "17", "If-None-Match": "*"}
    assert f"/files/{ticket['id']}?" in ticket["upload"]["url"], "an S3 key is an id, never a name"

    sent(anyone, ticket["upload"], data)
    answer = complete(alice.api, ticket["id"])
    assert_headers(answer)
    file = answer.data
    assert set(file) == FILE_FIELDS
    assert (file["status"], file["rejected_reason"]) == ("ready", None)
    assert file["ready_at"] >= file["created_at"]
    assert complete(alice.api, ticket["id"]).data == file, "complete is safe to repeat"
    assert alice.api("GET", f"/files/{ticket['id']}").data == file
    assert downloaded(alice, anyone, ticket["id"]) == data


def test_a_declared_digest_is_signed_and_kept(alice: User, anyone: Api) -> None:
    data = content(1000)
    ticket = announce(alice.api, len(data), checksum_sha256=sha256(data))
    assert ticket["upload"]["headers"]["x-amz-checksum-sha256"] == sha256(data)
    sent(anyone, ticket["upload"], data)
    assert complete(alice.api, ticket["id"]).data["checksum_sha256"] == sha256(data)
    _, key = granted(alice.api, ticket["id"])
    (released,) = perform(anyone, key).data["files"]
    assert released["checksum_sha256"] == sha256(data)


@pytest.mark.parametrize("size", FRAME_SIZES)
@pytest.mark.parametrize("mode", ["server", "client"])
def test_sizes_around_a_frame(alice: User, anyone: Api, mode: str, size: int) -> None:
    data = content(size)
    file = uploaded(alice.api, data, encryption=mode)
    assert (file["status"], file["size"]) == ("ready", size)
    assert downloaded(alice, anyone, file["id"]) == data


@pytest.mark.parametrize("size", PART_SIZES)
@pytest.mark.parametrize("mode", ["server", "client"])
def test_sizes_around_a_part(alice: User, anyone: Api, mode: str, size: int) -> None:
    """A sealed file is larger than its content, so it is in parts a little earlier."""
    data = content(size)
    ticket = announce(alice.api, size, encryption=mode, part_size=PART)
    stored = seal(data, ticket["encryption"]) if mode == "client" else data
    assert len(stored) == ticket["encrypted_size"]
    assert ("parts" in ticket["upload"]) == (len(stored) > PART)
    send_all(anyone, ticket, stored)
    assert complete(alice.api, ticket["id"]).data["status"] == "ready"
    assert downloaded(alice, anyone, ticket["id"]) == data


def test_a_server_file_in_parts(alice: User, anyone: Api) -> None:
    data = content(11 * MIB)
    ticket = announce(alice.api, len(data), part_size=PART)
    upload = ticket["upload"]
    assert set(upload) == {"part_size", "part_count", "parts", "expires_at"}
    assert (upload["part_size"], upload["part_count"]) == (PART, 3)
    assert [(part["number"], part["size"]) for part in upload["parts"]] == [(1, PART), (2, PART), (3, MIB)]
    assert upload["parts"][2]["headers"] == {"Content-Length": str(MIB)}

    assert received(alice, ticket["id"]) == []
    sent(anyone, upload["parts"][1], part_of(data, 2, PART))
    assert received(alice, ticket["id"]) == [{"number": 2, "size": PART, "checksum_sha256": None}]
    error = assert_refused(complete(alice.api, ticket["id"]), 422, "invalid", ["parts"])
    assert "1, 3" in error["errors"]["parts"][0], "the answer names what is missing"

    # the rest by URLs that were asked for again, in any order
    signed = alice.api("POST", f"/files/{ticket['id']}/parts", {"parts": [{"number": 3}, {"number": 1}]}).data
    assert [part["number"] for part in signed["upload"]["parts"]] == [3, 1]
    for part in signed["upload"]["parts"]:
        sent(anyone, part, part_of(data, part["number"], PART))
    assert complete(alice.api, ticket["id"]).data["status"] == "ready"
    assert complete(alice.api, ticket["id"]).data["status"] == "ready"
    assert downloaded(alice, anyone, ticket["id"]) == data


def received(alice: User, file_id: str) -> Any:
    return alice.api("GET", f"/files/{file_id}").data["upload"]["received"]


def test_parts_with_a_digest_each(alice: User, anyone: Api) -> None:
    data = content(11 * MIB)
    ticket = announce(alice.api, len(data), part_size=PART, part_checksums=True)
    assert (ticket["upload"]["parts"], ticket["upload"]["part_count"]) == ([], 3)
    wanted = [{"number": n, "checksum_sha256": sha256(part_of(data, n, PART))} for n in (1, 2, 3)]
    bare = alice.api("POST", f"/files/{ticket['id']}/parts", {"parts": [{"number": 1}]})
    assert_refused(bare, 422, "invalid", ["parts.0.checksum_sha256"])
    signed = alice.api("POST", f"/files/{ticket['id']}/parts", {"parts": wanted}).data["upload"]["parts"]
    for part, wish in zip(signed, wanted, strict=True):
        assert part["headers"]["x-amz-checksum-sha256"] == wish["checksum_sha256"]
        sent(anyone, part, part_of(data, part["number"], PART))
    assert [part["checksum_sha256"] for part in received(alice, ticket["id"])] == [
        wish["checksum_sha256"] for wish in wanted
    ]
    assert complete(alice.api, ticket["id"]).data["status"] == "ready"
    assert downloaded(alice, anyone, ticket["id"]) == data


def test_a_client_file_in_one_put_under_a_late_digest(alice: User, anyone: Api) -> None:
    data = content(FRAME + 5)
    ticket = announce(alice.api, len(data), "contract.pdf", encryption="client")
    assert set(ticket) == FILE_FIELDS | {"upload", "encryption"}
    encryption = ticket["encryption"]
    assert (encryption["algorithm"], encryption["frame_length"]) == ("AES_256_GCM_HKDF_SHA512_COMMIT_KEY", FRAME)
    assert encryption["encryption_context"]["file"] == ticket["id"]
    assert len(base64.b64decode(encryption["data_key"])) == 32
    sealed = seal(data, encryption)
    assert len(sealed) == ticket["encrypted_size"]

    body = {"parts": [{"number": 1, "checksum_sha256": sha256(sealed)}]}
    resigned = alice.api("POST", f"/files/{ticket['id']}/parts", body).data
    assert resigned["upload"]["headers"]["x-amz-checksum-sha256"] == sha256(sealed)
    assert resigned["encryption"] == encryption, "the data key again, so that a broken upload can go on"
    sent(anyone, resigned["upload"], sealed)
    file = complete(alice.api, ticket["id"]).data
    assert (file["status"], file["checksum_sha256"]) == ("ready", sha256(sealed))
    assert "encryption" not in file
    assert downloaded(alice, anyone, ticket["id"]) == data


def test_the_operator_can_open_a_sealed_file_with_kms_alone(alice: User, anyone: Api, backstage: Backstage) -> None:
    """What the stock SDK's KMS provider does: unwrap the message's data key under the message's context."""
    data = content(2 * FRAME)
    file = uploaded(alice.api, data, encryption="client")
    _, key = granted(alice.api, file["id"])
    encryption = perform(anyone, key).data["files"][0]["encryption"]
    unwrapped = backstage.kms.decrypt(
        KeyId=encryption["key_arn"],
        CiphertextBlob=base64.b64decode(encryption["encrypted_data_key"]),
        EncryptionContext=encryption["encryption_context"],
    )
    assert base64.b64encode(unwrapped["Plaintext"]).decode() == encryption["data_key"]


@pytest.mark.parametrize(("mode", "parts"), [("server", False), ("client", False), ("server", True), ("client", True)])
def test_the_event_finishes_an_upload_that_nobody_completes(
    alice: User, anyone: Api, backstage: Backstage, mode: str, parts: bool
) -> None:
    """Of an upload in parts S3 says nothing until somebody joins them, so that is done by hand here."""
    data = content(PART + 100)
    ticket = announce(alice.api, len(data), encryption=mode, **({"part_size": PART} if parts else {}))
    send_all(anyone, ticket, seal(data, ticket["encryption"]) if mode == "client" else data)
    if parts:
        join_parts(backstage, ticket["id"])
    file = eventually(lambda: ready(alice, ticket["id"]), "the event to settle the file")
    assert set(file) == FILE_FIELDS
    assert downloaded(alice, anyone, ticket["id"]) == data


def ready(alice: User, file_id: str) -> Any:
    file = alice.api("GET", f"/files/{file_id}").data
    assert file["status"] in {"pending", "ready"}, file
    return file if file["status"] == "ready" else None


def join_parts(backstage: Backstage, file_id: str) -> None:
    (upload,) = backstage.open_uploads(file_id)
    names = {"Bucket": backstage.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
    parts = backstage.s3.list_parts(**names)["Parts"]
    listed = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
    backstage.s3.complete_multipart_upload(**names, MultipartUpload={"Parts": listed})


def test_a_pending_file_is_not_a_usable_one(alice: User, anyone: Api) -> None:
    ticket = announce(alice.api, 5)
    listed = {file["id"] for file in alice.api("GET", "/files?limit=100").data}
    assert ticket["id"] not in listed
    pending = {file["id"] for file in alice.api("GET", "/files?limit=100&status=pending").data}
    assert ticket["id"] in pending
    assert_refused(alice.api("POST", "/downloads", {"files": [ticket["id"]]}), 422, "invalid", ["files.0"])
    assert_refused(complete(alice.api, ticket["id"]), 422, "invalid", ["file"])
    assert received(alice, ticket["id"]) == []


def test_a_rejected_file_says_why(alice: User, backstage: Backstage) -> None:
    ticket = announce(alice.api, 5)
    backstage.put(ticket["id"], b"four")
    error = assert_refused(complete(alice.api, ticket["id"]), 422, "invalid", ["file"])
    file = alice.api("GET", f"/files/{ticket['id']}").data
    assert (file["status"], file["ready_at"]) == ("rejected", None)
    assert file["rejected_reason"] == "4 bytes arrived instead of 5."
    assert file["rejected_reason"] in error["errors"]["file"][0]
    assert file["id"] in {it["id"] for it in alice.api("GET", "/files?status=rejected&limit=100").data}
    eventually(lambda: not backstage.versions(ticket["id"]), "the bytes to go")
    assert_refused(alice.api("POST", f"/files/{ticket['id']}/parts", {"parts": [{"number": 1}]}), 409, "upload_over")


def test_more_than_a_hundred_parts_are_signed_a_hundred_at_a_time(alice: User) -> None:
    ticket = announce(alice.api, 101 * PART, part_size=PART)
    assert [part["number"] for part in ticket["upload"]["parts"]] == list(range(1, 101))
    path = f"/files/{ticket['id']}/parts"
    (last,) = alice.api("POST", path, {"parts": [{"number": 101}]}).data["upload"]["parts"]
    assert (last["number"], last["size"]) == (101, PART)
    too_many = {"parts": [{"number": n} for n in range(1, 102)]}
    assert_refused(alice.api("POST", path, too_many), 422, "invalid", ["parts"])
    for wrong in (0, 102):
        assert_refused(alice.api("POST", path, {"parts": [{"number": wrong}]}), 422, "invalid", ["parts.0.number"])


def test_a_large_file_is_in_parts_unasked(alice: User) -> None:
    small, large = announce(alice.api, 100 * MIB), announce(alice.api, 100 * MIB + 1)
    assert "url" in small["upload"]
    assert (large["upload"]["part_size"], large["upload"]["part_count"]) == (8 * MIB, 13)
    largest = announce(alice.api, 5 * 2**40)
    assert largest["upload"]["part_count"] <= 10_000
    assert len(largest["upload"]["parts"]) == 100


def test_a_url_that_was_signed_again_works_like_the_first(alice: User, anyone: Api) -> None:
    data = content(64)
    ticket = announce(alice.api, len(data))
    again = alice.api("POST", f"/files/{ticket['id']}/parts", {"parts": [{"number": 1}]}).data
    sent(anyone, again["upload"], data)
    assert send(anyone, ticket["upload"], data).status == 412, "it has been uploaded"
    assert complete(alice.api, ticket["id"]).data["status"] == "ready"
