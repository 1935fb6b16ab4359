"""Two requests with one Idempotency-Key: one file, one download, nothing half-written, whoever comes between."""

from datetime import timedelta

import pytest

from chalicelib.domain.claim import Claim
from chalicelib.domain.errors import Busy, Gone, NotFound, QuotaExceeded
from chalicelib.domain.file import EncryptionMode, Status
from chalicelib.domain.quota import Quota, Usage
from chalicelib.domain.upload import MIB
from chalicelib.services.create_download import NewDownload, create_download, find_download
from chalicelib.services.create_file import UploadTicket, create_file, find_created
from chalicelib.services.create_once import Created, create_once
from tests.support.builders import (
    ALICES,
    BOBS,
    NOW,
    a_claim,
    a_download,
    a_new_file,
    a_ready_file,
    a_user,
    creating,
    granting,
    new_id,
    stored,
)
from tests.support.fakes import FakeWorld, raises

OWNER = a_user()
CLAIM = a_claim()
CLIENT = EncryptionMode.CLIENT
IN_PARTS = {"size_bytes": 12 * MIB, "part_bytes": 5 * MIB}
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def create(world: FakeWorld, claim: Claim | None = CLAIM, now=NOW, **fields) -> Created[UploadTicket]:
    again = {"files": world.files, "objects": world.objects, "keys": world.keys, "notes": world.notes}
    return create_once(
        claim,
        lambda claimed: create_file(a_new_file(**fields), OWNER, now, claimed, **creating(world)),
        lambda ids: find_created(ALICES, ids[0], now, **again),
        claims=world.claims,
    )


class TestFiles:
    @pytest.mark.parametrize("fields", [{}, {"encryption_mode": CLIENT}, IN_PARTS, IN_PARTS | {"part_checksums": True}])
    def test_the_second_is_the_first_signed_anew(self, world, fields) -> None:
        first, second = create(world, **fields), create(world, now=NOW + HOUR / 2, **fields)
        assert (first.replayed, second.replayed) == (False, True)
        assert second.made.file == first.made.file
        assert second.made.data_key == first.made.data_key
        assert second.made.upload.expires_at == first.made.upload.expires_at + HOUR / 2
        assert type(second.made.upload) is type(first.made.upload)
        assert len(world.files.records) == 1

    def test_nothing_is_kept_but_ids_and_digests(self, world) -> None:
        made = create(world, encryption_mode=CLIENT).made
        [(claim, kept)] = world.claims.kept.values()
        assert made.data_key.hex() not in repr((claim, kept))
        assert kept.resource_ids == (made.file.id,)

    @pytest.mark.parametrize("fields", [{}, IN_PARTS, IN_PARTS | {"encryption_mode": CLIENT}])
    def test_a_rival_between_wins_and_the_loser_leaves_nothing(self, world, fields) -> None:
        won = []
        world.files.before("add", lambda: won.append(create(world, **fields).made))
        lost = create(world, **fields)
        assert lost.replayed
        assert lost.made.file == won[0].file
        assert list(world.files.records) == [won[0].file.id]
        plan = won[0].file.multipart
        assert list(world.objects.uploads) == ([plan.upload_id] if plan else [])
        assert world.quotas.held[ALICES] == Usage(stored_bytes=won[0].file.stored_bytes, files=1)

    def test_an_upload_that_shows_life_again_is_not_swept(self, world) -> None:
        file = create(world).made.file
        again = create(world, now=NOW + timedelta(hours=23)).made.file
        assert again.alive_at == NOW + timedelta(hours=23)
        assert world.files.find(file.id) == again

    def test_a_rival_while_it_shows_life(self, world) -> None:
        """It ends the upload: the answer is the file, as if it had been ready before."""
        file = create(world).made.file
        world.files.before("save", lambda: world.files.save(file.made_ready("v1", NOW)))
        again = create(world, now=NOW + 2 * HOUR)
        assert (again.made, again.replayed) == (UploadTicket(world.files.find(file.id), None, None), True)

    def test_a_file_that_is_ready_comes_as_it_is(self, world) -> None:
        file = create(world).made.file
        ready = world.files.save(file.made_ready("v1", NOW))
        again = create(world)
        assert (again.made, again.replayed) == (UploadTicket(ready, None, None), True)

    def test_so_does_one_that_was_rejected(self, world) -> None:
        file = create(world, encryption_mode=CLIENT).made.file
        world.files.save(file.rejected("4 bytes arrived instead of 5.", NOW))
        again = create(world, encryption_mode=CLIENT).made
        assert (again.file.status, again.upload, again.data_key) == (Status.REJECTED, None, None)

    @pytest.mark.parametrize("end", ["purged", "being purged", "expired"])
    def test_one_that_is_gone_is_not_made_again(self, world, end: str) -> None:
        expires_at = NOW + HOUR if end == "expired" else None
        file = create(world, expires_at=expires_at).made.file
        if end != "expired":
            file = world.files.save(file.purging(NOW))
        if end == "purged":
            world.files.remove(file)
        before = dict(world.files.records)
        with pytest.raises(Gone):
            create(world, now=NOW + 2 * HOUR, expires_at=expires_at)
        assert world.files.records == before

    def test_a_file_that_fills_the_account_is_answered_again(self) -> None:
        world = FakeWorld(quota=Quota(stored_bytes=5, files=1, mails_a_day=0))
        first = create(world)
        assert create(world).made.file == first.made.file
        with pytest.raises(QuotaExceeded):
            create(world, a_claim("another key"))

    def test_trouble_of_which_nothing_is_known_leaves_the_upload_alone(self, world) -> None:
        """The record may stand: then the same key finds it, and its upload must work."""
        world.files.after("add", raises(Busy()))
        with pytest.raises(Busy):
            create(world, **IN_PARTS)
        again = create(world, **IN_PARTS)
        assert again.replayed
        assert again.made.file.multipart.upload_id in world.objects.uploads
        assert len(world.objects.uploads) == 1


