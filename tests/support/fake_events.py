"""The audit log in memory."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.chain import Entry, Head
from chalicelib.domain.event import About, Note
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Page, Position
from chalicelib.ports import EventsKnown, HeadMoved
from tests.support.faults import Fake, port


class FakeNotes(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Note] = []
        self.noted_at: list[datetime] = []

    @port
    def add(self, note: Note, now: datetime) -> None:
        self.noted.append(note)
        self.noted_at.append(now)


class FakeEvents(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.heads: dict[AccountId, Head] = {}
        self.signatures: dict[AccountId, bytes] = {}
        self.entries: list[Entry] = []

    @port
    def head(self, account_id: AccountId) -> Head:
        return self.heads.get(account_id, Head(account_id))

    @port
    def append(self, before: Head, entries: Sequence[Entry], after: Head, signature: bytes) -> None:
        if self.heads.get(before.account_id, Head(before.account_id)) != before:
            raise HeadMoved
        known = {entry.event.id for entry in self.entries} & {entry.event.id for entry in entries}
        if known:
            raise EventsKnown(known)
        self.entries += entries
        self.heads[before.account_id], self.signatures[before.account_id] = after, signature

    @port
    def page(self, account_id: AccountId, about: About | None, limit: int, after: Position | None) -> Page[Entry]:
        rows = [entry for entry in self.entries if entry.event.account_id == account_id and _is_about(entry, about)]
        rows.sort(key=lambda entry: entry.sequence, reverse=True)
        if after:
            rows = [entry for entry in rows if entry.sequence < int(after.value)]
        page = rows[:limit]
        goes_on = Position(str(page[-1].sequence), page[-1].event.id) if len(rows) > limit else None
        return Page(page, goes_on)


def _is_about(entry: Entry, about: About | None) -> bool:
    if about is None:
        return True
    if about.kind == "type":
        return entry.event.type == about.value
    return entry.event.subject.get(about.kind) == about.value
