"""POST /files: what is promised, stored and signed for each kind of upload, and what does not fit together."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import Busy, Invalid
from chalicelib.domain.file import EncryptionMode, Status
from chalicelib.domain.sealing import FRAME_LENGTH
from chalicelib.domain.upload import DEFAULT_PART_BYTES, MAX_STORED_BYTES, MIB, SINGLE_PUT_BYTES
from chalicelib.services.create_file import create_file
from chalicelib.services.sign_upload import SignedParts, SinglePut
from tests.support.builders import NOW, a_new_file, a_token
from tests.support.fakes import FakeWorld, raises, sha256_base64
from tests.support.sealed import seal_for

OWNER = a_token()
CLIENT = EncryptionMode.CLIENT


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def create(world: FakeWorld, **fields):
    new = a_new_file(**fields)
    return create_file(new, OWNER, NOW, files=world.files, objects=world.objects, keys=world.keys)


def test_a_small_file_is_one_put_of_exactly_its_size(world) -> None:
    ticket = create(world, size_bytes=5, expires_at=NOW + timedelta(days=1))
    assert isinstance(ticket.upload, SinglePut)
    assert ticket.upload.request.headers == {"Content-Length": "5", "If-None-Match": "*"}
    assert ticket.upload.expires_at == NOW + timedelta(hours=1)
    assert ticket.data_key is None
    assert ticket.file == world.files.find(ticket.file.id)
    assert (ticket.file.status, ticket.file.stored_bytes, ticket.file.revision) == (Status.PENDING, 5, 1)
    assert (ticket.file.account_id, ticket.file.created_by) == (OWNER.account_id, OWNER.author)
    assert ticket.file.expires_at == NOW + timedelta(days=1)
    assert world.keys.calls == []


def test_u2_a_declared_digest_is_signed(world) -> None:
    digest = sha256_base64(b"hello")
    ticket = create(world, checksum_sha256=digest)
    assert ticket.upload.request.headers["x-amz-checksum-sha256"] == digest
    assert ticket.file.checksum_sha256 == digest


@pytest.mark.parametrize("size", [0, 1, FRAME_LENGTH - 1, FRAME_LENGTH, FRAME_LENGTH + 1])
def test_a_client_file_is_promised_the_size_that_the_sdk_will_write(world, size: int) -> None:
    ticket = create(world, size_bytes=size, encryption_mode=CLIENT)
    sealed = seal_for(ticket.file, ticket.data_key, bytes(size))
    assert len(sealed) == ticket.file.stored_bytes == int(ticket.upload.request.headers["Content-Length"])
    assert ticket.file.size_bytes == size


def test_the_data_key_is_answered_and_only_its_wrapping_stored(world) -> None:
    ticket = create(world, encryption_mode=CLIENT)
    context = {"file": ticket.file.id, "account": OWNER.account_id}
    assert world.keys.unwrap(ticket.file.wrapped_key, context) == ticket.data_key
    assert ticket.data_key not in ticket.file.wrapped_key.blob


class TestParts:
    def test_at_the_edge(self, world) -> None:
        assert isinstance(create(world, size_bytes=SINGLE_PUT_BYTES).upload, SinglePut)
        parts = create(world, size_bytes=SINGLE_PUT_BYTES + 1).upload
        assert isinstance(parts, SignedParts)
        assert [part.number for part in parts.parts] == list(range(1, 14))
        assert parts.parts[-1].size_bytes == SINGLE_PUT_BYTES + 1 - 12 * DEFAULT_PART_BYTES
        assert {part.request.headers["Content-Length"] for part in parts.parts[:-1]} == {str(DEFAULT_PART_BYTES)}

    @pytest.mark.parametrize(("size", "count"), [(5 * MIB, None), (5 * MIB + 1, 2), (10 * MIB, 2), (10 * MIB + 1, 3)])
    def test_of_a_wished_size(self, world, size: int, count: int | None) -> None:
        ticket = create(world, size_bytes=size, part_bytes=5 * MIB)
        assert (ticket.file.multipart.count if ticket.file.multipart else None) == count

    def test_the_first_hundred_are_signed(self, world) -> None:
        ticket = create(world, size_bytes=501 * MIB, part_bytes=5 * MIB)
        assert ticket.file.multipart.count == 101
        assert len(ticket.upload.parts) == 100

    def test_with_digests_none_is_signed_before_its_digest_is_known(self, world) -> None:
        ticket = create(world, size_bytes=501 * MIB, part_checksums=True)
        assert ticket.upload.parts == []
        assert ticket.file.multipart.part_checksums
        assert world.objects.uploads[ticket.file.multipart.upload_id].part_checksums

    def test_counted_in_stored_bytes(self, world) -> None:
        """Sealed, a file just below the limit is above it."""
        ticket = create(world, size_bytes=SINGLE_PUT_BYTES, encryption_mode=CLIENT)
        assert ticket.file.multipart
        assert sum(part.size_bytes for part in ticket.upload.parts) == ticket.file.stored_bytes

    def test_the_largest_file(self, world) -> None:
        ticket = create(world, size_bytes=MAX_STORED_BYTES)
        assert ticket.file.multipart.count <= 10_000


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"expires_at": NOW}, "expires_at"),
            ({"expires_at": NOW - timedelta(days=1)}, "expires_at"),
            ({"checksum_sha256": sha256_base64(b""), "encryption_mode": CLIENT}, "checksum_sha256"),
            ({"checksum_sha256": sha256_base64(b""), "size_bytes": SINGLE_PUT_BYTES + 1}, "checksum_sha256"),
            ({"part_checksums": True}, "part_checksums"),
            ({"part_checksums": True, "part_bytes": 5 * MIB}, "part_checksums"),
            ({"size_bytes": MAX_STORED_BYTES, "part_bytes": 5 * MIB}, "part_size"),
            ({"size_bytes": MAX_STORED_BYTES, "encryption_mode": CLIENT}, "size"),
        ],
    )
    def test_is_refused_and_leaves_nothing(self, world, fields, field: str) -> None:
        with pytest.raises(Invalid) as refusal:
            create(world, **fields)
        assert list(refusal.value.errors) == [field]
        assert world.files.records == {}
        assert world.objects.uploads == {}


@pytest.mark.parametrize("port", ["keys.generate", "objects.start_multipart", "files.add"])
def test_aws_failing_leaves_no_record(world, port: str) -> None:
    name, method = port.split(".")
    getattr(world, name).before(method, raises(Busy()))
    with pytest.raises(Busy):
        create(world, size_bytes=SINGLE_PUT_BYTES + 1, encryption_mode=CLIENT)
    assert world.files.records == {}


def test_two_files_share_neither_id_nor_key(world) -> None:
    first, second = (create(world, encryption_mode=CLIENT) for _ in range(2))
    assert first.file.id != second.file.id
    assert first.data_key != second.data_key


def test_the_record_is_there_before_any_url(world) -> None:
    """on_upload takes an object without a record for one that was purged."""
    create(world, size_bytes=SINGLE_PUT_BYTES + 1)
    seen = []
    world.files.after("add", lambda: seen.append(list(world.objects.calls)))
    create(world)
    assert "sign_put" not in seen[0]
