"""The chain of an account's events: each holds its place and the hash of the one before, so that what is removed,
altered or moved shows.

An event's hash is the SHA-256 of its entry as canonical JSON (RFC 8785: keys sorted, no spaces, UTF-8): exactly the
object that `GET /api/events` answers, without `hash`. An entry is kept until a day that it names, and names that of
the entry before: so a missing entry is either due, or was taken.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from chalicelib.domain.act import Act, Actor
from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.moments import rfc3339

GENESIS = "0" * 64  # what the first entry follows
_HEAD_LABEL = b"sealdrop events head 1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in its place."""

    event: Event
    sequence: int  # from 1, without a gap
    kept_until: date  # the last day on which the log must have it
    previous: str  # hash of the entry before
    previous_kept_until: date | None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain."""

    account_id: AccountId
    sequence: int = 0
    hash: str = GENESIS
    kept_until: date | None = None

    @property
    def message(self) -> bytes:
        """What is signed: whoever can write the table, and no more, cannot make a chain of their own."""
        told = {"account_id": self.account_id, "hash": self.hash, "sequence": self.sequence}
        return _HEAD_LABEL + _canonical(told)


def link(head: Head, events: Sequence[Event], kept_until: date) -> tuple[list[Entry], Head]:
    """Entries for these events, behind the head, and the head that they make."""
    entries = []
    for event in events:
        entry = Entry(
            event=event,
            sequence=head.sequence + 1,
            kept_until=kept_until,
            previous=head.hash,
            previous_kept_until=head.kept_until,
        )
        entry = replace(entry, hash=hash_of(entry))
        entries.append(entry)
        head = Head(head.account_id, entry.sequence, entry.hash, entry.kept_until)
    return entries, head


def hash_of(entry: Entry) -> str:
    return hashlib.sha256(_canonical(fields_of(entry))).hexdigest()


def breaks(entries: Iterable[Entry], head: Head, today: date) -> Iterator[str]:
    """What is wrong with a whole chain, in words, its entries given from the oldest on; nothing when it is sound."""
    before = Head(head.account_id)
    for entry in entries:
        yield from _wrong_with(entry, before, today)
        before = Head(entry.event.account_id, entry.sequence, entry.hash, entry.kept_until)
    if before.sequence > head.sequence:
        yield f"The head says that event {head.sequence} is the last, and there is event {before.sequence}."
    elif before.sequence < head.sequence:
        if not _is_due(head.kept_until, today):
            yield f"Events {before.sequence + 1} to {head.sequence} are missing."
    elif before.hash != head.hash:
        yield f"Event {head.sequence} is not the one that the head was made for."


def _wrong_with(entry: Entry, before: Head, today: date) -> Iterator[str]:
    number = entry.sequence
    if entry.hash != hash_of(entry) or entry.event.account_id != before.account_id:
        yield f"Event {number} was altered."
    if number <= before.sequence:
        yield f"Event {number} stands behind event {before.sequence}."
    elif number > before.sequence + 1:
        if not _is_due(entry.previous_kept_until, today):
            yield f"Events {before.sequence + 1} to {number - 1} are missing."
    elif entry.previous != before.hash:
        yield f"Event {number} does not follow from event {before.sequence}."


def _is_due(kept_until: date | None, today: date) -> bool:
    return kept_until is not None and kept_until < today


def fields_of(entry: Entry) -> dict[str, Any]:
    """What is hashed, and answered: plain JSON values."""
    event, act = entry.event, entry.event.act
    return {
        "account_id": event.account_id,
        "actor": str(act.actor),
        "at": rfc3339(act.at),
        "detail": dict(event.detail),
        "id": event.id,
        "ip": act.ip,
        "kept_until": entry.kept_until.isoformat(),
        "outcome": event.outcome,
        "previous": entry.previous,
        "previous_kept_until": entry.previous_kept_until.isoformat() if entry.previous_kept_until else None,
        "request_id": act.request_id,
        "sequence": entry.sequence,
        "subject": dict(event.subject),
        "token_id": act.token_id,
        "type": str(event.type),
        "user_id": act.user_id,
    }


def entry_from(text: str, stored_hash: str) -> Entry:
    """Raises ValueError, KeyError or TypeError for what `text_of` cannot have written."""
    told = json.loads(text)
    act = Act(
        actor=Actor(told["actor"]),
        at=datetime.fromisoformat(told["at"]),
        user_id=UserId(told["user_id"]) if told["user_id"] else None,
        token_id=TokenId(told["token_id"]) if told["token_id"] else None,
        ip=told["ip"],
        request_id=told["request_id"],
    )
    event = Event(
        id=told["id"],
        account_id=AccountId(told["account_id"]),
        type=told["type"],
        act=act,
        outcome=told["outcome"],
        subject=told["subject"],
        detail=told["detail"],
    )
    before = told["previous_kept_until"]
    return Entry(
        event=event,
        sequence=told["sequence"],
        kept_until=date.fromisoformat(told["kept_until"]),
        previous=told["previous"],
        previous_kept_until=date.fromisoformat(before) if before else None,
        hash=stored_hash,
    )


def text_of(entry: Entry) -> str:
    """What is stored, and what the hash is of."""
    return _canonical(fields_of(entry)).decode()


def _canonical(told: Any) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
