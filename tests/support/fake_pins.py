"""PINs in memory. The hash is quick, and as keyed and bound to its holder as the real one."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain.download import Download
from chalicelib.domain.ids import DownloadId, UserId
from chalicelib.domain.people import User
from chalicelib.domain.pin import SALT_BYTES, Pin, PinHolder, PinVerifier, ScryptCost, Tries
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.temporary_key import TemporaryKey
from tests.support.faults import Fake, port

QUICK = ScryptCost(n=2, r=1, p=1)


class FakePinHasher(Fake):
    def __init__(self) -> None:
        super().__init__()
        self._pepper = secrets.token_bytes(32)

    @port
    def make(self, pin: Pin, holders: Sequence[PinHolder]) -> list[PinVerifier]:
        version, salt = str(uuid.uuid4()), secrets.token_bytes(SALT_BYTES)
        return [
            PinVerifier(version=version, salt=salt, cost=QUICK, mac=self._mac(pin, holder, salt)) for holder in holders
        ]

    @port
    def matches(self, pin: Pin, holder: PinHolder, verifier: PinVerifier) -> bool:
        return hmac.compare_digest(self._mac(pin, holder, verifier.salt), verifier.mac)

    def _mac(self, pin: Pin, holder: PinHolder, salt: bytes) -> bytes:
        digest = hashlib.sha256(salt + pin.encode()).digest()
        return hmac.digest(self._pepper, str(holder).encode() + b"\0" + digest, "sha256")


class FakePinTries(Fake):
    """`users` and `downloads` are the other fakes' records: a PIN stands in its holder's."""

    def __init__(self, users: dict[UserId, User], downloads: dict[DownloadId, Download]) -> None:
        super().__init__()
        self._records = {"user": users, "download": downloads}
        self.tries: dict[tuple[PinHolder, str], Tries] = {}  # by the PIN's version: those at an old one do not count

    def of(self, holder: PinHolder) -> Tries:
        verifier = self._verifier(holder)
        return self.tries.get((holder, verifier.version), Tries()) if verifier else Tries()

    @port
    def count(self, holder: PinHolder, try_id: str, now: datetime) -> PinVerifier | None:
        verifier = self._verifier(holder)
        if verifier:
            self.tries[holder, verifier.version] = self.of(holder).counting(try_id, now)
        return verifier

    @port
    def take_back(self, holder: PinHolder, try_id: str) -> None:
        if verifier := self._verifier(holder):
            self.tries[holder, verifier.version] = self.of(holder).without(try_id)

    @port
    def forget(self, holder: PinHolder, version: str) -> None:
        self.tries.pop((holder, version), None)

    def _verifier(self, holder: PinHolder) -> PinVerifier | None:
        record = self._records[holder.kind].get(holder.id)
        return record.pin if record else None


class FakeTemporaryKeys(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[SecretHash, TemporaryKey] = {}

    @port
    def add(self, key: TemporaryKey) -> None:
        if key.key_hash in self.records:
            raise RuntimeError("there already: secrets are random")
        self.records[key.key_hash] = key

    @port
    def find(self, key_hash: SecretHash) -> TemporaryKey | None:
        return self.records.get(key_hash)

    @port
    def remove(self, key_hash: SecretHash, user_id: UserId, now: datetime) -> bool:
        standing = self.records.get(key_hash)
        if standing is None or standing.user_id != user_id or standing.expires_at <= now:
            return False
        del self.records[key_hash]
        return True
