"""What an account holds, counted in sixteen purses, so that creations at the same time seldom meet.

DynamoDB cancels one of two transactions that change one item at the same time, so a single counter carries some twenty
creations a second. A purse counts what is charged to it, and holds room for more; all their counts and rooms together
are the limit. A file takes room from the purse of its id, and its end returns it there. Where a purse lacks room, what
is left in all of them is divided anew, in one transaction with the charge: it is refused only when all together lack
it. docs/decisions/0050-quotas-in-purses.md has the numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.dynamo_table import Item, Key, KeyOfId, MetadataTable
from chalicelib.adapters.dynamo_transaction import Write, put, update
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage

OwnLimits = Mapping[str, int]  # of one account, by the names of Quota's fields; the default's where absent

PURSES = range(16)
_key = KeyOfId("PURSE", "PURSE")


@dataclass(frozen=True, slots=True)
class Purse:
    used: Usage
    changes: int  # counts all that was done to it; 0: it is not there yet


def purse_of(resource_id: str) -> int:
    """By the first digit of a UUID, which is random."""
    return int(resource_id[0], 16)


def purse_key(account_id: AccountId, purse: int) -> Key:
    return _key(f"{account_id}#{purse}")


def purse_from(item: Item | None) -> Purse:
    if item is None:
        return Purse(Usage(), 0)
    return Purse(Usage(stored_bytes=item["stored_bytes"], files=item["files"]), item["changes"])


def take(table: MetadataTable, account_id: AccountId, purse: int, more: Usage, quota: Quota) -> Write:
    """Its condition holds when the rooms were divided for this quota, and this one has enough."""
    conditions = ["bytes_limit = :bytes_limit", "files_limit = :files_limit"]
    conditions += ["bytes_room >= :bytes"] if more.stored_bytes else []
    conditions += ["files_room >= :files"] if more.files else []
    limits = {"bytes_limit": quota.stored_bytes, "files_limit": quota.files}
    return _move(table, account_id, purse, more, " AND ".join(conditions), **limits)


def give_back(table: MetadataTable, account_id: AccountId, purse: int, less: Usage) -> Write:
    """For the transaction that ends a record: it ends once, so this is given back once."""
    return _move(table, account_id, purse, Usage(stored_bytes=-less.stored_bytes, files=-less.files), None)


def settle(
    table: MetadataTable,
    account_id: AccountId,
    read: Sequence[Purse],
    used: Sequence[Usage],
    quota: Quota,
    own_limits: OwnLimits,
) -> list[Write]:
    """Let the purses count `used`, and divide evenly among them what that leaves of the quota.

    Their conditions hold when nothing has changed since the purses were read. Where more is used than the quota allows
    nothing is divided, and every charge has to come back here until there is something.
    """
    total = sum(used, Usage())
    bytes_left, files_left = quota.stored_bytes - total.stored_bytes, quota.files - total.files
    divided = bytes_left >= 0 and files_left >= 0
    writes = []
    for at in PURSES:
        pk, sk = purse_key(account_id, at)
        item = {
            "pk": pk,
            "sk": sk,
            "stored_bytes": used[at].stored_bytes,
            "files": used[at].files,
            "bytes_room": _share(bytes_left, at) if divided else 0,
            "files_room": _share(files_left, at) if divided else 0,
            "bytes_limit": quota.stored_bytes if divided else None,
            "files_limit": quota.files if divided else None,
            "changes": read[at].changes + 1,
            "quota": dict(own_limits) if own_limits and at == 0 else None,
        }
        if read[at].changes:
            writes.append(put(table, item, "changes = :read", read=read[at].changes))
        else:
            writes.append(put(table, item, "attribute_not_exists(changes)"))
    return writes


def _share(left: int, purse: int) -> int:
    return left // len(PURSES) + (purse < left % len(PURSES))


def _move(
    table: MetadataTable, account_id: AccountId, purse: int, more: Usage, condition: str | None, **given: Any
) -> Write:
    """From a purse's room to its count, or back."""
    return update(
        table,
        purse_key(account_id, purse),
        "ADD stored_bytes :bytes, files :files, bytes_room :less_bytes, files_room :less_files, changes :one",
        condition,
        bytes=more.stored_bytes,
        files=more.files,
        less_bytes=-more.stored_bytes,
        less_files=-more.files,
        one=1,
        **given,
    )
