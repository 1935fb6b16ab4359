"""Attacks U of docs/threat-model.md on the running stack: an owner who cheats, and who replays what was signed.

Where the signature already stops an attack at S3, the same bytes are put past it as well (`backstage.put`), so that
the check on arrival is seen to work by itself.
"""

import base64
import gzip
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.api_kit import (
    MIB,
    PART,
    Backstage,
    announce,
    assert_refused,
    complete,
    content,
    eventually,
    fetched,
    granted,
    part_of,
    perform,
    s3_code,
    seal,
    send,
    send_all,
    sent,
    sha256,
    uploaded,
)
from tests.e2e.conftest import Answer, Api, User

pytestmark = pytest.mark.e2e


def assert_s3_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, s3_code(answer)) == (status, code), (answer.status, answer.body)


def assert_rejected(user: User, backstage: Backstage, file_id: str, reason: str) -> None:
    """For good: the reason is kept, the bytes and the wrapped key are gone, nothing can be done with the file."""
    error = assert_refused(complete(user.api, file_id), 422, "invalid", ["file"])
    assert re.search(reason, error["errors"]["file"][0]), error
    file = user.api("GET", f"/files/{file_id}").data
    assert file["status"] == "rejected"
    assert re.search(reason, file["rejected_reason"])
    eventually(
        lambda: not backstage.versions(file_id), "the bytes to go"
    )  # the event may have been first, and be at it
    assert "wrapped_key" not in backstage.record("FILE", file_id)
    assert_refused(user.api("POST", "/downloads", {"files": [file_id]}), 422, "invalid", ["files.0"])


def lengths(size: int) -> list[int]:
    return [size - 1, size + 1, 0, size + 1000]


# --- U1, U2: other bytes than declared -------------------------------------------------------------------------------


@pytest.mark.parametrize("other", lengths(1000))
def test_u1_s3_takes_the_signed_length_only(alice: User, anyone: Api, other: int) -> None:
    upload = announce(alice.api, 1000)["upload"]
    true_length = {**upload["headers"], "Content-Length": str(other)}
    assert_s3_refused(send(anyone, upload, content(other), true_length), 403, "SignatureDoesNotMatch")
    assert_s3_refused(
        send(anyone, {**upload, "url": upload["url"].replace("content-length%3B", "")}, content(other), true_length),
        403,
        "SignatureDoesNotMatch",
    )


@pytest.mark.parametrize("other", lengths(1000))
def test_u1_a_wrong_size_that_arrived_all_the_same_is_rejected(alice: User, backstage: Backstage, other: int) -> None:
    ticket = announce(alice.api, 1000)
    backstage.put(ticket["id"], content(other))
    assert_rejected(alice, backstage, ticket["id"], f"{other} bytes arrived instead of 1000")


def test_u1_the_event_rejects_too(alice: User, backstage: Backstage) -> None:
    ticket = announce(alice.api, 1000)
    backstage.put(ticket["id"], content(10))
    eventually(lambda: status(alice, ticket["id"]) == "rejected", "the event to reject")
    eventually(lambda: not backstage.versions(ticket["id"]), "the bytes to go")


def status(user: User, file_id: str) -> str:
    return str(user.api("GET", f"/files/{file_id}").data["status"])


def test_u9_an_encoding_that_nobody_signed_is_rejected_on_arrival(
    alice: User, anyone: Api, backstage: Backstage
) -> None:
    """S3 keeps the header, and would have every performer's program unpack what it gets."""
    packed = gzip.compress(b"other bytes than those that were stored")
    ticket = announce(alice.api, len(packed))
    upload = ticket["upload"]
    assert send(anyone, upload, packed, {**upload["headers"], "Content-Encoding": "gzip"}).status == 200
    assert_rejected(alice, backstage, ticket["id"], "Content-Encoding")


def test_u2_s3_checks_the_digest_that_was_declared(alice: User, anyone: Api, backstage: Backstage) -> None:
    good, evil = content(1000, "good"), content(1000, "evil")
    ticket = announce(alice.api, 1000, checksum_sha256=sha256(good))
    upload = ticket["upload"]
    assert_s3_refused(send(anyone, upload, evil), 400, "BadDigest")
    own = {**upload["headers"], "x-amz-checksum-sha256": sha256(evil)}
    assert_s3_refused(send(anyone, upload, evil, own), 403, "SignatureDoesNotMatch")
    bare = {name: value for name, value in upload["headers"].items() if "checksum" not in name}
    assert_s3_refused(send(anyone, upload, evil, bare), 403, "SignatureDoesNotMatch")
    assert backstage.versions(ticket["id"]) == []
    sent(anyone, upload, good)
    assert complete(alice.api, ticket["id"]).data["status"] == "ready"


