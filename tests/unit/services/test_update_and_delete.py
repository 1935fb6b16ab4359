"""PATCH and DELETE: rename, expiry, trash and back, and the purge, which must survive being interrupted anywhere."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Busy, Conflict, Invalid, NotFound
from chalicelib.domain.file import EncryptionMode, Status
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import MIB, Multipart
from chalicelib.ports import StaleRecord
from chalicelib.services.delete_file import delete_file
from chalicelib.services.sweep import RETRY_AFTER, sweep
from chalicelib.services.update_file import FileChanges, update_file
from tests.support.builders import (
    ALICES,
    BOBS,
    NOW,
    a_file,
    a_ready_file,
    new_id,
    stored,
    storing,
    sweeping,
)
from tests.support.fakes import FakeWorld, raises

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def update(world: FakeWorld, file_id: str, account=ALICES, **changes):
    return update_file(account, file_id, FileChanges(**changes), NOW, files=world.files)


def delete(world: FakeWorld, file_id: str, account=ALICES, *, permanent: bool = False, now=NOW) -> None:
    delete_file(account, file_id, now, permanent=permanent, **storing(world))


class TestUpdate:
    def test_each_change(self, world) -> None:
        file = world.files.add(a_ready_file())
        assert update(world, file.id, filename="b.txt").filename == "b.txt"
        assert update(world, file.id, sets_expiry=True, expires_at=LATER).expires_at == LATER
        assert update(world, file.id, filename="c.txt").expires_at == LATER
        assert update(world, file.id, sets_expiry=True).expires_at is None
        assert update(world, file.id, trashed=True).trashed_at == NOW
        restored = update(world, file.id, trashed=False)
        assert restored.trashed_at is None
        assert restored == world.files.find(file.id)

    def test_all_at_once_is_one_write(self, world) -> None:
        file = world.files.add(a_ready_file())
        update(world, file.id, filename="b.txt", sets_expiry=True, expires_at=LATER, trashed=True)
        assert world.files.calls.count("save") == 1

    def test_no_change_writes_nothing(self, world) -> None:
        file = world.files.add(a_ready_file())
        for changes in ({}, {"filename": file.filename}, {"trashed": False}, {"sets_expiry": True}):
            assert update(world, file.id, **changes) == file
        assert "save" not in world.files.calls

    def test_an_expiry_that_has_passed(self, world) -> None:
        file = world.files.add(a_ready_file())
        with pytest.raises(Invalid):
            update(world, file.id, sets_expiry=True, expires_at=NOW)

    def test_a_pending_file_can_be_renamed_but_not_trashed(self, world) -> None:
        file = world.files.add(a_file())
        assert update(world, file.id, filename="b.txt").filename == "b.txt"
        with pytest.raises(Conflict):
            update(world, file.id, trashed=True)

    def test_o1_another_accounts_file(self, world) -> None:
        file = world.files.add(a_ready_file())
        with pytest.raises(NotFound):
            update(world, file.id, account=BOBS, filename="mine.txt")
        assert world.files.find(file.id) == file

    def test_a_rival(self, world) -> None:
        file = world.files.add(a_ready_file())
        world.files.before("save", lambda: world.files.save(replace(file, filename="rival.txt")))
        with pytest.raises(Conflict):
            update(world, file.id, filename="mine.txt")
        assert world.files.find(file.id).filename == "rival.txt"


class TestDelete:
    def test_first_the_trash_then_the_end(self, world) -> None:
        file = stored(world, a_ready_file())
        delete(world, file.id)
        assert world.files.find(file.id).trashed_at == NOW
        assert world.objects.head(file.object_key)
        delete(world, file.id)
        assert world.files.records == {}
        assert world.objects.versions == {}
        with pytest.raises(NotFound):
            delete(world, file.id)

    def test_at_once_for_good(self, world) -> None:
        file = stored(world, a_ready_file())
        delete(world, file.id, permanent=True)
        assert world.files.records == {}

    @pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED])
    def test_what_never_became_ready_has_no_trash(self, world, status) -> None:
        file = stored(world, a_file(status=status))
        delete(world, file.id)
        assert world.files.records == {}
        assert world.objects.versions == {}

    def test_every_version_and_part_goes(self, world) -> None:
        upload_id = world.objects.start_multipart("files/x", part_checksums=False)
        file = a_file(multipart=Multipart(upload_id, 5 * MIB, False, 12 * MIB))
        world.objects.uploads[upload_id].object_key = file.object_key
        world.files.add(file)
        for data in (b"one", b"two"):
            world.objects.put(file.object_key, data)
        world.objects.put_delete_marker(file.object_key)
        delete(world, file.id)
        assert world.objects.versions == {}
        assert world.objects.uploads == {}

    def test_o1_another_accounts_file_and_no_file(self, world) -> None:
        file = stored(world, a_ready_file())
        for file_id, account in ((file.id, BOBS), (new_id(), ALICES), ("..", ALICES)):
            with pytest.raises(NotFound):
                delete(world, file_id, account=account, permanent=True)
        assert world.files.find(file.id) == file
        assert world.objects.head(file.object_key)

    def test_two_simple_deletes_that_cross_do_not_add_up_to_a_purge(self, world) -> None:
        file = stored(world, a_ready_file())
        world.files.after("find", lambda: delete(world, file.id))
        with pytest.raises(Conflict):
            delete(world, file.id)
        assert world.files.find(file.id).trashed_at == NOW
        assert world.objects.head(file.object_key)

    def test_a_restore_that_crosses_a_second_delete_saves_the_file(self, world) -> None:
        file = stored(world, a_ready_file(trashed_at=NOW))
        world.files.after("find", lambda: update(world, file.id, trashed=False))
        with pytest.raises(Conflict):
            delete(world, file.id)
        assert world.files.find(file.id).can_be_downloaded(NOW)
        assert world.objects.head(file.object_key)


STEPS = [
    ("files", "save"),
    ("objects", "abort_multipart"),
    ("objects", "delete_versions"),
    ("files", "remove"),
]


class TestInterruptedPurge:
    """(Z1) Whatever fails, the file is unreadable from the first write on, and the sweep ends what was begun."""

    def purge_with_accident(self, world: FakeWorld, moment: str, port: str, step: str):
        upload_id = world.objects.start_multipart("files/x", part_checksums=False)
        file = a_file(
            encryption_mode=EncryptionMode.CLIENT,
            wrapped_key=WrappedKey("arn", b"blob"),
            multipart=Multipart(upload_id, 5 * MIB, False, 12 * MIB),
        )
        world.objects.uploads[upload_id].object_key = file.object_key
        world.files.add(file)
        world.objects.put(file.object_key, b"hello")
        getattr(getattr(world, port), moment)(step, raises(Busy()))
        with pytest.raises(Busy):
            delete(world, file.id, permanent=True)
        return file

    @pytest.mark.parametrize(("port", "step"), STEPS)
    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_at_any_step(self, world, moment: str, port: str, step: str) -> None:
        file = self.purge_with_accident(world, moment, port, step)
        left = world.files.find(file.id)
        if (moment, step) == ("before", "save"):
            assert left == replace(file, revision=1)  # nothing has begun
            return
        assert left is None or (left.purging_at == NOW and left.wrapped_key is None)
        with pytest.raises(NotFound):
            delete(world, file.id, permanent=True)
        assert sweep(NOW, **sweeping(world)).failures == {}
        assert world.files.records == {}
        assert world.objects.versions == {}
        assert world.objects.uploads == {}

    @pytest.mark.parametrize("accidents", [1, 2, 3])
    def test_and_a_sweep_that_is_interrupted_too(self, world, accidents: int) -> None:
        self.purge_with_accident(world, "before", "objects", "abort_multipart")
        for _ in range(accidents):
            world.objects.before("delete_versions", raises(Busy()))
        runs = [NOW + run * RETRY_AFTER for run in range(accidents + 1)]
        failures = [len(sweep(now, **sweeping(world)).failures) for now in runs]
        assert failures == [1] * accidents + [0]
        assert world.files.records == {}
        assert world.objects.versions == {}

    def test_a_rival_who_saved_first_wins(self, world) -> None:
        file = stored(world, a_ready_file())
        world.files.before("save", raises(StaleRecord()))
        with pytest.raises(Conflict):
            delete(world, file.id, permanent=True)
        assert world.objects.head(file.object_key)
