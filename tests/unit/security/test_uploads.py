"""Checks U of docs/threat-model.md: what arrives is what was declared, or it is rejected."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.adapters.header_check import header_is_authentic
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.message_header import MalformedHeader, parse_header
from chalicelib.domain.sealing import encryption_context
from chalicelib.domain.upload import Multipart, ReceivedPart, missing_from
from chalicelib.services.create_file import create_file
from chalicelib.services.verify_upload import verify_upload
from chalicelib.wire.upload_events import NotOurUploadEvent, parse_upload_event
from tests.support.builders import ALICES, NOW, a_new_file, a_user, creating, new_id, verifying
from tests.support.fakes import FakeWorld, sha256_base64
from tests.support.sealed import Header

DATA = b"hello"


def announced(world: FakeWorld, **fields: Any) -> Any:
    return create_file(a_new_file(**fields), a_user(), NOW, **creating(world))


def arrived(world: FakeWorld, file: File, stored: bytes, checksum: str | None = None) -> File:
    world.objects.put(file.object_key, stored, checksum_sha256=checksum)
    return verify_upload(file, NOW, **verifying(world))


def assert_rejected(world: FakeWorld, file: File, stored: bytes, reason: str) -> None:
    settled = arrived(world, file, stored)
    assert (settled.status, settled.object_version) == (Status.REJECTED, None)
    assert reason in (settled.rejected_reason or "")
    assert world.objects.head(file.object_key) is None


def signed(request: Any) -> tuple[Mapping[str, list[str]], set[str]]:
    """The query of a presigned URL, and the headers that its signature covers."""
    query = parse_qs(urlsplit(request.url).query)
    return query, set(query["X-Amz-SignedHeaders"][0].split(";"))


# --- what S3 is told to check ----------------------------------------------------------------------------------------


def test_u1_the_length_of_a_put_is_signed(signer: Any) -> None:
    _, headers = signed(signer.sign_put("files/x", 5, None))
    assert "content-length" in headers


def test_u2_the_digest_is_signed(signer: Any) -> None:
    for request in (
        signer.sign_put("files/x", 5, sha256_base64(DATA)),
        signer.sign_part("files/x", "id", 1, 5, sha256_base64(DATA)),
    ):
        _, headers = signed(request)
        assert "x-amz-checksum-sha256" in headers
        assert request.headers["x-amz-checksum-sha256"] == sha256_base64(DATA)


def test_u6_a_put_is_signed_for_an_empty_place(signer: Any) -> None:
    request = signer.sign_put("files/x", 5, None)
    assert "if-none-match" in signed(request)[1]
    assert request.headers["If-None-Match"] == "*"


def test_u6_a_get_is_signed_for_the_verified_version(signer: Any) -> None:
    query = parse_qs(urlsplit(signer.sign_get("files/x", "v1", "attachment", "text/plain")).query)
    assert query["versionId"] == ["v1"]
    assert query["X-Amz-Expires"] == ["300"]


def test_u8_the_length_of_a_part_is_signed(signer: Any) -> None:
    query, headers = signed(signer.sign_part("files/x", "id", 7, 5, None))
    assert "content-length" in headers
    assert (query["partNumber"], query["uploadId"]) == (["7"], ["id"])


# --- what is checked on arrival --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [b"", b"hell", b"hello!"])
def test_u1_another_size_is_rejected(world: FakeWorld, stored: bytes) -> None:
    assert_rejected(world, announced(world).file, stored, "bytes arrived instead of 5")


def test_u1_u2_what_was_declared_is_taken(world: FakeWorld) -> None:
    digest = sha256_base64(DATA)
    file = announced(world, checksum_sha256=digest).file
    assert arrived(world, file, DATA, digest).status is Status.READY


@pytest.mark.parametrize("checked", [True, False])
def test_u2_another_digest_or_none_is_rejected(world: FakeWorld, checked: bool) -> None:
    file = announced(world, checksum_sha256=sha256_base64(DATA)).file
    settled = arrived(world, file, b"evil!", sha256_base64(b"evil!") if checked else None)
    assert settled.status is Status.REJECTED


class Sealing:
    """A sealed upload, and the header that an honest client would write."""

    def __init__(self, world: FakeWorld, name: str = "a") -> None:
        ticket = announced(world, filename=name, encryption_mode=EncryptionMode.CLIENT)
        self.file: File = ticket.file
        wrapped, self.data_key = ticket.file.wrapped_key, ticket.data_key
        self.context = encryption_context(self.file.id, self.file.account_id)
        self.header = Header(
            data_key=self.data_key,
            context=tuple((name.encode(), value.encode()) for name, value in sorted(self.context.items())),
            data_keys=((b"aws-kms", wrapped.key_arn.encode(), wrapped.blob),),
        )

    def stored(self, header: bytes) -> bytes:
        return header.ljust(self.file.stored_bytes, b"\0")


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity", "aws-chunked"])
def test_u9_what_came_with_an_encoding_is_rejected(world: FakeWorld, encoding: str) -> None:
    file = announced(world).file
    world.objects.put(file.object_key, DATA, content_encoding=encoding)
    settled = verify_upload(file, NOW, **verifying(world))
    assert settled.status is Status.REJECTED
    assert "Content-Encoding" in (settled.rejected_reason or "")
    assert world.objects.head(file.object_key) is None


@pytest.fixture
def sealing(world: FakeWorld) -> Sealing:
    return Sealing(world)


def test_u3_u4_u5_an_honest_header_is_taken(world: FakeWorld, sealing: Sealing) -> None:
    assert arrived(world, sealing.file, sealing.stored(sealing.header.write())).status is Status.READY


def test_u3_plaintext_is_not_sealed(world: FakeWorld, sealing: Sealing) -> None:
    assert_rejected(world, sealing.file, sealing.stored(b"Dear Sir"), "not sealed as agreed")


@pytest.mark.parametrize("change", [{"version": 1}, {"suite": 0x0578}, {"content_type": 1}])
def test_u3_another_format_suite_or_framing_is_refused(change: dict[str, int]) -> None:
    assert parse_header(Header().write())
    with pytest.raises(MalformedHeader):
        parse_header(Header(**change).write())


@pytest.mark.parametrize("count", [0, 4, 65_535])
def test_u3_there_are_few_data_keys(count: int) -> None:
    with pytest.raises(MalformedHeader, match="encrypted data keys"):
        parse_header(Header(data_keys=((b"p", b"i", b"b"),) * min(count, 100), data_key_count=count).write())


def test_u3_a_header_that_is_cut_off_is_none() -> None:
    whole = Header().write()
    for length in range(len(whole)):
        with pytest.raises(MalformedHeader):
            parse_header(whole[:length])


def test_u3_another_frame_length_is_rejected(world: FakeWorld, sealing: Sealing) -> None:
    stored = sealing.stored(sealing.header.but(frame_length=4096).write())
    assert_rejected(world, sealing.file, stored, "frame length")


def test_u4_another_files_context_is_rejected(world: FakeWorld, sealing: Sealing) -> None:
    other = Sealing(world, "b")
    stored = sealing.stored(sealing.header.but(context=other.header.context).write())
    assert_rejected(world, sealing.file, stored, "context")


def test_u4_another_files_data_key_is_rejected(world: FakeWorld, sealing: Sealing) -> None:
    other = Sealing(world, "b")
    header = sealing.header.but(data_key=other.data_key, data_keys=other.header.data_keys)
    assert_rejected(world, sealing.file, sealing.stored(header.write()), "encrypted data key")


def test_u4_a_second_data_key_is_rejected(world: FakeWorld, sealing: Sealing) -> None:
    """It would let somebody else open the file."""
    twice = (*sealing.header.data_keys, (b"aws-kms", b"arn", b"blob"))
    stored = sealing.header.but(data_keys=twice).write()
    assert parse_header(stored)
    assert_rejected(world, sealing.file, sealing.stored(stored[: sealing.file.stored_bytes]), "not sealed as agreed")


def test_u5_a_header_under_another_key_is_rejected(world: FakeWorld, sealing: Sealing) -> None:
    forged = sealing.header.but(data_key=bytes(32)).write()
    assert_rejected(world, sealing.file, sealing.stored(forged), "not sealed with this file's data key")


def test_u5_a_header_must_commit_to_the_key_and_be_unaltered() -> None:
    key = bytes(range(32))
    honest = Header(data_key=key)
    assert header_is_authentic(parse_header(honest.write()), key)
    assert not header_is_authentic(parse_header(honest.write()), bytes(32))
    assert not header_is_authentic(parse_header(honest.but(commitment=bytes(32)).write()), key)
    altered = bytearray(honest.write())
    altered[-1] ^= 1
    assert not header_is_authentic(parse_header(bytes(altered)), key)


# --- events and parts ------------------------------------------------------------------------------------------------


def event(**changes: Any) -> str:
    given = {"source": "aws.s3", "kind": "Object Created", "bucket": "ours", "key": f"files/{new_id()}", **changes}
    detail = {"bucket": {"name": given["bucket"]}, "object": {"key": given["key"]}}
    return json.dumps({"source": given["source"], "detail-type": given["kind"], "detail": detail})


def test_u7_only_s3s_events_about_files_of_ours_count() -> None:
    file_id = new_id()
    assert parse_upload_event(event(key=f"files/{file_id}"), "ours") == file_id
    hostile = [
        "{",
        "{}",
        event(source="aws.ec2"),
        event(kind="Object Deleted"),
        event(bucket="another"),
        event(key="files/x"),
        event(key=file_id),
        event(key=f"other/{file_id}"),
        event(key=f"files/{file_id}/x"),
        event(key=f"files/../{file_id}"),
    ]
    for body in hostile:
        with pytest.raises(NotOurUploadEvent):
            parse_upload_event(body, "ours")


def test_u8_sizes_and_count_are_checked_before_parts_are_joined() -> None:
    plan = Multipart("id", part_bytes=10, part_checksums=False, stored_bytes=25)

    def parts(*sizes: int) -> list[ReceivedPart]:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        return [ReceivedPart(number, size, "etag", at) for number, size in enumerate(sizes, 1)]

    assert missing_from(plan, parts(10, 10, 5)) == []
    assert missing_from(plan, parts(10, 10)) == ["1 of 3 parts have not arrived: 3"]
    assert missing_from(plan, parts(10, 10, 6)) == ["Part 3 has 6 bytes instead of 5."]
    assert missing_from(plan, parts(10, 11, 5)) == ["Part 2 has 11 bytes instead of 10."]
    assert missing_from(plan, parts(10, 10, 5, 1)) == ["Part 4 is one too many: the upload has 3."]


def test_u8_complete_joins_nothing_that_is_not_the_plan(world: FakeWorld) -> None:
    from chalicelib.domain.errors import Invalid
    from chalicelib.services.complete_upload import complete_upload

    part = 5 * 2**20
    file = announced(world, size_bytes=part + 1, part_bytes=part).file
    for number, size in ((1, part), (2, 2)):
        world.objects.put_part(file.multipart.upload_id, number, size_bytes=size)
    with pytest.raises(Invalid):
        complete_upload(ALICES, file.id, NOW, **verifying(world))
    assert "finish_multipart" not in world.objects.calls
