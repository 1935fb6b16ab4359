"""POST /downloads and its keys."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.download import MANUAL_LIFETIME
from chalicelib.domain.errors import Gone, Invalid, NotFound
from chalicelib.domain.file import Status
from chalicelib.domain.secret import hash_secret, looks_like_secret
from chalicelib.services.create_download import create_download, create_download_key
from tests.support.builders import BOBS, NOW, a_download, a_file, a_ready_file, a_token, new_id, stored
from tests.support.fakes import FakeWorld

OWNER = a_token()


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def create(world: FakeWorld, *file_ids: str):
    return create_download(OWNER, file_ids, NOW, files=world.files, downloads=world.downloads)


def make_key(world: FakeWorld, download_id: str, account=OWNER.account_id, now=NOW):
    return create_download_key(account, download_id, now, downloads=world.downloads)


class TestDownload:
    def test_one_use_and_a_minute(self, world) -> None:
        files = [stored(world, a_ready_file()) for _ in range(2)]
        download = create(world, *(file.id for file in files))
        assert world.downloads.find(download.id) == download
        assert (download.uses_left, download.expires_at) == (1, NOW + timedelta(seconds=60))
        assert download.file_ids == tuple(file.id for file in files)
        assert (download.account_id, download.sender, download.key_hash) == (OWNER.account_id, OWNER.author, None)

    @pytest.mark.parametrize(
        ("file", "words"),
        [
            (a_ready_file(account_id=BOBS), "no file with this id"),  # (O2)
            (a_ready_file(expires_at=NOW), "no file with this id"),
            (a_ready_file(purging_at=NOW), "no file with this id"),
            (a_ready_file(trashed_at=NOW), "in the trash"),
            (a_file(), "pending"),
            (a_file(status=Status.REJECTED), "rejected"),
        ],
    )
    def test_a_file_that_cannot_be_had_is_named(self, world, file, words: str) -> None:
        good, bad = stored(world, a_ready_file()), stored(world, file)
        with pytest.raises(Invalid) as refusal:
            create(world, good.id, bad.id)
        [(field, [reason])] = refusal.value.errors.items()
        assert field == "files.1"
        assert words in reason
        assert world.downloads.records == {}

    def test_o2_another_accounts_file_reads_like_no_file(self, world) -> None:
        bobs = stored(world, a_ready_file(account_id=BOBS))
        answers = []
        for file_id in (bobs.id, new_id(), "not an id", ""):
            with pytest.raises(Invalid) as refusal:
                create(world, file_id)
            answers.append(refusal.value.errors)
        assert all(answer == answers[0] for answer in answers)

    def test_a_file_listed_twice(self, world) -> None:
        file = stored(world, a_ready_file())
        with pytest.raises(Invalid) as refusal:
            create(world, file.id, file.id)
        assert refusal.value.errors == {"files.1": ["This file is listed twice."]}

    def test_all_files_are_read_in_one_round_trip(self, world) -> None:
        ids = [stored(world, a_ready_file()).id for _ in range(100)]
        create(world, *ids)
        assert world.files.calls.count("find_many") == 1
        assert "find" not in world.files.calls


class TestKeys:
    def test_s2_only_its_hash_is_kept(self, world) -> None:
        download = a_download(stored(world, a_ready_file()))
        world.downloads.add(download)
        text, _ = make_key(world, download.id)
        assert looks_like_secret(text)
        key = world.downloads.find_key(hash_secret(text))
        assert (key.download_id, key.file_ids) == (download.id, download.file_ids)
        assert world.downloads.find(download.id).key_hash == hash_secret(text)
        assert text not in repr(vars(world.downloads))

    def test_a_new_key_ends_the_old_one(self, world) -> None:
        download = a_download(stored(world, a_ready_file()))
        world.downloads.add(download)
        first, _ = make_key(world, download.id)
        second, _ = make_key(world, download.id)
        assert world.downloads.find(download.id).key_hash == hash_secret(second) != hash_secret(first)

    def test_o3_another_accounts_download_and_none(self, world) -> None:
        download = a_download()
        world.downloads.add(download)
        for download_id, account in ((download.id, BOBS), (new_id(), OWNER.account_id), ("x", OWNER.account_id)):
            with pytest.raises(NotFound):
                make_key(world, download_id, account)
        assert world.downloads.keys == {}

    @pytest.mark.parametrize(
        ("changes", "now"),
        [({}, NOW + MANUAL_LIFETIME), ({"uses_left": 0}, NOW), ({"revoked_at": NOW}, NOW)],
    )
    def test_none_for_a_download_that_is_over(self, world, changes, now) -> None:
        download = a_download(**changes)
        world.downloads.add(download)
        with pytest.raises(Gone):
            make_key(world, download.id, now=now)
        assert world.downloads.keys == {}

    def test_none_for_a_download_that_is_spent_meanwhile(self, world) -> None:
        download = a_download()
        world.downloads.add(download)

        def spent_by_a_rival() -> None:
            world.downloads.records[download.id] = replace(download, uses_left=0)

        world.downloads.before("make_key_current", spent_by_a_rival)
        with pytest.raises(Gone):
            make_key(world, download.id)
        assert world.downloads.keys == {}
