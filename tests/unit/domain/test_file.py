"""The rules of a file's life, one by one. test_file_life.py walks through all of them at random."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.domain.file import PENDING_LIMIT, PENDING_SILENCE, TRASH_RETENTION, Shelf, Status, object_key
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import Multipart
from tests.support.builders import NOW, a_file, a_ready_file

KEY = WrappedKey("arn", b"blob")
PLAN = Multipart("upload", 5, False, 10)
LATER = NOW + timedelta(hours=3)


def test_a_ready_file_pins_its_version_keeps_its_key_and_forgets_the_upload() -> None:
    ready = a_file(wrapped_key=KEY, multipart=PLAN).made_ready("v7", LATER)
    assert (ready.status, ready.object_version, ready.settled_at) == (Status.READY, "v7", LATER)
    assert ready.wrapped_key == KEY
    assert ready.multipart is None


def test_a_rejected_file_says_why_and_loses_its_key() -> None:
    rejected = a_file(wrapped_key=KEY, multipart=PLAN).rejected("too short", LATER)
    assert (rejected.status, rejected.rejected_reason, rejected.settled_at) == (Status.REJECTED, "too short", LATER)
    assert rejected.wrapped_key is None
    assert rejected.multipart is None
    assert rejected.object_version is None


@pytest.mark.parametrize("status", [Status.READY, Status.REJECTED])
def test_what_is_settled_stays_settled(status: Status) -> None:
    settled = a_file(status=status)
    with pytest.raises(Conflict):
        settled.made_ready("v2", NOW)
    with pytest.raises(Conflict):
        settled.rejected("late", NOW)


def test_a_file_that_is_being_purged_moves_nowhere_but_out() -> None:
    purging = a_file(wrapped_key=KEY).purging(NOW)
    for move in (
        lambda: purging.made_ready("v1", NOW),
        lambda: purging.rejected("x", NOW),
        lambda: purging.trashed(NOW),
        purging.restored,
    ):
        with pytest.raises(Conflict):
            move()
    assert purging.purging(LATER) is purging


def test_purging_drops_the_wrapped_key_first() -> None:
    assert a_ready_file(wrapped_key=KEY).purging(NOW).wrapped_key is None


@pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED])
def test_only_a_ready_file_can_be_trashed(status: Status) -> None:
    with pytest.raises(Conflict):
        a_file(status=status).trashed(NOW)


def test_trash_and_back() -> None:
    ready = a_ready_file()
    trashed = ready.trashed(LATER)
    assert trashed.trashed_at == LATER
    assert trashed.trashed(LATER + timedelta(days=1)) is trashed  # the first time counts
    assert trashed.restored() == ready


@pytest.mark.parametrize(
    ("file", "shelf"),
    [
        (a_file(), Shelf.PENDING),
        (a_ready_file(), Shelf.READY),
        (a_file(status=Status.REJECTED), Shelf.REJECTED),
        (a_ready_file(trashed_at=NOW), Shelf.TRASHED),
        (a_ready_file(trashed_at=NOW, purging_at=NOW), None),
        (a_file(purging_at=NOW), None),
    ],
)
def test_a_file_lies_on_one_shelf(file, shelf) -> None:
    assert file.shelf is shelf


class TestWhenTheSweepHasSomethingToDo:
    def test_pending_a_day_after_the_last_sign_of_life(self) -> None:
        assert a_file(alive_at=LATER).due_at == LATER + PENDING_SILENCE

    def test_pending_at_the_latest_a_week_after_its_start(self) -> None:
        assert a_file(alive_at=NOW + timedelta(days=6, hours=12)).due_at == NOW + PENDING_LIMIT

    def test_pending_at_its_own_expiry_if_that_is_sooner(self) -> None:
        assert a_file(expires_at=NOW + timedelta(minutes=5)).due_at == NOW + timedelta(minutes=5)

    def test_ready_never(self) -> None:
        assert a_ready_file().due_at is None

    def test_ready_at_its_expiry(self) -> None:
        assert a_ready_file(expires_at=LATER).due_at == LATER

    def test_trashed_after_the_retention_or_its_expiry(self) -> None:
        trashed = a_ready_file(trashed_at=NOW)
        assert trashed.due_at == NOW + TRASH_RETENTION
        assert replace(trashed, expires_at=LATER).due_at == LATER

    def test_rejected_after_the_retention(self) -> None:
        assert a_file().rejected("x", LATER).due_at == LATER + TRASH_RETENTION

    def test_purging_at_once(self) -> None:
        assert a_ready_file(trashed_at=NOW, expires_at=NOW).purging(LATER).due_at == LATER


class TestExpiry:
    def test_is_the_first_moment_without_the_file(self) -> None:
        file = a_ready_file(expires_at=LATER)
        just_before = LATER - timedelta(microseconds=1)
        assert (file.has_expired(just_before), file.has_expired(LATER)) == (False, True)
        assert (file.is_visible(just_before), file.is_visible(LATER)) == (True, False)
        assert (file.can_be_downloaded(just_before), file.can_be_downloaded(LATER)) == (True, False)

    def test_purging_hides_at_once(self) -> None:
        assert not a_ready_file(purging_at=NOW).is_visible(NOW)


@pytest.mark.parametrize(
    "file",
    [
        a_file(),
        a_file(status=Status.REJECTED),
        a_ready_file(trashed_at=NOW),
        a_ready_file(purging_at=NOW),
        a_ready_file(expires_at=NOW),
    ],
)
def test_what_cannot_be_downloaded(file) -> None:
    assert not file.can_be_downloaded(NOW)


def test_signs_of_life_never_go_back_and_are_written_at_most_hourly() -> None:
    file = a_file(alive_at=LATER)
    assert file.shows_life(NOW).alive_at == LATER
    assert file.shows_life(LATER + timedelta(hours=1)).alive_at == LATER + timedelta(hours=1)
    assert not file.life_is_stale(LATER + timedelta(minutes=59))
    assert file.life_is_stale(LATER + timedelta(hours=1))


def test_an_object_key_holds_the_id_and_nothing_that_a_user_chose() -> None:
    file = a_file(filename="../../etc/passwd")
    assert file.object_key == object_key(file.id) == f"files/{file.id}"