@pytest.mark.parametrize("checked", [True, False])
def test_u2_other_bytes_that_arrived_all_the_same_are_rejected(
    alice: User, backstage: Backstage, checked: bool
) -> None:
    """Whether S3 checked another digest, or none at all."""
    ticket = announce(alice.api, 1000, checksum_sha256=sha256(content(1000, "good")))
    evil = content(1000, "evil")
    backstage.put(
        ticket["id"], evil, **({"ChecksumSHA256": sha256(evil)} if checked else {"ChecksumAlgorithm": "CRC32"})
    )
    assert_rejected(alice, backstage, ticket["id"], "SHA-256 of what arrived is not the declared one")


def test_u2_a_part_with_another_digest_is_refused(alice: User, anyone: Api) -> None:
    data = content(PART + MIB)
    ticket = announce(alice.api, len(data), part_size=PART, part_checksums=True)
    wanted = {"parts": [{"number": 2, "checksum_sha256": sha256(part_of(data, 2, PART))}]}
    (part,) = alice.api("POST", f"/files/{ticket['id']}/parts", wanted).data["upload"]["parts"]
    evil = content(MIB, "evil")
    assert_s3_refused(send(anyone, part, evil), 400, "BadDigest")
    own = {**part["headers"], "x-amz-checksum-sha256": sha256(evil)}
    assert_s3_refused(send(anyone, part, evil, own), 403, "SignatureDoesNotMatch")
    assert alice.api("GET", f"/files/{ticket['id']}").data["upload"]["received"] == []


@pytest.mark.parametrize("name", ["x-amz-acl", "x-amz-tagging", "x-amz-storage-class", "x-amz-meta-owner"])
def test_nothing_can_be_added_to_what_was_signed(alice: User, anyone: Api, name: str) -> None:
    upload = announce(alice.api, 5)["upload"]
    assert send(anyone, upload, b"five!", {**upload["headers"], name: "public-read"}).status == 403


def test_a_signature_is_for_one_key_one_verb_and_its_hour(alice: User, anyone: Api) -> None:
    ticket, other = announce(alice.api, 5), announce(alice.api, 5)
    upload = ticket["upload"]
    moved = {**upload, "url": upload["url"].replace(ticket["id"], other["id"])}
    assert_s3_refused(send(anyone, moved, b"five!"), 403, "SignatureDoesNotMatch")
    longer = {**upload, "url": upload["url"].replace("X-Amz-Expires=3600", "X-Amz-Expires=604800")}
    assert longer["url"] != upload["url"]
    assert_s3_refused(send(anyone, longer, b"five!"), 403, "SignatureDoesNotMatch")
    assert anyone.fetch("GET", upload["url"]).status == 403
    assert anyone.fetch("DELETE", upload["url"]).status == 403
    unsigned = upload["url"].partition("?")[0]
    assert send(anyone, {**upload, "url": unsigned}, b"five!").status == 403
    assert anyone.fetch("GET", unsigned).status == 403
    assert anyone.fetch("GET", unsigned.partition("/files/")[0] + "?list-type=2").status == 403


# --- U3, U4, U5: what calls itself sealed ----------------------------------------------------------------------------


def sealed_ticket(user: User, size: int = 1000) -> Any:
    return announce(user.api, size, encryption="client")


def test_u3_plaintext_is_not_sealed(alice: User, anyone: Api, backstage: Backstage) -> None:
    ticket = sealed_ticket(alice)
    sent(anyone, ticket["upload"], content(ticket["encrypted_size"]))
    assert_rejected(alice, backstage, ticket["id"], "not sealed as agreed")


@pytest.mark.parametrize(
    ("offset", "replacement", "reason"),
    [
        (0, b"\x01", "version"),
        (1, b"\x05\x78", "suite"),  # committing, but signed
        (1, b"\x00\x14", "suite"),  # of no commitment at all
        (35, b"\xff\xff", "header"),  # a context longer than the header
    ],
)
def test_u3_another_format_is_not_ours(
    alice: User, anyone: Api, backstage: Backstage, offset: int, replacement: bytes, reason: str
) -> None:
    ticket = sealed_ticket(alice)
    sealed = bytearray(seal(content(1000), ticket["encryption"]))
    sealed[offset : offset + len(replacement)] = replacement
    sent(anyone, ticket["upload"], bytes(sealed))
    assert_rejected(alice, backstage, ticket["id"], reason)


