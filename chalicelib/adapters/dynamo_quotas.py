"""What accounts use of their quotas, counted in one transaction with the records that count.

What an account holds is in its purses (dynamo_purses.py), the first of which also keeps limits of the account's own,
where the operator set some; mails are counted in an item for each day. A container remembers such limits, and charges
on condition that they still are as it supposes: a wrong supposition costs another attempt, and lets nothing through.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS
from chalicelib.adapters.dynamo_purses import (
    PURSES,
    OwnLimits,
    Purse,
    give_back,
    purse_from,
    purse_key,
    purse_of,
    settle,
    take,
)
from chalicelib.adapters.dynamo_table import Key, KeyOfId, MetadataTable
from chalicelib.adapters.dynamo_transaction import Cancelled, Write, check, transact, update
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage, day_of, refusal

_mail_day = KeyOfId("MAILS", "MAILS")
_ATTEMPTS = 5
_REMEMBERED_ACCOUNTS = 10_000
_DAY_KEPT_SECONDS = 3 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as it was read."""

    own_limits: OwnLimits
    purses: list[Purse]
    mails: int

    @property
    def used(self) -> Usage:
        return sum((purse.used for purse in self.purses), Usage(mails=self.mails))


class DynamoQuotas:
    def __init__(
        self, table: MetadataTable, default: Quota, remembered: dict[AccountId, OwnLimits] | None = None
    ) -> None:
        """`remembered` outlives this object where it is given: what a container has learnt, true or not."""
        self._table, self._default = table, default
        self._remembered: dict[AccountId, OwnLimits] = {} if remembered is None else remembered

    def find(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        standing = self.read(account_id, now)
        return self._quota(standing.own_limits), standing.used

    def find_mails(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        own, day = purse_key(account_id, 0), _day_key(account_id, day_of(now))
        found = self._table.get_many([own, day])
        own_limits: OwnLimits = found.get(own, {}).get("quota", {})
        return self._quota(own_limits), Usage(mails=found.get(day, {}).get("mails", 0))

    def charge(self, account_id: AccountId, more: Usage, now: datetime) -> None:
        self.charge_with([], account_id, account_id, more, now)

    def charge_with(
        self, writes: Sequence[Write], account_id: AccountId, resource_id: str, more: Usage, now: datetime
    ) -> None:
        """Make these writes and charge the account, all or nothing.

        Raises Cancelled when a condition of these writes does not hold, else QuotaExceeded.
        """
        charges = self._supposed(account_id, resource_id, more, now)
        for _ in range(_ATTEMPTS):
            try:
                return transact(self._table, [*writes, *charges])
            except Cancelled as cancelled:
                if min(cancelled.met) < len(writes):
                    raise
            charges = self._settled(account_id, resource_id, more, now)
        raise Busy(reason="quota: others kept changing it", retry_after_seconds=RETRY_AFTER_SECONDS)

    def give_back(self, account_id: AccountId, resource_id: str, less: Usage) -> Write:
        return give_back(self._table, account_id, purse_of(resource_id), less)

    def open(self, account_id: AccountId) -> list[Write]:
        """Purses for a new account. Without them its first charge would make them."""
        missing = [purse_from(None) for _ in PURSES]
        return settle(self._table, account_id, missing, [Usage() for _ in PURSES], self._default, {})

    def read(self, account_id: AccountId, now: datetime) -> Standing:
        keys, day = [purse_key(account_id, purse) for purse in PURSES], _day_key(account_id, day_of(now))
        found = self._table.get_many([*keys, day])
        own_limits = found.get(keys[0], {}).get("quota", {})
        return Standing(own_limits, [purse_from(found.get(key)) for key in keys], found.get(day, {}).get("mails", 0))

    def _supposed(self, account_id: AccountId, resource_id: str, more: Usage, now: datetime) -> list[Write]:
        own_limits = self._remembered.get(account_id, {})
        if more.mails:
            return self._mails(account_id, more, own_limits, now)
        nothing = more == Usage()
        return [] if nothing else [take(self._table, account_id, purse_of(resource_id), more, self._quota(own_limits))]

    def _settled(self, account_id: AccountId, resource_id: str, more: Usage, now: datetime) -> list[Write]:
        """Raises QuotaExceeded."""
        standing = self.read(account_id, now)
        self._remember(account_id, standing.own_limits)
        quota = self._quota(standing.own_limits)
        if refused := refusal(quota, standing.used, more):
            raise refused
        if more.mails:
            return self._mails(account_id, more, standing.own_limits, now)
        used = [one.used for one in standing.purses]
        used[purse_of(resource_id)] += more
        return settle(self._table, account_id, standing.purses, used, quota, standing.own_limits)

    def _mails(self, account_id: AccountId, more: Usage, own_limits: OwnLimits, now: datetime) -> list[Write]:
        if more.files or more.stored_bytes:
            raise AssertionError("what is held and what is sent are charged apart")
        own, name = own_limits.get("mails_a_day"), "quota.mails_a_day"
        as_supposed, given = (
            (f"{name} = :own", {"own": own}) if own is not None else (f"attribute_not_exists({name})", {})
        )
        room = self._quota(own_limits).mails_a_day - more.mails
        count = update(
            self._table,
            _day_key(account_id, day_of(now)),
            "ADD mails :mails SET #ttl = :ttl",
            "mails <= :room" if room < 0 else "attribute_not_exists(mails) OR mails <= :room",
            {"#ttl": "ttl"},
            mails=more.mails,
            room=room,
            ttl=int(now.timestamp()) + _DAY_KEPT_SECONDS,
        )
        return [check(self._table, purse_key(account_id, 0), as_supposed, None, **given), count]

    def _quota(self, own_limits: OwnLimits) -> Quota:
        return replace(self._default, **own_limits)

    def _remember(self, account_id: AccountId, own_limits: OwnLimits) -> None:
        if len(self._remembered) >= _REMEMBERED_ACCOUNTS:
            self._remembered.clear()
        self._remembered[account_id] = own_limits


def _day_key(account_id: AccountId, day: date) -> Key:
    return _mail_day(f"{account_id}#{day.isoformat()}")
