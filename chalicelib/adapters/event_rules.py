"""What a change of a record means to the audit log.

An event is read off the change itself, never told beside it: so there is none without its effect and no effect without
its event, also where somebody writes to the table past the service. Only who did it is taken from the record's mark
(dynamo_touch.py), and only from one that this very write put there.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.adapters.dynamo_notes import PREFIX as NOTE
from chalicelib.adapters.dynamo_touch import TOUCHED
from chalicelib.domain.act import Act, Actor
from chalicelib.domain.event import OK, Detail, Event, EventType, Subject
from chalicelib.domain.ids import AccountId, TokenId, UserId, uuid_from_digest
from chalicelib.ports import Change, Item

_ABSENT: Item = {}
Test = Callable[[Item, Item], bool]  # of the record before and after; _ABSENT where there was, or is, none


@dataclass(frozen=True)
class Rule:
    type: EventType
    when: Test
    files: str = ""  # the attribute that lists the files it is about: one event for each
    detail: Callable[[Item], Detail] = lambda _: {}


def read_events(change: Change) -> Sequence[Event]:
    """In the order of the rules. Ids are made from the change's, so that what is told twice is one event."""
    prefix, _, record_id = change.pk.partition("#")
    if change.expired or prefix not in {*RULES, NOTE} or change.sk != prefix:  # such as an account's counters
        return []
    before, after = change.old or _ABSENT, change.new or _ABSENT
    standing = after or before
    told = _noted(after) if prefix == NOTE else _meant(prefix, record_id, before, after)
    owner = AccountId(standing.get("account_id", record_id))
    mark = _mark(change)
    return [
        Event(
            id=uuid_from_digest(hashlib.sha256(f"{change.id}#{number}".encode()).digest()),
            account_id=(account_id := _whose(one.type, owner, mark)),
            act=_act(change, mark, account_id),
            type=one.type,
            outcome=one.outcome,
            subject=one.subject,
            detail=one.detail,
        )
        for number, one in enumerate(told)
    ]


@dataclass(frozen=True)
class _Told:
    type: EventType
    subject: Subject
    detail: Detail
    outcome: str = OK


def _meant(prefix: str, record_id: str, before: Item, after: Item) -> list[_Told]:
    told = []
    standing = after or before
    own = {_KINDS.get(prefix, prefix.lower()): record_id} if prefix not in _NAMED_BY_A_SECRET else {}
    subject = {**own, **_further(standing)}
    for rule in RULES[prefix]:
        if rule.when(before, after):
            detail = rule.detail(after)
            told += [_Told(rule.type, one, detail) for one in _of_each(subject, standing.get(rule.files, ()))]
    return told


_KINDS = {"INBOX": "mail"}  # where a subject is not of the record's own kind
_ONLY_BY_USERS = {EventType.DOWNLOAD_KEYED}  # of a mail's recipients: the others have a link
_NAMED_BY_A_SECRET = {"TEMPORARYKEY"}  # by its hash, which is nobody's business


def _noted(note: Item) -> list[_Told]:
    """A note says itself what it means; when it goes, it has been read long since."""
    if not note:
        return []
    subjects = _of_each(note["subject"], note["file_ids"])
    return [_Told(EventType(note["type"]), one, note["detail"], note["outcome"]) for one in subjects]


def _further(standing: Item) -> dict[str, str]:
    """Whose token it is; which mail a download belongs to, which download a mail has."""
    kinds = {"user_id": "user", "mail_id": "mail", "download_id": "download", "webhook_id": "webhook"}
    return {kind: standing[name] for name, kind in kinds.items() if standing.get(name)}


def _of_each(subject: Subject, file_ids: Sequence[str]) -> list[Subject]:
    return [{**subject, "file": file_id} for file_id in file_ids] or [subject]


def _mark(change: Change) -> Mapping[str, Any]:
    """When it is this write's own: one that stood there before is not, nor is that of what has gone."""
    mark: Mapping[str, Any] = (change.new or _ABSENT).get(TOUCHED, _ABSENT)
    return mark if mark != (change.old or _ABSENT).get(TOUCHED) else _ABSENT


def _whose(kind: EventType, owner: AccountId, mark: Mapping[str, Any]) -> AccountId:
    """The record's account, but for what only somebody with an account does to another's record: that is their own to
    know (M3).
    """
    return AccountId(mark.get("account_id", owner)) if kind in _ONLY_BY_USERS else owner


def _act(change: Change, mark: Mapping[str, Any], account_id: AccountId) -> Act:
    """Who acts from another account, as the recipient of a mail does, is a performer to this one: whether they have an
    account here is never told (M3).
    """
    if not mark:
        return Act(actor=Actor.UNKNOWN, at=change.at)
    is_strange = mark.get("account_id", account_id) != account_id
    return Act(
        actor=Actor.PERFORMER if is_strange else Actor(mark["actor"]),
        at=datetime.fromisoformat(mark["at"]),
        user_id=UserId(mark["user_id"]) if "user_id" in mark and not is_strange else None,
        token_id=TokenId(mark["token_id"]) if "token_id" in mark and not is_strange else None,
        ip=mark.get("ip"),
        request_id=mark.get("request_id"),
    )


# --- the tests that rules are made of ---------------------------------------------------------------------------------


def made(before: Item, after: Item) -> bool:
    return not before and bool(after)


def removed(before: Item, after: Item) -> bool:
    return bool(before) and not after


def removed_unless(name: str) -> Test:
    """Removed, and the write before did not say that it would be."""
    return lambda before, after: removed(before, after) and not before.get(name)


