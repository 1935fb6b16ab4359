"""PINs' verifiers: scrypt, so that each guess costs, under a KMS HMAC, so that none can be made without KMS."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.adapters.aws_call import call
from chalicelib.domain.pin import SALT_BYTES, SCRYPT_COST, Pin, PinHolder, PinVerifier, ScryptCost

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_LABEL = b"sealdrop PIN\0"  # the key signs other things too: no two of them may begin alike
_HASH_BYTES = 32
_MAX_MEMORY = 64 * 2**20


class KmsPinHasher:
    def __init__(self, client: "KMSClient", key_arn: str) -> None:
        self._client, self._key_arn = client, key_arn

    def make(self, pin: Pin, holders: Sequence[PinHolder]) -> list[PinVerifier]:
        version, salt = str(uuid.uuid4()), secrets.token_bytes(SALT_BYTES)
        slow = slow_hash(pin, salt, SCRYPT_COST)
        return [
            PinVerifier(version=version, salt=salt, cost=SCRYPT_COST, mac=self._mac(holder, slow)) for holder in holders
        ]

    def matches(self, pin: Pin, holder: PinHolder, verifier: PinVerifier) -> bool:
        mac = self._mac(holder, slow_hash(pin, verifier.salt, verifier.cost))
        return hmac.compare_digest(mac, verifier.mac)

    def _mac(self, holder: PinHolder, slow: bytes) -> bytes:
        """The holder is in it: a verifier that was moved to another record fits no PIN there."""
        message = _LABEL + str(holder).encode() + b"\0" + slow
        answer = call(
            self._client.generate_mac,
            KeyId=self._key_arn,
            MacAlgorithm="HMAC_SHA_256",
            Message=message,
        )
        return answer["Mac"]


def slow_hash(pin: Pin, salt: bytes, cost: ScryptCost) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=_MAX_MEMORY, dklen=_HASH_BYTES)
