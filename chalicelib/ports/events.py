"""The audit log: what it is made from, and where it is kept."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.chain import Entry, Head
from chalicelib.domain.event import About, Event, Note
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Page, Position
from chalicelib.ports.changes import Change

MOST_ENTRIES = 99  # that `append` takes at once


class HeadMoved(Exception):
    """Another has appended to this chain: read its head again."""


class EventsKnown(Exception):
    """Some of these events are in the log already. Nothing was appended."""

    def __init__(self, ids: Collection[str]) -> None:
        super().__init__(sorted(ids))
        self.ids = frozenset(ids)


class EventStore(Protocol):
    def head(self, account_id: AccountId) -> Head:
        """As of now. Of an account without events: the head of an empty chain."""

    def append(self, before: Head, entries: Sequence[Entry], after: Head, signature: bytes) -> None:
        """All of them with the new head, or nothing, in one write.

        Raises HeadMoved when the head is `before` no more, or EventsKnown.
        """

    def page(self, account_id: AccountId, about: About | None, limit: int, after: Position | None) -> Page[Entry]:
        """Newest first; reads no more entries than it returns. May lag behind `head` by moments."""


class NoteStore(Protocol):
    def add(self, note: Note, now: datetime) -> None:
        """Once this has returned, the event will be in the log."""


EventReader = Callable[[Change], Sequence[Event]]
"""What the log is to say of a change: the same events with the same ids however often it is asked."""

HeadSigner = Callable[[bytes], bytes]
"""A MAC that nobody else can make."""
