"""A consumer of changes: what they mean goes into the audit log, at the end of its account's chain.

(E1) every entry holds its place and the hash of the one before;
(E5) the end of the chain is signed with a key that only this consumer may sign with.
Whatever is told twice, late, or by two at the same time is in the log once: an event's id comes from its change, and
entries are appended together with the new head, or not at all. Interrupted anywhere, it is told again, and goes on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.domain.chain import Head, link
from chalicelib.domain.errors import Busy
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId
from chalicelib.ports import (
    MOST_ENTRIES,
    Change,
    EventReader,
    EventsKnown,
    EventStore,
    HeadMoved,
    HeadSigner,
)

_ATTEMPTS = 20  # others append at the same time; each time that we lose, one of them has won


def record_events(
    changes: Sequence[Change],
    now: datetime,
    *,
    kept_for: timedelta,
    read_events: EventReader,
    events: EventStore,
    sign_head: HeadSigner,
) -> Sequence[Head]:
    """The ends of the chains that grew, for a log that whoever can write the table cannot.

    Raises Busy when others keep appending to the same chain.
    """
    by_account: dict[AccountId, list[Event]] = {}
    for change in changes:
        for event in read_events(change):
            by_account.setdefault(event.account_id, []).append(event)
    heads = []
    for account_id, waiting in by_account.items():
        for start in range(0, len(waiting), MOST_ENTRIES):
            together = waiting[start : start + MOST_ENTRIES]
            heads += _append(account_id, together, now + kept_for, events, sign_head)
    return heads


def _append(
    account_id: AccountId, waiting: list[Event], kept_until: datetime, events: EventStore, sign_head: HeadSigner
) -> list[Head]:
    for _ in range(_ATTEMPTS):
        before = events.head(account_id)
        entries, after = link(before, waiting, kept_until.date())
        try:
            events.append(before, entries, after, sign_head(after.message))
        except HeadMoved:
            continue
        except EventsKnown as known:
            waiting = [event for event in waiting if event.id not in known.ids]
            if not waiting:
                return []
        else:
            return [after]
    raise Busy(reason="others keep appending to this chain", retry_after_seconds=1)
