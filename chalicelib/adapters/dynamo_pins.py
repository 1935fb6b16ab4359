"""The tries at a PIN, in its holder's own record. Each is counted by one conditional write, before it is checked.

They are a set of ids and not a number: botocore may send a write again when the answer to it was lost, and then it
must neither count twice nor lock out whose fifth try it was.
"""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_authors import user_key
from chalicelib.adapters.dynamo_downloads import download_key
from chalicelib.adapters.dynamo_table import (
    Item,
    Key,
    MetadataTable,
    condition_failed,
    optional_moment,
    standing_item,
    timestamp,
)
from chalicelib.adapters.dynamo_verifiers import verifier_from
from chalicelib.domain.errors import Busy
from chalicelib.domain.pin import LOCKED_FOR, MAX_TRIES, PinHolder, PinVerifier, Tries, pin_locked

_KEYS = {"user": user_key, "download": download_key}
_ATTEMPTS = 5
_OPEN = "attribute_exists(pin) AND (attribute_not_exists(pin_tries) OR size(pin_tries) < :most)"
_LOCK_OVER = "attribute_exists(pin) AND size(pin_tries) >= :most AND pin_tried_at <= :began"


class DynamoPinTries:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def count(self, holder: PinHolder, try_id: str, now: datetime) -> PinVerifier | None:
        lock_is_over = False  # supposed; a refusal tells how it is
        for _ in range(_ATTEMPTS):
            try:
                item = self._add(_key(holder), try_id, now, lock_is_over=lock_is_over)
            except ClientError as error:
                if not condition_failed(error):
                    raise
                standing = standing_item(error) or {}
                tries = _tries_from(standing)
                if "pin" in standing and try_id not in tries.ids:
                    if until := tries.locked_until(now):
                        raise pin_locked(until, now) from error
                    lock_is_over = tries.are_used_up
                    continue
                item = standing  # no PIN, or our own write: its answer was lost, and botocore tried again
            return verifier_from(item.get("pin"))
        raise Busy(reason="the tries at a PIN kept changing", retry_after_seconds=1)

    def take_back(self, holder: PinHolder, try_id: str) -> None:
        change, condition = "DELETE pin_tries :tries", "contains(pin_tries, :id)"
        self._table.try_update(_key(holder), change, condition, id=try_id, tries={try_id})

    def forget(self, holder: PinHolder, version: str) -> None:
        condition = "pin.#version = :version"  # else the tries are at another PIN
        change, names = "REMOVE pin_tries, pin_tried_at", {"#version": "version"}
        self._table.try_update(_key(holder), change, condition, names, version=version)

    def _add(self, key: Key, try_id: str, now: datetime, *, lock_is_over: bool) -> Item:
        given: dict[str, Any] = {"try": {try_id}, "now": timestamp(now), "most": MAX_TRIES}
        if lock_is_over:
            given["began"] = timestamp(now - LOCKED_FOR)
            return self._table.update(key, "SET pin_tries = :try, pin_tried_at = :now", _LOCK_OVER, **given)
        return self._table.update(key, "ADD pin_tries :try SET pin_tried_at = :now", _OPEN, **given)


def _key(holder: PinHolder) -> Key:
    return _KEYS[holder.kind](holder.id)


def _tries_from(item: Item) -> Tries:
    return Tries(frozenset(item.get("pin_tries", ())), optional_moment(item.get("pin_tried_at")))
