"""POST /files/{id}/complete: safe to repeat, and it says what is wrong. What it verifies: test_verify_upload.py."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.domain.errors import Busy, Conflict, Invalid, NotFound
from chalicelib.domain.file import Status
from chalicelib.domain.upload import MIB
from chalicelib.ports import StaleRecord
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.create_file import create_file
from chalicelib.services.delete_file import delete_file
from tests.support.builders import ALICES, BOBS, NOW, a_new_file, a_token, new_id, storing, verifying
from tests.support.fakes import FakeWorld, raises

SIZES = {1: 5 * MIB, 2: 5 * MIB, 3: 2 * MIB}


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def new(world: FakeWorld, **fields):
    ports = {"files": world.files, "objects": world.objects, "keys": world.keys}
    return create_file(a_new_file(**fields), a_token(), NOW, **ports).file


def in_parts(world: FakeWorld, sizes: dict[int, int], **fields):
    file = new(world, size_bytes=12 * MIB, part_bytes=5 * MIB, **fields)
    for number, size in sizes.items():
        world.objects.put_part(file.multipart.upload_id, number, size_bytes=size)
    return file


def complete(world: FakeWorld, file_id: str, account=ALICES, now=NOW):
    return complete_upload(account, file_id, now, **verifying(world))


def refusal_of(world: FakeWorld, file_id: str) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as refusal:
        complete(world, file_id)
    return dict(refusal.value.errors)


def test_nothing_uploaded_yet(world) -> None:
    file = new(world)
    assert list(refusal_of(world, file.id)) == ["file"]
    assert world.files.find(file.id).status is Status.PENDING


def test_again_and_again(world) -> None:
    file = new(world)
    world.objects.put(file.object_key, b"hello")
    first = complete(world, file.id)
    assert complete(world, file.id, now=NOW + timedelta(hours=1)) == first


def test_a_rejected_upload_says_why_every_time(world) -> None:
    file = new(world)
    world.objects.put(file.object_key, b"hell")
    expected = {"file": ["4 bytes arrived instead of 5. Create the file anew."]}
    assert refusal_of(world, file.id) == refusal_of(world, file.id) == expected


def test_o1_another_accounts_file_and_no_file(world) -> None:
    file = new(world)
    for file_id, account in ((file.id, BOBS), (new_id(), ALICES), ("x", ALICES)):
        with pytest.raises(NotFound):
            complete(world, file_id, account=account)


def test_an_expired_file(world) -> None:
    file = new(world, expires_at=NOW + timedelta(minutes=1))
    world.objects.put(file.object_key, b"hello")
    with pytest.raises(NotFound):
        complete(world, file.id, now=NOW + timedelta(minutes=1))


class TestParts:
    def test_all_there(self, world) -> None:
        file = in_parts(world, SIZES)
        ready = complete(world, file.id)
        assert ready.status is Status.READY
        assert ready.multipart is None
        assert world.objects.head(file.object_key).size_bytes == 12 * MIB
        assert world.objects.uploads == {}

    @pytest.mark.parametrize(
        ("sizes", "words"),
        [
            ({}, "3 of 3 parts"),
            ({1: 5 * MIB, 3: 2 * MIB}, "1 of 3 parts have not arrived: 2"),
            (SIZES | {3: 2 * MIB - 1}, "Part 3 has"),
            (SIZES | {4: 1}, "one too many"),
        ],
    )
    def test_u8_what_is_missing_or_too_much_is_said_and_nothing_joined(self, world, sizes, words) -> None:
        file = in_parts(world, sizes)
        problems = refusal_of(world, file.id)
        assert words in problems["parts"][0]
        assert "finish_multipart" not in world.objects.calls
        assert world.files.find(file.id).status is Status.PENDING

    def test_it_goes_on_after_the_missing_part_came(self, world) -> None:
        file = in_parts(world, {1: 5 * MIB, 2: 5 * MIB})
        refusal_of(world, file.id)
        world.objects.put_part(file.multipart.upload_id, 3, size_bytes=2 * MIB)
        assert complete(world, file.id).status is Status.READY

    def test_after_a_time_out_at_s3(self, world) -> None:
        """Joining many parts can outlast the request: S3 goes on, and the second call finds the object."""
        file = in_parts(world, SIZES)
        world.objects.after("finish_multipart", raises(Busy()))
        with pytest.raises(Busy):
            complete(world, file.id)
        assert complete(world, file.id).status is Status.READY

    def test_a_part_that_is_sent_again_between_list_and_join(self, world) -> None:
        file = in_parts(world, SIZES)
        again = partial(world.objects.put_part, file.multipart.upload_id, 2, size_bytes=5 * MIB)
        world.objects.after("received_parts", again)
        with pytest.raises(Conflict):
            complete(world, file.id)
        assert complete(world, file.id).status is Status.READY

    def test_an_upload_that_s3_has_given_up(self, world) -> None:
        file = in_parts(world, SIZES)
        world.objects.abort_multipart(file.object_key, file.multipart.upload_id)
        assert "anew" in refusal_of(world, file.id)["file"][0]


class TestRaces:
    def test_the_event_was_first(self, world) -> None:
        file = new(world)
        version = world.objects.put(file.object_key, b"hello")
        ready_by_event = replace(file, status=Status.READY, object_version=version, settled_at=NOW)
        world.files.before("save", lambda: world.files.save(ready_by_event))
        assert complete(world, file.id).status is Status.READY

    def test_a_rival_who_keeps_writing(self, world) -> None:
        file = new(world)
        world.objects.put(file.object_key, b"hello")
        world.files.before("save", *[raises(StaleRecord())] * 50)
        with pytest.raises(Conflict):
            complete(world, file.id)

    @pytest.mark.parametrize("step", ["head", "find"])
    def test_z1_a_purge_that_comes_between(self, world, step: str) -> None:
        file = new(world)
        world.objects.put(file.object_key, b"hello")
        port = world.objects if step == "head" else world.files
        port.after(step, lambda: delete_file(ALICES, file.id, NOW, permanent=True, **storing(world)))
        with pytest.raises((NotFound, Invalid)):
            complete(world, file.id)
        assert world.files.records == {}
        assert world.objects.versions == {}

    def test_z1_a_purge_that_has_only_begun(self, world) -> None:
        file = new(world)
        world.objects.put(file.object_key, b"hello")
        world.objects.after("head", lambda: world.files.save(file.purging(NOW)))
        with pytest.raises(NotFound):
            complete(world, file.id)
        assert world.files.find(file.id).purging_at

    def test_a_rejection_whose_clean_up_failed_stands(self, world) -> None:
        file = new(world)
        world.objects.put(file.object_key, b"hell")
        world.objects.before("delete_versions", raises(Busy()))
        with pytest.raises(Busy):
            complete(world, file.id)
        assert "4 bytes" in refusal_of(world, file.id)["file"][0]
