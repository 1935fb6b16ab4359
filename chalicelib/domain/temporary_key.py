"""Temporary keys: what a right PIN buys, so that a program need not keep the PIN."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.people import User
from chalicelib.domain.secret import SecretHash

LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryKey:
    key_hash: SecretHash
    account_id: AccountId  # of its user
    user_id: UserId
    pin_version: str  # of the PIN that bought it
    expires_at: datetime

    def is_good_for(self, user: User, now: datetime) -> bool:
        """Theirs, of the PIN that they have now, and not expired."""
        same_pin = user.pin is not None and user.pin.version == self.pin_version
        return self.user_id == user.id and same_pin and now < self.expires_at
