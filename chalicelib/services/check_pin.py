"""Checking a PIN, whosesoever it is.

The order is the protection (K1): a try is counted by one atomic write *before* it is checked, so that of any number of
guesses at once five are looked at; a right one then forgets the tries. What could not be checked is not counted.
"""

import secrets
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.errors import Invalid, PinLocked
from chalicelib.domain.event import EventType, Note
from chalicelib.domain.ids import AccountId
from chalicelib.domain.pin import Pin, PinHolder, PinVerifier
from chalicelib.ports import PinHasher, PinTries

WRONG_PIN = "Invalid PIN."


def require_pin(
    guess: Pin,
    holder: PinHolder,
    account_id: AccountId,
    field: str,
    now: datetime,
    *,
    pin_tries: PinTries,
    pin_hasher: PinHasher,
) -> PinVerifier:
    """The verifier of the PIN that the holder has now. `field` is where the body had the guess.

    Raises Invalid for a wrong one, PinLocked; each with a note for the audit log of the holder's account.
    """
    note = Note(account_id=account_id, type=EventType.PIN_REFUSED, subject={holder.kind: holder.id})
    try:
        verifier = check_pin(guess, holder, now, pin_tries=pin_tries, pin_hasher=pin_hasher)
    except PinLocked as locked:
        locked.note = replace(note, type=EventType.PIN_LOCKED)
        raise
    if verifier is None:
        raise Invalid(errors={field: [WRONG_PIN]}, note=note)
    return verifier


def check_pin(
    guess: Pin, holder: PinHolder, now: datetime, *, pin_tries: PinTries, pin_hasher: PinHasher
) -> PinVerifier | None:
    """The verifier of the PIN that the holder has now, if the guess is right.

    Raises PinLocked, which tells nothing of the guess: it has not been looked at.
    """
    try_id = secrets.token_hex(8)
    verifier = pin_tries.count(holder, try_id, now)
    if verifier is None:
        return None
    try:
        is_right = pin_hasher.matches(guess, holder, verifier)
    except Exception:
        pin_tries.take_back(holder, try_id)
        raise
    if not is_right:
        return None
    pin_tries.forget(holder, verifier.version)
    return verifier
