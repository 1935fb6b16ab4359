"""POST /downloads and its keys."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.download import MANUAL_LIFETIME, MAX_LIFETIME
from chalicelib.domain.errors import Conflict, Gone, Invalid, NotFound
from chalicelib.domain.file import Status
from chalicelib.domain.pin import clean_pin
from chalicelib.domain.secret import hash_secret, looks_like_secret
from chalicelib.services.create_download import NewDownload, create_download, create_download_key, revoke_download
from chalicelib.services.perform_download import find_download_key, perform_download, resume_download
from tests.support.builders import (
    BOB_ID,
    BOBS,
    NOW,
    PIN,
    a_download,
    a_file,
    a_ready_file,
    a_temporary_key,
    a_user,
    granting,
    keying,
    new_id,
    performing,
    resuming,
    stored,
    verifier_for,
)
from tests.support.fakes import FakeWorld

OWNER = a_user()


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def create(world: FakeWorld, *file_ids: str, **more):
    return create_download(OWNER, NewDownload(file_ids=file_ids, **more), NOW, **granting(world))


def make_key(world: FakeWorld, download_id: str, user=OWNER, now=NOW, pin_key=None):
    return create_download_key(user, download_id, pin_key, now, **keying(world))


class TestDownload:
    def test_one_use_and_a_minute(self, world) -> None:
        files = [stored(world, a_ready_file()) for _ in range(2)]
        download = create(world, *(file.id for file in files))
        assert world.downloads.find(download.id) == download
        assert (download.uses_left, download.expires_at) == (1, NOW + timedelta(seconds=60))
        assert download.file_ids == tuple(file.id for file in files)
        assert (download.account_id, download.sender, download.key_hash) == (OWNER.account_id, OWNER.author, None)

    def test_as_often_and_as_long_as_it_says(self, world) -> None:
        file, until = stored(world, a_ready_file()), NOW + MAX_LIFETIME
        download = create(world, file.id, max_downloads=3, expires_at=until, pin=clean_pin(PIN))
        assert (download.uses_left, download.expires_at) == (3, until)
        assert download.pin
        assert world.pin_hasher.matches(clean_pin(PIN), download.pin_holder, download.pin)
        assert world.downloads.find(download.id) == download

    @pytest.mark.parametrize(
        ("expires_at", "words"),
        [(NOW, "has passed"), (NOW + MAX_LIFETIME + timedelta(microseconds=1), "within 90 days")],
    )
    def test_an_expiry_out_of_bounds(self, world, expires_at, words: str) -> None:
        with pytest.raises(Invalid) as refusal:
            create(world, stored(world, a_ready_file()).id, expires_at=expires_at)
        [(field, [reason])] = refusal.value.errors.items()
        assert field == "expires_at"
        assert words in reason

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
        for download_id, user in ((download.id, a_user(account_id=BOBS)), (new_id(), OWNER), ("x", OWNER)):
            with pytest.raises(NotFound):
                make_key(world, download_id, user)
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


class TestThePinKey:
    """Who has a PIN shows a key that it bought; whatever is wrong with it, the words are the same."""

    WRONG = {"pinKey": ["Pin key does not exists"]}  # noqa: RUF012 - read only

    @pytest.fixture
    def download(self, world) -> str:
        download = a_download()
        world.downloads.add(download)
        return download.id

    @pytest.fixture
    def alice(self, world):
        return replace(OWNER, pin=verifier_for(world, OWNER.pin_holder))

    def refused(self, world, download: str, user, pin_key: str | None) -> dict:
        with pytest.raises(Invalid) as refusal:
            make_key(world, download, user, pin_key=pin_key)
        assert world.downloads.keys == {}
        return dict(refusal.value.errors)

    def test_a_good_one(self, world, download, alice) -> None:
        assert make_key(world, download, alice, pin_key=a_temporary_key(world, alice))

    def test_it_is_good_for_an_hour_and_for_many_downloads(self, world, alice) -> None:
        text = a_temporary_key(world, alice, expires_at=NOW + timedelta(microseconds=1))
        for _ in range(2):
            download = a_download()
            world.downloads.add(download)
            assert make_key(world, download.id, alice, pin_key=text)

    def test_none_at_all(self, world, download, alice) -> None:
        [(field, [words])] = self.refused(world, download, alice, None).items()
        assert field == "pinKey"
        assert "POST /api/keys" in words

    @pytest.mark.parametrize("text", ["", "x", "a" * 43, "a" * 44, "\u00e9" * 43, "1a2s3d"])
    def test_k2_a_made_up_one(self, world, download, alice, text: str) -> None:
        assert self.refused(world, download, alice, text) == self.WRONG

    def test_k2_one_that_has_expired(self, world, download, alice) -> None:
        assert self.refused(world, download, alice, a_temporary_key(world, alice, expires_at=NOW)) == self.WRONG

    def test_k2_another_users(self, world, download, alice) -> None:
        bob = a_user(id=BOB_ID)
        bob = replace(bob, pin=verifier_for(world, bob.pin_holder))
        assert self.refused(world, download, alice, a_temporary_key(world, bob)) == self.WRONG

    def test_k3_of_a_pin_that_was_replaced_or_removed(self, world, download, alice) -> None:
        old = a_temporary_key(world, alice)
        renewed = replace(alice, pin=verifier_for(world, alice.pin_holder))
        assert self.refused(world, download, renewed, old) == self.WRONG
        assert self.refused(world, download, OWNER, old) == self.WRONG
        assert make_key(world, download, OWNER), "who has no PIN needs none"

    def test_a_dropped_one(self, world, download, alice) -> None:
        text = a_temporary_key(world, alice)
        world.temporary_keys.remove(hash_secret(text), alice.id, NOW)
        assert self.refused(world, download, alice, text) == self.WRONG

    def test_what_cannot_be_a_key_costs_no_look_up(self, world, download, alice) -> None:
        self.refused(world, download, alice, "short")
        assert "find" not in world.temporary_keys.calls

    def test_o3_anothers_download_is_no_download_whatever_the_pin_key(self, world, alice) -> None:
        theirs = a_download(account_id=BOBS)
        world.downloads.add(theirs)
        for pin_key in (None, "x", a_temporary_key(world, alice)):
            with pytest.raises(NotFound):
                make_key(world, theirs.id, alice, pin_key=pin_key)


class TestRevoke:
    def test_key_and_session_end_at_once(self, world) -> None:
        download = create(world, stored(world, a_ready_file()).id, max_downloads=3)
        text, _ = make_key(world, download.id)
        key = find_download_key(text, downloads=world.downloads)
        session = perform_download(key, NOW, **performing(world)).session
        for _ in range(2):
            revoke_download(OWNER.account_id, download.id, NOW, downloads=world.downloads)
        for attempt in (
            lambda: perform_download(key, NOW, **performing(world)),
            lambda: resume_download(key, session, NOW, **resuming(world)),
            lambda: make_key(world, download.id),
        ):
            with pytest.raises(Gone):
                attempt()

    def test_a_mails_ends_with_its_mail(self, world) -> None:
        download = a_download(stored(world, a_ready_file()), mail_id=new_id())
        world.downloads.add(download)
        with pytest.raises(Conflict, match="revoke the mail"):
            revoke_download(OWNER.account_id, download.id, NOW, downloads=world.downloads)
        assert world.downloads.find(download.id) == download
