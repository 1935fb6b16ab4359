"""POST and DELETE /keys: the PIN for a temporary key, and an end to it."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import NotFound, invalid
from chalicelib.domain.ids import UserId
from chalicelib.domain.people import User
from chalicelib.domain.pin import Pin
from chalicelib.domain.secret import SECRET_BYTES, hash_secret, looks_like_secret, secret_text
from chalicelib.domain.temporary_key import LIFETIME, TemporaryKey
from chalicelib.ports import PinHasher, PinTries, TemporaryKeyStore
from chalicelib.services.check_pin import require_pin

NO_PIN = "You have no PIN: PATCH /api/user sets one. Without it no key is asked for."


@dataclass(frozen=True, slots=True)
class BoughtKey:
    text: str  # the secret itself: answered once, never stored
    expires_at: datetime


def buy_temporary_key(
    user: User,
    guess: Pin,
    now: datetime,
    *,
    pin_tries: PinTries,
    pin_hasher: PinHasher,
    temporary_keys: TemporaryKeyStore,
) -> BoughtKey:
    """Raises Invalid for a wrong PIN, PinLocked."""
    if user.pin is None:
        raise invalid("pin", NO_PIN)
    checked = require_pin(
        guess, user.pin_holder, user.account_id, "pin", now, pin_tries=pin_tries, pin_hasher=pin_hasher
    )
    text = secret_text(secrets.token_bytes(SECRET_BYTES))
    key = TemporaryKey(
        key_hash=hash_secret(text),
        account_id=user.account_id,
        user_id=user.id,
        pin_version=checked.version,
        expires_at=now + LIFETIME,
    )
    temporary_keys.add(key)
    return BoughtKey(text, key.expires_at)


def drop_temporary_key(user_id: UserId, text: str, now: datetime, *, temporary_keys: TemporaryKeyStore) -> None:
    """Raises NotFound, the same for another user's key and one that has expired."""
    if not looks_like_secret(text) or not temporary_keys.remove(hash_secret(text), user_id, now):
        raise NotFound