def test_u3_another_frame_length_is_not_ours(alice: User, anyone: Api, backstage: Backstage) -> None:
    """Of the same size, since everything fits in one frame."""
    ticket = sealed_ticket(alice)
    sealed = seal(content(1000), {**ticket["encryption"], "frame_length": 131_072})
    assert len(sealed) == ticket["encrypted_size"]
    sent(anyone, ticket["upload"], sealed)
    assert_rejected(alice, backstage, ticket["id"], "frame length")


def test_u4_another_files_sealed_bytes(alice: User, anyone: Api, backstage: Backstage) -> None:
    theirs, mine = sealed_ticket(alice), sealed_ticket(alice)
    sent(anyone, mine["upload"], seal(content(1000), theirs["encryption"]))
    assert_rejected(alice, backstage, mine["id"], "context")


def test_u4_another_files_data_key_under_this_files_context(alice: User, anyone: Api, backstage: Backstage) -> None:
    theirs, mine = sealed_ticket(alice), sealed_ticket(alice)
    context = mine["encryption"]["encryption_context"]
    sent(anyone, mine["upload"], seal(content(1000), {**theirs["encryption"], "encryption_context": context}))
    assert_rejected(alice, backstage, mine["id"], "encrypted data key")


def test_u4_a_context_with_other_words(alice: User, anyone: Api, backstage: Backstage) -> None:
    ticket = sealed_ticket(alice)
    context = ticket["encryption"]["encryption_context"]
    swapped = {"file": context["account"], "account": context["file"]}
    sent(anyone, ticket["upload"], seal(content(1000), {**ticket["encryption"], "encryption_context": swapped}))
    assert_rejected(alice, backstage, ticket["id"], "context")


def test_u5_a_header_around_this_files_data_key_with_another_key_beneath(
    alice: User, anyone: Api, backstage: Backstage
) -> None:
    ticket = sealed_ticket(alice)
    other = base64.b64encode(content(32, "not the data key")).decode()
    sent(anyone, ticket["upload"], seal(content(1000), {**ticket["encryption"], "data_key": other}))
    assert_rejected(alice, backstage, ticket["id"], "not sealed with this file's data key")


@pytest.mark.parametrize("where", ["message id", "commitment", "tag"])
def test_u5_a_header_that_was_altered(alice: User, anyone: Api, backstage: Backstage, where: str) -> None:
    ticket = sealed_ticket(alice)
    sealed = bytearray(seal(content(1000), ticket["encryption"]))
    header = ticket["encrypted_size"] - 1000 - 40
    offset = {"message id": 3, "commitment": header - 16 - 1, "tag": header - 1}[where]
    sealed[offset] ^= 1
    sent(anyone, ticket["upload"], bytes(sealed))
    assert_rejected(alice, backstage, ticket["id"], "not sealed with this file's data key")


def test_u3_u4_u5_by_the_event_alone(alice: User, anyone: Api, backstage: Backstage) -> None:
    plain, theirs, mine, forged = (sealed_ticket(alice) for _ in range(4))
    sent(anyone, plain["upload"], content(plain["encrypted_size"]))
    sent(anyone, mine["upload"], seal(content(1000), theirs["encryption"]))
    other = {**forged["encryption"], "data_key": base64.b64encode(content(32)).decode()}
    sent(anyone, forged["upload"], seal(content(1000), other))
    for ticket in (plain, mine, forged):
        eventually(lambda file=ticket: status(alice, file["id"]) == "rejected", "the event to reject")
        eventually(lambda file=ticket: not backstage.versions(file["id"]), "the bytes to go")


# --- U6, U7, U8: after, beside and beyond the upload -----------------------------------------------------------------


def test_u6_no_second_put_under_the_key(alice: User, anyone: Api, backstage: Backstage) -> None:
    good = content(1000, "good")
    ticket = announce(alice.api, 1000)
    sent(anyone, ticket["upload"], good)
    for _ in range(2):  # before the file was verified, and after
        assert_s3_refused(send(anyone, ticket["upload"], content(1000, "evil")), 412, "PreconditionFailed")
        assert complete(alice.api, ticket["id"]).data["status"] == "ready"
    without = {name: value for name, value in ticket["upload"]["headers"].items() if name != "If-None-Match"}
    assert_s3_refused(send(anyone, ticket["upload"], content(1000, "evil"), without), 403, "SignatureDoesNotMatch")
    assert len(backstage.versions(ticket["id"])) == 1


