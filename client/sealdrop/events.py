"""The account's audit log, and the proof that nothing of it was removed, altered or moved.

An event's hash is the SHA-256 of its JSON without `hash`, as RFC 8785 writes it: keys sorted, no spaces, UTF-8. Each
holds the hash of the one before it, its own place, and until when the log keeps either.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from sealdrop import fields
from sealdrop.errors import BadAnswer, UsageError
from sealdrop.fields import Json

FIRST = "0" * 64  # what the first event follows
_HASH_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, when and from where, and how it ended. `subject` holds ids by kind, `outcome` is ok or a code."""

    id: str
    sequence: int  # from 1, without a gap
    type: str
    at: datetime
    actor: str  # user, performer, operator, system:event, system:mail, system:sweep, unknown
    user_id: str | None
    token_id: str | None
    ip: str | None
    request_id: str | None
    outcome: str
    subject: dict[str, str]
    detail: dict[str, Any]
    kept_until: date
    previous: str
    previous_kept_until: date | None
    hash: str
    intact: bool  # its hash is that of its fields; whether it is in its place is for `verify` to say

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            id=fields.take(record, "id", str),
            sequence=fields.size(record, "sequence"),
            type=fields.take(record, "type", str),
            at=fields.moment(record, "at"),
            actor=fields.take(record, "actor", str),
            user_id=fields.optional(record, "user_id", str),
            token_id=fields.optional(record, "token_id", str),
            ip=fields.optional(record, "ip", str),
            request_id=fields.optional(record, "request_id", str),
            outcome=fields.take(record, "outcome", str),
            subject=fields.strings(record, "subject"),
            detail=dict(fields.take(record, "detail", dict)),
            kept_until=_day(record, "kept_until"),
            previous=fields.take(record, "previous", str),
            previous_kept_until=None
            if record.get("previous_kept_until") is None
            else _day(record, "previous_kept_until"),
            hash=fields.take(record, "hash", str),
            intact=record.get("hash") == _hash_of(record),
        )


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The newest event at some time: remembered, it proves later that nothing up to it was changed."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Self:
        sequence, _, seen = text.partition(":")
        if not sequence.isdecimal() or len(seen) != _HASH_LENGTH:
            raise UsageError("that is not the end of a chain: it is SEQUENCE:HASH, as --verify printed it")
        return cls(int(sequence), seen)


@dataclass(frozen=True, slots=True)
class Verified:
    """What following the chain found. `problems` is empty when it is sound."""

    count: int
    end: ChainEnd
    problems: tuple[str, ...]


def verify(newest_first: Iterable[Event], known: ChainEnd | None, today: date) -> Verified:
    """Follow a whole chain from its newest event to the oldest that is kept."""
    count, problems = 0, list[str]()
    end, newer, found = ChainEnd(0, FIRST), None, known is None
    for event in newest_first:
        count += 1
        if newer is None:
            end = ChainEnd(event.sequence, event.hash)
        else:
            problems += _between(event.sequence, event.hash, newer, today)
        if not event.intact:
            problems.append(f"Event {event.sequence} was altered.")
        if known and event.sequence == known.sequence:
            found = True
            if event.hash != known.hash:
                problems.append(f"Event {event.sequence} is not the one that was there once.")
        newer = event
    if newer is not None:
        problems += _between(0, FIRST, newer, today)
    if known and not found and known.sequence > end.sequence:
        problems.append(f"Event {known.sequence} was there once, and the log ends before it.")
    return Verified(count, end, tuple(problems))


def _between(sequence: int, seen: str, newer: Event, today: date) -> list[str]:
    """What is wrong between an event and the next newer one."""
    if newer.sequence <= sequence:
        return [f"Event {sequence} stands behind event {newer.sequence}."]
    if newer.sequence == sequence + 1:
        follows = newer.previous == seen
        return [] if follows else [f"Event {newer.sequence} does not follow from event {sequence}."]
    if newer.previous_kept_until and newer.previous_kept_until < today:
        return []  # they were due
    return [f"Events {sequence + 1} to {newer.sequence - 1} are missing."]


def _hash_of(record: Json) -> str:
    rest = {name: value for name, value in record.items() if name != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _day(record: Json, name: str) -> date:
    try:
        return date.fromisoformat(fields.take(record, name, str))
    except ValueError:
        raise BadAnswer(f"the answer's {name} is not a day") from None
