"""PATCH /user: name, time zone, and the PIN, which is changed by who knows it alone."""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import invalid
from chalicelib.domain.ids import TokenId
from chalicelib.domain.people import User
from chalicelib.domain.pin import Pin, PinVerifier
from chalicelib.ports import PinHasher, PinTries, TokenStore, UserStore
from chalicelib.services.check_pin import require_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanges:
    name: str | None = None  # None: leave as it is
    timezone: str | None = None
    sets_pin: bool = False  # tells "no PIN any more" from "leave it"
    pin: Pin | None = None
    current_pin: Pin | None = None


def update_user(
    user: User,
    changes: UserChanges,
    token_id: TokenId,
    now: datetime,
    *,
    users: UserStore,
    tokens: TokenStore,
    pin_tries: PinTries,
    pin_hasher: PinHasher,
) -> User:
    """All of it or nothing. Raises Invalid for a wrong or missing current PIN, PinLocked, Conflict.

    The user's tokens, that by which the change is made among them, show the new name before this returns. Where it
    breaks off before (Busy), the same request again brings them there.
    """
    if changes.current_pin is not None and not changes.sets_pin:
        raise invalid("current_pin", "Send it with the new pin, or with pin: null to remove it.")
    before = user
    if changes.sets_pin:
        checked = _checked_pin(user, changes.current_pin, now, pin_tries, pin_hasher)  # (K7)
        before = replace(user, pin=checked)
    after = replace(before, name=changes.name or user.name, timezone=changes.timezone or user.timezone)
    if changes.sets_pin:
        after = replace(after, pin=_verifier(user, changes.pin, pin_hasher))
    saved = users.save(before, after) if after != before else before
    if changes.name or changes.timezone:
        tokens.copy_author(saved, token_id)
    return saved


def _checked_pin(
    user: User, guess: Pin | None, now: datetime, pin_tries: PinTries, pin_hasher: PinHasher
) -> PinVerifier | None:
    """The PIN that the user has, or None for none, once they have shown that they know it."""
    if user.pin is None:
        return None
    if guess is None:
        raise invalid("current_pin", "You have a PIN: changing or removing it takes the current one.")
    return require_pin(
        guess, user.pin_holder, user.account_id, "current_pin", now, pin_tries=pin_tries, pin_hasher=pin_hasher
    )


def _verifier(user: User, pin: Pin | None, pin_hasher: PinHasher) -> PinVerifier | None:
    if pin is None:
        return None
    [verifier] = pin_hasher.make(pin, [user.pin_holder])
    return verifier
