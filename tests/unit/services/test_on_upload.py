"""S3's events: twice, late, in any order, about files that are gone. What is verified: test_verify_upload.py."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.file import Status, object_key
from chalicelib.domain.ids import FileId
from chalicelib.ports import StaleRecord
from chalicelib.services.delete_file import delete_file
from chalicelib.services.on_upload import on_upload
from tests.support.builders import ALICES, NOW, a_file, new_id, storing, verifying
from tests.support.fakes import FakeWorld, raises


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def arrived(world: FakeWorld, data: bytes = b"hello", **fields):
    file = world.files.add(a_file(**fields))
    world.objects.put(file.object_key, data)
    return file


def deliver(world: FakeWorld, file_id: str) -> None:
    on_upload(FileId(file_id), NOW, **verifying(world))


def test_once_makes_it_ready_and_twice_changes_nothing(world) -> None:
    file = arrived(world)
    deliver(world, file.id)
    ready = world.files.find(file.id)
    deliver(world, file.id)
    assert ready.status is Status.READY
    assert world.files.find(file.id) == ready
    assert world.objects.head(file.object_key)


def test_before_the_bytes_can_be_seen_it_changes_nothing(world) -> None:
    file = world.files.add(a_file())
    deliver(world, file.id)
    assert world.files.find(file.id) == file


def test_late_bytes_of_a_rejected_file_are_deleted(world) -> None:
    """Its PUT URL lives on for the rest of its hour."""
    file = arrived(world, status=Status.REJECTED, rejected_reason="x", settled_at=NOW)
    deliver(world, file.id)
    assert world.objects.versions == {}
    assert world.files.find(file.id) == file


def test_z1_late_bytes_of_a_purged_file_are_deleted(world) -> None:
    file_id = FileId(new_id())
    world.objects.put(object_key(file_id), b"hello")
    world.objects.put_delete_marker(object_key(file_id))
    deliver(world, file_id)
    assert world.objects.versions == {}


def test_z1_late_bytes_of_a_file_that_is_being_purged_are_deleted(world) -> None:
    file = arrived(world, purging_at=NOW)
    deliver(world, file.id)
    assert world.objects.versions == {}
    assert world.files.find(file.id) == file


@pytest.mark.parametrize("moment", ["head", "find"])
def test_z1_a_purge_during_the_verification_wins(world, moment: str) -> None:
    file = arrived(world)
    port = world.objects if moment == "head" else world.files
    port.after(moment, lambda: delete_file(ALICES, file.id, NOW, permanent=True, **storing(world)))
    deliver(world, file.id)
    assert world.files.records == {}
    assert world.objects.versions == {}


def test_z1_bytes_that_land_between_a_purges_last_steps_are_deleted(world) -> None:
    file = arrived(world)

    def land_and_purge() -> None:
        world.objects.after("delete_versions", lambda: world.objects.put(file.object_key, b"hello"))
        delete_file(ALICES, file.id, NOW, permanent=True, **storing(world))

    world.objects.after("head", land_and_purge)
    deliver(world, file.id)
    assert world.objects.versions == {}


def test_complete_and_the_event_at_once_settle_it_once(world) -> None:
    file = arrived(world)
    version = world.objects.head(file.object_key).version
    first = replace(file, status=Status.READY, object_version=version, settled_at=NOW)
    world.files.before("save", lambda: world.files.save(first))
    deliver(world, file.id)
    assert world.files.find(file.id) == replace(first, revision=2)


def test_a_trashed_or_renamed_record_is_read_again(world) -> None:
    file = arrived(world)
    world.files.before("save", lambda: world.files.save(replace(file, filename="renamed.pdf")))
    deliver(world, file.id)
    settled = world.files.find(file.id)
    assert (settled.status, settled.filename) == (Status.READY, "renamed.pdf")


@pytest.mark.parametrize("trouble", [Busy(), StaleRecord()])
def test_trouble_leaves_the_message_in_the_queue(world, trouble: Exception) -> None:
    file = arrived(world)
    world.files.before("save", *[raises(trouble)] * 50)
    with pytest.raises(type(trouble)):
        deliver(world, file.id)
    assert world.files.find(file.id) == file
