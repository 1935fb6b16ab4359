"""PINs: the slow and peppered hash, the count of tries, and what a right PIN buys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import UserId
from chalicelib.domain.pin import Pin, PinHolder, PinVerifier
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.temporary_key import TemporaryKey


class PinHasher(Protocol):
    def make(self, pin: Pin, holders: Sequence[PinHolder]) -> list[PinVerifier]:
        """A verifier for each, good for it alone. The slow part is done once for all of them."""

    def matches(self, pin: Pin, holder: PinHolder, verifier: PinVerifier) -> bool:
        """Takes the same time whatever the answer is."""


class PinTries(Protocol):
    def count(self, holder: PinHolder, try_id: str, now: datetime) -> PinVerifier | None:
        """Count one try, by one conditional write, and answer what to check it against. Once, however often it comes.

        None when the holder has no PIN: nothing is counted then. Raises PinLocked when too many were counted.
        """

    def take_back(self, holder: PinHolder, try_id: str) -> None:
        """The try could not be checked. Harmless when it does not count any more."""

    def forget(self, holder: PinHolder, version: str) -> None:
        """The PIN was right: forget the tries, unless it is another PIN by now."""


class TemporaryKeyStore(Protocol):
    def add(self, key: TemporaryKey) -> None: ...

    def find(self, key_hash: SecretHash) -> TemporaryKey | None: ...

    def remove(self, key_hash: SecretHash, user_id: UserId, now: datetime) -> bool:
        """Atomic: False when this user has no such key, or it has expired."""