def test_u6_downloads_pin_the_version_that_was_verified(alice: User, anyone: Api, backstage: Backstage) -> None:
    good = content(1000, "good")
    file = uploaded(alice.api, good)
    backstage.put(file["id"], content(1000, "evil"))
    assert complete(alice.api, file["id"]).data == file
    _, key = granted(alice.api, file["id"])
    performed = perform(anyone, key).data
    assert fetched(anyone, performed["files"][0]) == good
    again = perform(anyone, key, session=performed["session"]).data
    assert fetched(anyone, again["files"][0]) == good
    unpinned = re.sub(r"versionId=[^&]+", "", performed["files"][0]["url"])
    assert_s3_refused(anyone.fetch("GET", unpinned), 403, "SignatureDoesNotMatch")


def forged_event(bucket: str, key: str, **more: Any) -> str:
    return json.dumps(
        {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": datetime.now(UTC).isoformat(),
            "detail": {
                "bucket": {"name": bucket},
                "object": {"key": key, "size": 5, "etag": "x"},
                "reason": "PutObject",
            },
            **more,
        }
    )


def test_u7_an_event_is_a_hint_and_never_believed(alice: User, bob: User, backstage: Backstage) -> None:
    pending, ready = announce(alice.api, 5), uploaded(alice.api, b"ready")
    arriving = announce(bob.api, 5)
    backstage.put("not-an-id", b"kept!")
    hostile = [
        "no json",
        "{}",
        forged_event(backstage.bucket, f"files/{pending['id']}"),
        forged_event(backstage.bucket, f"files/{ready['id']}"),
        forged_event("another-bucket", f"files/{ready['id']}"),
        forged_event(backstage.bucket, "files/not-an-id"),
        forged_event(backstage.bucket, ""),
        forged_event(backstage.bucket, f"files/{ready['id']}/../{pending['id']}"),
        forged_event(backstage.bucket, f"files/{ready['id']}", source="aws.ec2"),
        forged_event(backstage.bucket, f"files/{ready['id']}", **{"detail-type": "Object Deleted"}),
    ]
    queue = backstage.queue()
    for body in hostile:
        backstage.sqs.send_message(QueueUrl=queue, MessageBody=body)
    # the queue keeps its order on this machine: once this one is settled, the others have been looked at
    backstage.put(arriving["id"], b"five!")
    eventually(lambda: status(bob, arriving["id"]) == "ready", "an event after the forged ones")
    assert status(alice, pending["id"]) == "pending"
    assert alice.api("GET", f"/files/{ready['id']}").data == ready
    assert len(backstage.versions(ready["id"])) == 1
    assert len(backstage.versions("not-an-id")) == 1, "what is not ours to delete stays"


def test_u8_a_part_of_another_size_is_refused(alice: User, anyone: Api, backstage: Backstage) -> None:
    ticket = announce(alice.api, 2 * PART, part_size=PART)
    last = ticket["upload"]["parts"][1]
    for other in (PART - 1, PART + 1):
        headers = {**last["headers"], "Content-Length": str(other)}
        assert_s3_refused(send(anyone, last, content(other), headers), 403, "SignatureDoesNotMatch")
    for number in (3, 10_000):
        beyond = {**last, "url": last["url"].replace("partNumber=2", f"partNumber={number}")}
        assert_s3_refused(send(anyone, beyond, content(PART)), 403, "SignatureDoesNotMatch")
    assert_refused(
        alice.api("POST", f"/files/{ticket['id']}/parts", {"parts": [{"number": 3}]}),
        422,
        "invalid",
        ["parts.0.number"],
    )
    assert alice.api("GET", f"/files/{ticket['id']}").data["upload"]["received"] == []


@pytest.mark.parametrize(
    ("number", "size", "words"), [(3, PART, "one too many"), (2, PART + 1, "instead of"), (2, 10, "instead of")]
)
def test_u8_parts_beyond_the_plan_are_never_joined(
    alice: User, anyone: Api, backstage: Backstage, number: int, size: int, words: str
) -> None:
    data = content(2 * PART)
    ticket = announce(alice.api, len(data), part_size=PART)
    send_all(anyone, ticket, data)
    (upload,) = backstage.open_uploads(ticket["id"])
    backstage.s3.upload_part(
        Bucket=backstage.bucket,
        Key=upload["Key"],
        UploadId=upload["UploadId"],
        PartNumber=number,
        Body=content(size, "more"),
    )
    error = assert_refused(complete(alice.api, ticket["id"]), 422, "invalid", ["parts"])
    assert words in error["errors"]["parts"][0]
    assert backstage.versions(ticket["id"]) == []
    assert status(alice, ticket["id"]) == "pending"