def becomes(name: str, value: str) -> Test:
    return lambda before, after: after.get(name) == value != before.get(name)


def gains(*names: str) -> Test:
    return lambda before, after: any(after.get(name) and not before.get(name) for name in names)


def loses(name: str) -> Test:
    return lambda before, after: bool(after) and bool(before.get(name)) and not after.get(name)


def changes(*names: str) -> Test:
    return lambda before, after: bool(before and after) and any(before.get(it) != after.get(it) for it in names)


def replaces(name: str) -> Test:
    return lambda before, after: bool(before.get(name) and after.get(name)) and before[name] != after[name]


def shrinks(name: str) -> Test:
    return lambda before, after: bool(before and after) and len(after[name]) < len(before[name])


def grows(name: str) -> Test:
    return lambda before, after: bool(before and after) and len(after[name]) > len(before[name])


def _says(*names: str) -> Callable[[Item], Detail]:
    return lambda after: {name: after[name] for name in names if after.get(name) is not None}


def _stating(change: str) -> Callable[[Item], Detail]:
    return lambda _: {"change": change}


RULES: Mapping[str, Sequence[Rule]] = {
    "ACCOUNT": [Rule(EventType.ACCOUNT_CREATED, made)],
    "CATEGORY": [
        Rule(EventType.CATEGORY_CREATED, made),
        Rule(EventType.CATEGORY_CHANGED, changes("name", "color")),
        Rule(EventType.CATEGORY_DELETED, gains("removed_at")),
        Rule(EventType.CATEGORY_ERASED, removed_unless("removed_at")),
    ],
    "INBOX": [
        Rule(EventType.INBOX_RECEIVED, made),
        Rule(EventType.INBOX_DELETED, gains("is_removed")),
        Rule(EventType.INBOX_ERASED, removed_unless("is_removed")),
    ],
    "MAIL": [
        Rule(EventType.MAIL_SENT, made, detail=_says("file_count", "expires_at")),
        Rule(EventType.MAIL_DELIVERED, becomes("status", "success")),
        Rule(EventType.MAIL_FAILED, becomes("status", "failed")),
        Rule(EventType.MAIL_OPENED, gains("opened_at")),
        Rule(EventType.MAIL_REMINDED, gains("reminded_at")),
        Rule(EventType.MAIL_REVOKED, gains("revoked_at")),
        Rule(EventType.MAIL_ERASED, removed),
    ],
    "TEMPORARYKEY": [
        Rule(EventType.KEY_BOUGHT, made, detail=_says("expires_at")),
        Rule(EventType.KEY_DROPPED, gains("dropped_at")),
        Rule(EventType.KEY_ERASED, removed_unless("dropped_at")),
    ],
    "USER": [
        Rule(EventType.USER_CREATED, made),
        Rule(EventType.USER_CHANGED, changes("email", "name", "timezone")),
        Rule(EventType.PIN_CHANGED, gains("pin"), detail=_stating("made")),
        Rule(EventType.PIN_CHANGED, replaces("pin"), detail=_stating("replaced")),
        Rule(EventType.PIN_CHANGED, loses("pin"), detail=_stating("removed")),
        Rule(EventType.USER_ERASED, gains("erased_at")),
        Rule(EventType.USER_ERASED, removed_unless("erased_at")),
    ],
    "TOKEN": [
        Rule(EventType.TOKEN_CREATED, made, detail=lambda after: {"scopes": " ".join(sorted(after["scopes"]))}),
        Rule(EventType.TOKEN_REVOKED, gains("revoked_at")),
        Rule(EventType.TOKEN_ERASED, removed_unless("revoked_at")),
    ],
    "WEBHOOK": [
        Rule(EventType.WEBHOOK_CREATED, made, detail=lambda after: {"types": " ".join(after["types"])}),
        Rule(EventType.WEBHOOK_DELETED, gains("removed_at")),
        Rule(EventType.WEBHOOK_ERASED, removed_unless("removed_at")),
    ],
    "DELIVERY": [Rule(EventType.WEBHOOK_REDELIVERED, changes("ordered_at"))],
    "FILE": [
        Rule(EventType.FILE_CREATED, made, detail=_says("encryption_mode", "size_bytes")),
        Rule(EventType.FILE_READY, becomes("status", "ready")),
        Rule(EventType.FILE_REJECTED, becomes("status", "rejected"), detail=_says("rejected_reason")),
        Rule(EventType.FILE_CATEGORY_CHANGED, changes("category_id"), detail=_says("category_id")),
        Rule(EventType.FILE_RENAMED, changes("filename")),
        Rule(EventType.FILE_EXPIRY_CHANGED, changes("expires_at"), detail=_says("expires_at")),
        Rule(EventType.FILE_TRASHED, gains("trashed_at")),
        Rule(EventType.FILE_RESTORED, loses("trashed_at")),
        Rule(EventType.FILE_PURGED, gains("purging_at")),
        Rule(EventType.FILE_ERASED, removed_unless("purging_at")),
    ],
    "DOWNLOAD": [
        Rule(EventType.DOWNLOAD_CREATED, made, files="file_ids", detail=_says("expires_at", "uses_left")),
        Rule(EventType.DOWNLOAD_KEYED, changes("key_hash")),
        Rule(EventType.DOWNLOAD_PERFORMED, grows("sessions"), files="released", detail=_says("uses_left")),
        Rule(EventType.DOWNLOAD_RETURNED, shrinks("sessions"), files="released", detail=_says("uses_left")),
        Rule(EventType.DOWNLOAD_REVOKED, gains("revoked_at")),
        Rule(EventType.DOWNLOAD_ERASED, removed),
    ],
}
