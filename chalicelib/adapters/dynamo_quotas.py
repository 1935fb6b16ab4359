"""What accounts use of their quotas, counted beside the records themselves: in one transaction with each that counts.

One item of the account counts what it holds, and one for each day counts mails. The former also has limits of the
account's own, where the operator set some. A condition cannot add an attribute to what is asked for, so a container
remembers these limits, and every charge is made on condition that they still are as supposed: a wrong supposition
costs one more attempt, and lets nothing through.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS
from chalicelib.adapters.dynamo_table import Key, KeyOfId, MetadataTable
from chalicelib.adapters.dynamo_transaction import Cancelled, Write, check, transact, update
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage, day_of, refusal

OwnLimits = Mapping[str, int]  # by the names of Quota's fields; the default's where absent

_holdings_key = KeyOfId("ACCOUNT", "USAGE")
_ATTEMPTS = 5
_REMEMBERED_ACCOUNTS = 10_000
_DAY_KEPT_SECONDS = 3 * 24 * 3600


class DynamoQuotas:
    def __init__(self, table: MetadataTable, default: Quota) -> None:
        self._table, self._default = table, default
        self._remembered: dict[AccountId, OwnLimits] = {}  # of accounts that have some; a hint, true or not

    def find(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        own, used = self._read(account_id, now)
        return replace(self._default, **own), used

    def charge(self, account_id: AccountId, more: Usage, now: datetime) -> None:
        self.charge_with([], account_id, more, now)

    def charge_with(self, writes: Sequence[Write], account_id: AccountId, more: Usage, now: datetime) -> None:
        """Make these writes and charge the account, all or nothing.

        Raises Cancelled when a condition of these writes does not hold, else QuotaExceeded.
        """
        for _ in range(_ATTEMPTS):
            own = self._remembered.get(account_id, {})
            try:
                return transact(self._table, [*writes, *self._charges(account_id, more, own, now)])
            except Cancelled as cancelled:
                if min(cancelled.met) < len(writes):
                    raise
            own, used = self._read(account_id, now)
            self._remember(account_id, own)
            if refused := refusal(replace(self._default, **own), used, more):
                raise refused
        raise Busy(reason="quota: it kept changing", retry_after_seconds=RETRY_AFTER_SECONDS)

    def give_back(self, account_id: AccountId, less: Usage) -> Write:
        """For the transaction that ends a record: it ends once, so this is given back once."""
        return self._count(account_id, -less.stored_bytes, -less.files, None, {})

    def _charges(self, account_id: AccountId, more: Usage, own: OwnLimits, now: datetime) -> list[Write]:
        quota = replace(self._default, **own)
        as_supposed = ["quota = :own" if own else "attribute_not_exists(quota)"]
        given: dict[str, Any] = {"own": dict(own)} if own else {}
        writes = []
        if more.files or more.stored_bytes:
            fitting, rooms = _fitting(
                stored_bytes=(more.stored_bytes, quota.stored_bytes), files=(more.files, quota.files)
            )
            condition = " AND ".join(as_supposed + fitting)
            writes.append(self._count(account_id, more.stored_bytes, more.files, condition, given | rooms))
        elif more.mails:
            writes.append(check(self._table, _holdings_key(account_id), as_supposed[0], **given))
        if more.mails:
            writes.append(self._count_mails(account_id, more.mails, quota.mails_a_day, now))
        return writes

    def _count(
        self, account_id: AccountId, stored_bytes: int, files: int, condition: str | None, given: dict[str, Any]
    ) -> Write:
        """`changes` tells whoever counts anew whether anything came or went meanwhile."""
        return update(
            self._table,
            _holdings_key(account_id),
            "ADD stored_bytes :bytes, files :files, changes :one",
            condition,
            bytes=stored_bytes,
            files=files,
            one=1,
            **given,
        )

    def _count_mails(self, account_id: AccountId, mails: int, limit: int, now: datetime) -> Write:
        fitting, rooms = _fitting(mails=(mails, limit))
        return update(
            self._table,
            _mails_key(account_id, day_of(now)),
            "ADD mails :mails SET #ttl = :ttl",
            fitting[0],
            {"#ttl": "ttl"},
            mails=mails,
            ttl=int(now.timestamp()) + _DAY_KEPT_SECONDS,
            **rooms,
        )

    def _read(self, account_id: AccountId, now: datetime) -> tuple[OwnLimits, Usage]:
        holdings, mails = _holdings_key(account_id), _mails_key(account_id, day_of(now))
        found = self._table.get_many([holdings, mails])
        held, sent = found.get(holdings, {}), found.get(mails, {})
        used = Usage(stored_bytes=held.get("stored_bytes", 0), files=held.get("files", 0), mails=sent.get("mails", 0))
        return held.get("quota", {}), used

    def _remember(self, account_id: AccountId, own: OwnLimits) -> None:
        if len(self._remembered) >= _REMEMBERED_ACCOUNTS:
            self._remembered.clear()
        self._remembered[account_id] = own


def _fitting(**wanted: tuple[int, int]) -> tuple[list[str], dict[str, int]]:
    """Conditions under which each amount fits below its limit, counted by the attribute of its name."""
    rooms = {f"{name}_room": limit - amount for name, (amount, limit) in wanted.items() if amount}
    return [
        f"({'' if rooms[f'{name}_room'] < 0 else f'attribute_not_exists({name}) OR '}{name} <= :{name}_room)"
        for name, (amount, _) in wanted.items()
        if amount
    ], rooms


def _mails_key(account_id: AccountId, day: date) -> Key:
    return _holdings_key(account_id)[0], f"MAILS#{day.isoformat()}"
