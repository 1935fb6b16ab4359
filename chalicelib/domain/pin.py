"""PINs: which text can be one, what is kept of it, and how often it may be guessed.

A try is counted before it is checked, so that any number of guesses at once get no more than MAX_TRIES of them checked.
"""

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, NewType

from chalicelib.domain.errors import PinLocked

Pin = NewType("Pin", str)  # in the one form in which it is compared

MIN_LENGTH, MAX_LENGTH = 4, 64  # characters
MAX_TRIES = 5
LOCKED_FOR = timedelta(minutes=15)
SALT_BYTES = 16

_LENGTH = f"A PIN has {MIN_LENGTH} to {MAX_LENGTH} characters."
_MAX_RAW_LENGTH = 4 * MAX_LENGTH  # normalising takes long for long text; what is longer than this stays too long
_NO_TEXT = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})  # Unicode's controls, halves, unassigned, ends of line


def clean_pin(text: str) -> Pin:
    """The form in which two ways of typing one PIN are the same (Unicode NFC). Raises ValueError."""
    if len(text) > _MAX_RAW_LENGTH:
        raise ValueError(_LENGTH)
    pin = unicodedata.normalize("NFC", text)
    if not MIN_LENGTH <= len(pin) <= MAX_LENGTH:
        raise ValueError(_LENGTH)
    if any(unicodedata.category(character) in _NO_TEXT for character in pin):
        raise ValueError("A PIN is one line of text without control characters.")
    return Pin(pin)


@dataclass(frozen=True, slots=True)
class PinHolder:
    """Whose PIN it is. A verifier is good for its holder alone."""

    kind: Literal["user", "download"]
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """Cost parameters of RFC 7914: `n` rounds over `n * r * 128` bytes of memory, `p` times."""

    n: int
    r: int
    p: int


SCRYPT_COST = ScryptCost(n=2**14, r=8, p=1)  # 50 ms and 16 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class PinVerifier:
    """All that is kept of a PIN. Useless without the HMAC key in KMS, and to any other holder."""

    version: str  # which PIN this is: new with every PIN that is set, even the same one
    salt: bytes = field(repr=False)
    cost: ScryptCost
    mac: bytes = field(repr=False)  # of the holder and the slow hash


@dataclass(frozen=True, slots=True)
class Tries:
    """The tries at one PIN since it was set, or last right. Each has an id, so that one sent twice counts once."""

    ids: frozenset[str] = frozenset()
    last_at: datetime | None = None

    @property
    def are_used_up(self) -> bool:
        return len(self.ids) >= MAX_TRIES

    def locked_until(self, now: datetime) -> datetime | None:
        """The end of the lock that the last try began, if it holds still."""
        if self.last_at is None or not self.are_used_up:
            return None
        until = self.last_at + LOCKED_FOR
        return until if now < until else None

    def counting(self, try_id: str, now: datetime) -> "Tries":
        """With one more, unless it counts already. After a lock counting begins anew. Raises PinLocked."""
        if try_id in self.ids:
            return self
        if until := self.locked_until(now):
            raise pin_locked(until, now)
        return Tries(frozenset({try_id}) if self.are_used_up else self.ids | {try_id}, now)

    def without(self, try_id: str) -> "Tries":
        return replace(self, ids=self.ids - {try_id})


def pin_locked(until: datetime, now: datetime) -> PinLocked:
    return PinLocked(retry_after_seconds=-((now - until) // timedelta(seconds=1)))
