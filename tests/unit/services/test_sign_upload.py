"""POST /files/{id}/parts: fresh URLs for an upload that goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Conflict, Invalid, NotFound, UploadOver
from chalicelib.domain.file import PENDING_SILENCE, EncryptionMode, Status
from chalicelib.domain.upload import MIB
from chalicelib.services.create_file import create_file
from chalicelib.services.sign_upload import SignedParts, SinglePut, WantedPart, sign_parts
from tests.support.builders import ALICES, BOBS, NOW, a_new_file, a_ready_file, a_token, new_id
from tests.support.fakes import FakeWorld, sha256_base64

DIGEST = sha256_base64(b"part")
SOON = NOW + timedelta(minutes=59)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def pending(world: FakeWorld, **fields):
    new = a_new_file(**fields)
    return create_file(new, a_token(), NOW, files=world.files, objects=world.objects, keys=world.keys)


def sign(world: FakeWorld, file_id: str, *wanted: tuple[int, str | None], account=ALICES, now=SOON):
    parts = [WantedPart(number, digest) for number, digest in wanted]
    return sign_parts(account, file_id, parts, now, files=world.files, objects=world.objects, keys=world.keys)


def test_the_parts_asked_for_are_signed_with_their_sizes(world) -> None:
    file = pending(world, size_bytes=12 * MIB, part_bytes=5 * MIB).file
    resigned = sign(world, file.id, (3, None), (1, None))
    assert isinstance(resigned.upload, SignedParts)
    assert [(part.number, part.size_bytes) for part in resigned.upload.parts] == [(3, 2 * MIB), (1, 5 * MIB)]
    assert resigned.upload.expires_at == SOON + timedelta(hours=1)
    assert resigned.data_key is None


def test_u8_a_digest_is_signed_where_it_was_announced(world) -> None:
    file = pending(world, size_bytes=12 * MIB, part_bytes=5 * MIB, part_checksums=True).file
    [part] = sign(world, file.id, (2, DIGEST)).upload.parts
    assert part.request.headers == {"Content-Length": str(5 * MIB), "x-amz-checksum-sha256": DIGEST}


def test_the_owner_gets_the_data_key_again_while_pending(world) -> None:
    ticket = pending(world, encryption_mode=EncryptionMode.CLIENT)
    resigned = sign(world, ticket.file.id, (1, None))
    assert isinstance(resigned.upload, SinglePut)
    assert resigned.data_key == ticket.data_key


def test_the_digest_of_a_sealed_single_put_is_declared_here_and_kept(world) -> None:
    file = pending(world, encryption_mode=EncryptionMode.CLIENT).file
    upload = sign(world, file.id, (1, DIGEST)).upload
    assert upload.request.headers["x-amz-checksum-sha256"] == DIGEST
    assert world.files.find(file.id).checksum_sha256 == DIGEST
    assert sign(world, file.id, (1, None)).upload.request.headers["x-amz-checksum-sha256"] == DIGEST


def test_asking_is_a_sign_of_life_written_at_most_hourly(world) -> None:
    file = pending(world).file
    sign(world, file.id, (1, None), now=SOON)
    assert "save" not in world.files.calls
    later = NOW + timedelta(hours=23)
    sign(world, file.id, (1, None), now=later)
    assert world.files.find(file.id).due_at == later + PENDING_SILENCE


class TestRefused:
    @pytest.mark.parametrize(
        ("checksums", "wanted", "field"),
        [
            (False, [(0, None)], "parts.0.number"),
            (False, [(1, None), (4, None)], "parts.1.number"),
            (False, [(1, None), (1, None)], "parts"),
            (False, [(1, DIGEST)], "parts.0.checksum_sha256"),
            (True, [(1, None)], "parts.0.checksum_sha256"),
        ],
    )
    def test_parts_that_the_upload_does_not_have(self, world, checksums, wanted, field) -> None:
        file = pending(world, size_bytes=12 * MIB, part_bytes=5 * MIB, part_checksums=checksums).file
        with pytest.raises(Invalid) as refusal:
            sign(world, file.id, *wanted)
        assert list(refusal.value.errors) == [field]

    def test_a_second_part_of_a_single_put(self, world) -> None:
        with pytest.raises(Invalid):
            sign(world, pending(world).file.id, (2, None))

    @pytest.mark.parametrize("status", [Status.READY, Status.REJECTED])
    def test_an_upload_that_is_over(self, world, status: Status) -> None:
        file = world.files.add(a_ready_file(status=status))
        with pytest.raises(UploadOver, match=str(status)):
            sign(world, file.id, (1, None))

    def test_o1_another_accounts_file_and_no_file(self, world) -> None:
        file = pending(world).file
        for file_id, account in ((file.id, BOBS), (new_id(), ALICES), ("../x", ALICES)):
            with pytest.raises(NotFound):
                sign(world, file_id, (1, None), account=account)


class TestRivals:
    """Many threads send one upload, and all their URLs end at the same time."""

    LATER = NOW + timedelta(hours=2)

    def test_of_several_who_ask_at_once_each_gets_its_url(self, world) -> None:
        file = pending(world, size_bytes=12 * MIB, part_bytes=5 * MIB).file
        others = [lambda number=number: sign(world, file.id, (number, None), now=self.LATER) for number in (2, 3)]
        world.files.before("save", *others)
        [part] = sign(world, file.id, (1, None), now=self.LATER).upload.parts
        assert part.number == 1
        assert world.files.find(file.id).due_at == self.LATER + PENDING_SILENCE

    def test_a_rename_meanwhile_takes_no_url_away(self, world) -> None:
        file = pending(world).file
        world.files.before("save", lambda: world.files.save(replace(file, filename="b.pdf")))
        assert sign(world, file.id, (1, None), now=self.LATER).file.filename == "b.pdf"

    @pytest.mark.parametrize("digest", [None, DIGEST])
    def test_an_upload_that_ends_meanwhile_is_over(self, world, digest: str | None) -> None:
        file = pending(world, encryption_mode=EncryptionMode.CLIENT).file
        world.files.before("save", lambda: world.files.save(file.made_ready("v1", NOW)))
        with pytest.raises(UploadOver):
            sign(world, file.id, (1, digest), now=self.LATER)

    @pytest.mark.parametrize("removed", [True, False])
    def test_a_file_that_is_purged_meanwhile_is_gone(self, world, removed: bool) -> None:
        file = pending(world).file

        def purge() -> None:
            purging = world.files.save(file.purging(NOW))
            if removed:
                world.files.remove(purging)

        world.files.before("save", purge)
        with pytest.raises(NotFound):
            sign(world, file.id, (1, None), now=self.LATER)

    def test_two_digests_of_one_put_are_a_conflict(self, world) -> None:
        file = pending(world, encryption_mode=EncryptionMode.CLIENT).file
        other = sha256_base64(b"another")
        world.files.before("save", lambda: sign(world, file.id, (1, other)))
        with pytest.raises(Conflict):
            sign(world, file.id, (1, DIGEST))
        assert world.files.find(file.id).checksum_sha256 == other