def test_q1_a_file_that_does_not_fit_leaves_no_upload_in_parts() -> None:
    world = FakeWorld(quota=Quota(stored_bytes=5 * MIB, files=9, mails_a_day=0))
    with pytest.raises(QuotaExceeded):
        create(world, None, **IN_PARTS)
    assert world.objects.uploads == {}
    assert world.files.records == {}
    assert world.quotas.held[ALICES] == Usage()


def test_o1_what_is_found_again_is_the_accounts_own(world) -> None:
    file, download = stored(world, a_ready_file(account_id=BOBS)), a_download(account_id=BOBS)
    world.downloads.add(download)
    again = {"files": world.files, "objects": world.objects, "keys": world.keys, "notes": world.notes}
    with pytest.raises(NotFound):
        find_created(ALICES, file.id, NOW, **again)
    for download_id in (download.id, new_id(), "..", ""):
        with pytest.raises(NotFound):
            find_download(ALICES, download_id, downloads=world.downloads)


class TestDownloads:
    def grant(self, world: FakeWorld, file_ids: list[str], now=NOW):
        return create_once(
            CLAIM,
            lambda claim: create_download(OWNER, NewDownload(file_ids=file_ids), now, claim, **granting(world)),
            lambda ids: find_download(ALICES, ids[0], downloads=world.downloads),
            claims=world.claims,
        )

    def test_the_second_is_the_first(self, world) -> None:
        file = stored(world, a_ready_file())
        first = self.grant(world, [file.id])
        assert self.grant(world, [file.id]) == Created(first.made, replayed=True)
        assert len(world.downloads.records) == 1

    def test_spent_or_expired_as_it_is(self, world) -> None:
        """A second grant would be a second use."""
        file = stored(world, a_ready_file())
        made = self.grant(world, [file.id]).made
        spent = a_download(file, id=made.id, uses_left=0)
        world.downloads.records[made.id] = spent
        assert self.grant(world, [file.id], NOW + timedelta(hours=23)).made == spent

    def test_also_when_its_file_cannot_be_downloaded_any_more(self, world) -> None:
        file = stored(world, a_ready_file())
        made = self.grant(world, [file.id]).made
        world.files.save(file.trashed(NOW))
        assert self.grant(world, [file.id]).made == made

    def test_a_rival_between_wins(self, world) -> None:
        file = stored(world, a_ready_file())
        won = []
        world.downloads.before("add", lambda: won.append(self.grant(world, [file.id]).made))
        assert self.grant(world, [file.id]) == Created(won[0], replayed=True)
        assert len(world.downloads.records) == 1
