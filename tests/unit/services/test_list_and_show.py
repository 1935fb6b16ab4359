"""GET /files, GET /files/{id}, GET /user."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.file import Shelf, Status
from chalicelib.domain.upload import MIB, Multipart
from chalicelib.services.list_files import list_files
from chalicelib.services.show_file import show_file
from chalicelib.services.show_user import show_user
from tests.support.builders import ALICES, BOBS, NOW, a_file, a_ready_file, a_token, enrol, new_id, stored, storing
from tests.support.fakes import FakeWorld, sha256_base64

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


class TestList:
    def ids(self, world, shelf=Shelf.READY, account=ALICES, now=NOW) -> list[str]:
        return [file.id for file in list_files(account, shelf, 50, None, now, files=world.files).rows]

    def test_newest_first_and_pages_that_meet(self, world) -> None:
        made = [world.files.add(a_ready_file(created_at=NOW + i * MINUTE)).id for i in range(7)]
        seen, after = [], None
        for _ in range(10):
            page = list_files(ALICES, Shelf.READY, 3, after, NOW, files=world.files)
            seen += [file.id for file in page.rows]
            after = page.next
            if after is None:
                break
        assert seen == made[::-1]

    def test_files_of_one_moment_are_all_listed_once(self, world) -> None:
        made = {world.files.add(a_ready_file()).id for _ in range(5)}
        first = list_files(ALICES, Shelf.READY, 2, None, NOW, files=world.files)
        second = list_files(ALICES, Shelf.READY, 50, first.next, NOW, files=world.files)
        seen = [file.id for file in (*first.rows, *second.rows)]
        assert len(seen) == 5
        assert set(seen) == made

    def test_a_place_survives_the_file_that_marked_it(self, world) -> None:
        made = [world.files.add(a_ready_file(created_at=NOW + i * MINUTE)) for i in range(4)]
        page = list_files(ALICES, Shelf.READY, 2, None, NOW, files=world.files)
        world.files.remove(made[2])
        rest = list_files(ALICES, Shelf.READY, 2, page.next, NOW, files=world.files)
        assert [file.id for file in rest.rows] == [made[1].id, made[0].id]

    def test_a_pending_upload_never_shows_up_as_usable(self, world) -> None:
        files = {
            Shelf.PENDING: world.files.add(a_file()),
            Shelf.READY: world.files.add(a_ready_file()),
            Shelf.REJECTED: world.files.add(a_file(status=Status.REJECTED)),
            Shelf.TRASHED: world.files.add(a_ready_file(trashed_at=NOW)),
        }
        world.files.add(a_ready_file(purging_at=NOW))
        for shelf, file in files.items():
            assert self.ids(world, shelf) == [file.id]

    def test_o1_only_the_accounts_own(self, world) -> None:
        world.files.add(a_ready_file())
        assert self.ids(world, account=BOBS) == []

    def test_what_has_expired_is_left_out_before_the_sweep_comes(self, world) -> None:
        world.files.add(a_ready_file(expires_at=NOW + MINUTE))
        assert len(self.ids(world)) == 1
        assert self.ids(world, now=NOW + MINUTE) == []


class TestShow:
    def show(self, world, file_id, account=ALICES, now=NOW):
        return show_file(account, file_id, now, **storing(world))

    def test_a_ready_file_asks_s3_nothing(self, world) -> None:
        file = stored(world, a_ready_file())
        assert self.show(world, file.id).received is None
        assert world.objects.calls == []

    def test_a_single_put_before_and_after_its_bytes_came(self, world) -> None:
        file = world.files.add(a_file())
        assert self.show(world, file.id).received == []
        digest = sha256_base64(b"hello")
        world.objects.put(file.object_key, b"hello", checksum_sha256=digest)
        [part] = self.show(world, file.id).received
        assert (part.number, part.size_bytes, part.checksum_sha256) == (1, 5, digest)

    def test_the_parts_that_came(self, world) -> None:
        upload_id = world.objects.start_multipart("files/x", part_checksums=True)
        file = world.files.add(a_file(multipart=Multipart(upload_id, 5 * MIB, True, 12 * MIB)))
        world.objects.uploads[upload_id].object_key = file.object_key
        assert self.show(world, file.id).received == []
        world.objects.put_part(upload_id, 2, b"two")
        world.objects.put_part(upload_id, 1, b"one")
        received = self.show(world, file.id).received
        assert [(part.number, part.checksum_sha256) for part in received] == [
            (1, sha256_base64(b"one")),
            (2, sha256_base64(b"two")),
        ]
        world.objects.uploads.clear()
        assert self.show(world, file.id).received == []

    def test_o1_what_is_not_the_callers(self, world) -> None:
        file = stored(world, a_ready_file())
        for file_id, account in ((file.id, BOBS), (new_id(), ALICES), (file.id.upper(), ALICES), ("", ALICES)):
            with pytest.raises(NotFound):
                self.show(world, file_id, account)

    @pytest.mark.parametrize("changes", [{"expires_at": NOW}, {"purging_at": NOW}])
    def test_what_is_gone(self, world, changes) -> None:
        file = stored(world, a_ready_file(**changes))
        with pytest.raises(NotFound):
            self.show(world, file.id)


def test_the_caller_and_their_account(world) -> None:
    caller = enrol(world, "alice@example.com", "Alice Archer")
    user, account = show_user(caller.token, users=world.users)
    assert (user.email, account.id) == ("alice@example.com", caller.account_id)


def test_a_user_who_was_erased(world) -> None:
    with pytest.raises(NotFound):
        show_user(a_token(), users=world.users)
