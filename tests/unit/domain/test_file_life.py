"""Random walks through a file's life, by several hands at once, beside a model that knows only words and counts.

Each hand reads the record, may be slow, and saves what it made of it. The model says which saves must be refused.
"""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from chalicelib.domain.errors import Conflict
from chalicelib.domain.file import File, Shelf
from chalicelib.domain.page import NEWEST_FIRST
from chalicelib.domain.sealing import WrappedKey
from chalicelib.ports import StaleRecord
from tests.support.builders import ALICES, NOW, a_file
from tests.support.fakes import FakeFiles

# What each move makes of each state, written by hand; absent: refused.
MOVES = {
    "ready": {"pending": "ready"},
    "reject": {"pending": "rejected"},
    "trash": {"ready": "trashed", "trashed": "trashed"},
    "restore": {"pending": "pending", "ready": "ready", "rejected": "rejected", "trashed": "ready"},
    "purge": {
        "pending": "purging",
        "ready": "purging",
        "rejected": "purging",
        "trashed": "purging",
        "purging": "purging",
    },
}
HAS_KEY = {"pending", "ready", "trashed"}


class FileLife(RuleBasedStateMachine):
    snapshots = Bundle("snapshots")

    @initialize(client_mode=st.booleans())
    def create(self, client_mode: bool) -> None:
        self.store = FakeFiles()
        self.client_mode = client_mode
        self.now = NOW
        file = self.store.add(a_file(wrapped_key=WrappedKey("arn", b"blob") if client_mode else None))
        self.id, self.state, self.revision, self.ended = file.id, "pending", 1, False

    @rule(minutes=st.integers(1, 100_000))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(target=snapshots)
    def read(self) -> tuple[File, str] | None:
        found = self.store.find(self.id)
        assert (found is None) == self.ended
        return (found, self.state) if found else None

    @rule(snapshot=snapshots, move=st.sampled_from(sorted(MOVES)))
    def act_on_what_was_read(self, snapshot: tuple[File, str] | None, move: str) -> None:
        if snapshot is None:
            return
        file, state = snapshot
        expected = MOVES[move].get(state)
        if expected is None:
            with pytest.raises(Conflict):
                self._moved(file, move)
            return
        moved = self._moved(file, move)
        if self.ended or file.revision != self.revision:
            with pytest.raises(StaleRecord):
                self.store.save(moved)
            return
        assert self.store.save(moved).revision == self.revision + 1
        self.state, self.revision = expected, self.revision + 1

    @rule(snapshot=consumes(snapshots))
    def forget(self, snapshot: tuple[File, str] | None) -> None:
        """The end of a purge. A hand that holds an old revision ends nothing."""
        if snapshot is None or snapshot[1] != "purging":
            return
        self.store.remove(snapshot[0])
        self.ended = self.ended or snapshot[0].revision == self.revision

    def _moved(self, file: File, move: str) -> File:
        if move == "ready":
            return file.made_ready("v1", self.now)
        if move == "reject":
            return file.rejected("no", self.now)
        if move == "trash":
            return file.trashed(self.now)
        return file.restored() if move == "restore" else file.purging(self.now)

    @invariant()
    def it_lies_on_one_shelf_or_none(self) -> None:
        shelves = [str(shelf) for shelf in Shelf if self.store.list_of(ALICES, shelf, NEWEST_FIRST, 10, None).rows]
        assert shelves == ([] if self.ended or self.state == "purging" else [self.state])

    @invariant()
    def the_record_is_what_the_model_says(self) -> None:
        file = self.store.find(self.id)
        if file is None:
            assert self.ended
            return
        assert file.revision == self.revision
        assert (file.object_version is not None) == (file.status == "ready")
        assert file.can_be_downloaded(self.now) == (self.state == "ready")
        assert file.is_visible(self.now) == (self.state != "purging")

    @invariant()
    def a_wrapped_key_lives_as_long_as_the_file(self) -> None:
        file = self.store.find(self.id)
        if file is not None:
            assert (file.wrapped_key is not None) == (self.client_mode and self.state in HAS_KEY)

    @invariant()
    def the_sweep_sees_what_is_over(self) -> None:
        far = self.now + timedelta(days=60)
        due = set(self.store.due(far))
        assert (self.id in due) == (not self.ended and self.state != "ready")


TestFileLife = FileLife.TestCase
TestFileLife.settings = settings(max_examples=60, stateful_step_count=30)
