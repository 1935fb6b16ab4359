"""The sweep ends what is overdue, finishes what was interrupted, and believes S3 rather than silence."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Busy
from chalicelib.domain.file import PENDING_LIMIT, PENDING_SILENCE, TRASH_RETENTION, Status
from chalicelib.domain.ids import FileId
from chalicelib.domain.upload import MIB, Multipart
from chalicelib.ports import StaleRecord
from chalicelib.services.delete_file import delete_file
from chalicelib.services.sweep import NOT_FINISHED, RETRY_AFTER, Swept, sweep
from chalicelib.services.update_file import FileChanges, update_file
from tests.support.builders import ALICES, NOW, a_file, a_ready_file, new_id, stored, storing, verifying
from tests.support.fakes import FakeWorld, raises

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def run(world: FakeWorld, now, most: int = 1000) -> Swept:
    """A run with time for so many files."""
    left = iter(range(most))
    return sweep(now, in_time=lambda: next(left, None) is not None, **verifying(world))


def gone(world: FakeWorld) -> bool:
    return not world.files.records and not world.objects.versions and not world.objects.uploads


def in_parts(world: FakeWorld, **fields):
    file = a_file(size_bytes=12 * MIB, stored_bytes=12 * MIB, **fields)
    upload_id = world.objects.start_multipart(file.object_key, part_checksums=False)
    return world.files.add(replace(file, multipart=Multipart(upload_id, 5 * MIB, False, 12 * MIB)))


def test_nothing_is_due(world) -> None:
    for file in (
        a_file(),
        a_ready_file(),
        a_ready_file(trashed_at=NOW),
        a_file(status=Status.REJECTED, settled_at=NOW),
    ):
        stored(world, file)
    assert run(world, NOW + HOUR) == Swept(0, 0, {})


class TestPending:
    def test_silence_ends_it_and_says_so(self, world) -> None:
        file = world.files.add(a_file())
        assert run(world, NOW + PENDING_SILENCE - SECOND).seen == 0
        assert run(world, NOW + PENDING_SILENCE) == Swept(1, 1, {})
        ended = world.files.find(file.id)
        assert (ended.status, ended.rejected_reason) == (Status.REJECTED, NOT_FINISHED)

    def test_bytes_that_no_event_told_of_are_verified(self, world) -> None:
        file = stored(world, a_file())
        assert run(world, NOW + PENDING_SILENCE) == Swept(1, 1, {})
        assert world.files.find(file.id).status is Status.READY

    def test_wrong_bytes_that_no_event_told_of_are_rejected(self, world) -> None:
        file = stored(world, a_file(), b"hell")
        run(world, NOW + PENDING_SILENCE)
        assert "4 bytes" in world.files.find(file.id).rejected_reason
        assert world.objects.versions == {}

    def test_an_expired_one_is_purged_unseen(self, world) -> None:
        stored(world, a_file(expires_at=NOW + HOUR))
        assert run(world, NOW + HOUR) == Swept(1, 1, {})
        assert gone(world)

    def test_its_parts_are_thrown_away(self, world) -> None:
        file = in_parts(world)
        assert run(world, NOW + PENDING_SILENCE) == Swept(1, 1, {})
        assert world.objects.uploads == {}
        assert world.files.find(file.id).multipart is None


class TestTheLastSignOfLife:
    """Parts go to S3 without asking us."""

    def test_a_part_that_came_today_keeps_the_upload(self, world) -> None:
        file = in_parts(world)
        came = NOW + 20 * HOUR
        world.objects.put_part(file.multipart.upload_id, 1, size_bytes=5 * MIB, received_at=NOW + 2 * HOUR)
        world.objects.put_part(file.multipart.upload_id, 2, size_bytes=5 * MIB, received_at=came)
        assert run(world, NOW + PENDING_SILENCE) == Swept(1, 0, {})
        kept = world.files.find(file.id)
        assert kept.status is Status.PENDING
        assert kept.alive_at == came
        assert kept.due_at == came + PENDING_SILENCE
        assert run(world, came + PENDING_SILENCE) == Swept(1, 1, {})

    def test_an_old_part_does_not(self, world) -> None:
        file = in_parts(world, alive_at=NOW)
        world.objects.put_part(file.multipart.upload_id, 1, size_bytes=5 * MIB, received_at=NOW)
        run(world, NOW + PENDING_SILENCE)
        assert world.files.find(file.id).status is Status.REJECTED

    def test_no_part_keeps_it_for_more_than_a_week(self, world) -> None:
        file = in_parts(world, alive_at=NOW + PENDING_LIMIT - HOUR)
        world.objects.put_part(file.multipart.upload_id, 1, size_bytes=1, received_at=NOW + PENDING_LIMIT - HOUR)
        assert run(world, NOW + PENDING_LIMIT) == Swept(1, 1, {})
        assert world.files.find(file.id).status is Status.REJECTED

    def test_an_upload_that_s3_gave_up_ends(self, world) -> None:
        file = in_parts(world)
        world.objects.uploads.clear()
        run(world, NOW + PENDING_SILENCE)
        assert world.files.find(file.id).status is Status.REJECTED


class TestPurges:
    @pytest.mark.parametrize(
        ("file", "due"),
        [
            (a_ready_file(expires_at=NOW + HOUR), NOW + HOUR),
            (a_ready_file(trashed_at=NOW), NOW + TRASH_RETENTION),
            (a_ready_file(trashed_at=NOW, expires_at=NOW + HOUR), NOW + HOUR),
            (a_file(status=Status.REJECTED, settled_at=NOW), NOW + TRASH_RETENTION),
            (a_ready_file(purging_at=NOW), NOW),
        ],
    )
    def test_what_is_over(self, world, file, due) -> None:
        stored(world, file)
        if due > NOW:
            assert run(world, due - 2 * SECOND).seen == 0
        assert run(world, due) == Swept(1, 1, {})
        assert gone(world)
        assert run(world, due) == Swept(0, 0, {})

    def test_what_was_restored_in_time_stays(self, world) -> None:
        file = stored(world, a_ready_file(trashed_at=NOW))
        due = NOW + TRASH_RETENTION
        rival = FileChanges(trashed=False)
        world.files.after("due", lambda: update_file(ALICES, file.id, rival, due, files=world.files))
        assert run(world, due) == Swept(1, 0, {})
        assert world.files.find(file.id).can_be_downloaded(due)

    def test_what_was_restored_between_read_and_write_stays(self, world) -> None:
        file = stored(world, a_ready_file(trashed_at=NOW))
        due = NOW + TRASH_RETENTION
        world.files.before("save", lambda: world.files.save(file.restored()))
        assert run(world, due) == Swept(1, 0, {})
        assert world.files.find(file.id).can_be_downloaded(due)
        assert world.objects.head(file.object_key)


class TestTheIndexLagsBehind:
    def test_a_file_that_is_gone(self, world) -> None:
        file = stored(world, a_ready_file(expires_at=NOW))
        world.files.after("due", lambda: world.files.remove(file))
        assert run(world, NOW) == Swept(1, 0, {})

    def test_a_file_whose_expiry_was_put_off(self, world) -> None:
        file = stored(world, a_ready_file(expires_at=NOW))
        world.files.after("due", lambda: world.files.save(replace(file, expires_at=NOW + HOUR)))
        assert run(world, NOW) == Swept(1, 0, {})
        assert world.files.find(file.id)

    def test_a_file_that_never_ends(self, world) -> None:
        file = stored(world, a_ready_file(expires_at=NOW))
        world.files.after("due", lambda: world.files.save(replace(file, expires_at=None)))
        assert run(world, NOW) == Swept(1, 0, {})


class TestTrouble:
    @pytest.mark.parametrize("error", [Busy(), RuntimeError("S3 kept a version")])
    def test_with_one_file_does_not_stop_the_others(self, world, error) -> None:
        for _ in range(5):
            stored(world, a_ready_file(expires_at=NOW))
        world.objects.before("delete_versions", raises(error))
        swept = run(world, NOW)
        assert (swept.seen, swept.ended, list(swept.failures.values())) == (5, 4, [error])
        assert run(world, NOW + RETRY_AFTER - SECOND) == Swept(0, 0, {})
        assert run(world, NOW + RETRY_AFTER) == Swept(1, 1, {})
        assert gone(world)

    def test_files_that_always_fail_are_not_in_the_way_of_the_others(self, world) -> None:
        """Even where a run has time for one file alone, and they have waited for longer."""
        for _ in range(5):
            stored(world, a_ready_file(id=FileId("0" + new_id()[1:]), expires_at=NOW - HOUR))
        other = stored(world, a_ready_file(id=FileId("f" + new_id()[1:]), expires_at=NOW))
        world.objects.before("delete_versions", *[raises(RuntimeError())] * 5)
        assert [run(world, NOW, most=1).ended for _ in range(6)] == [0, 0, 0, 0, 0, 1]
        assert world.files.find(other.id) is None

    def test_where_it_cannot_even_be_put_off_that_is_told(self, world) -> None:
        stored(world, a_ready_file(expires_at=NOW))
        first, second = Busy(), RuntimeError()
        world.objects.before("delete_versions", raises(first))
        world.files.before("put_off", raises(second))
        (told,) = run(world, NOW).failures.values()
        assert (told, told.__context__) == (second, first)

    def test_a_rival_is_no_trouble(self, world) -> None:
        stored(world, a_ready_file(expires_at=NOW))
        world.files.before("save", raises(StaleRecord()))
        assert run(world, NOW) == Swept(1, 0, {})

    @pytest.mark.parametrize("permanent", [True, False])
    def test_a_pending_file_that_is_purged_meanwhile_is_no_trouble(self, world, permanent: bool) -> None:
        file = stored(world, a_file())

        def rival() -> None:
            if permanent:
                delete_file(ALICES, file.id, NOW, permanent=True, **storing(world))
            else:
                world.files.save(file.purging(NOW))

        world.objects.after("head", rival)
        swept = run(world, NOW + PENDING_SILENCE)
        assert (swept.seen, swept.failures) == (1, {})

    def test_a_run_is_bounded_and_the_next_goes_on(self, world) -> None:
        for _ in range(7):
            stored(world, a_ready_file(expires_at=NOW))
        assert [run(world, NOW, most=3).ended for _ in range(4)] == [3, 3, 1, 0]
