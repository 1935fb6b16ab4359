"""What accounts may use, and use. A store that adds records charges the account in the write that adds them."""

from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage


class QuotaStore(Protocol):
    def find(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        """The account's limits and what it uses of them, mails on the day of `now`; as of now, in one round trip."""

    def find_mails(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        """The same of the mails alone."""

    def charge(self, account_id: AccountId, more: Usage, now: datetime) -> None:
        """Take all of `more`, or nothing, in one atomic write. Raises QuotaExceeded."""
