"""Idempotency: a request's claim on what it makes, so that the same request makes nothing twice."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.ids import AccountId, UserId

CLAIM_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An Idempotency-Key as one user of an account sent it to one route, with a body."""

    account_id: AccountId
    name: str  # what the key, the route and the user come to, hashed
    body_digest: str
    made_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.made_at + CLAIM_LIFETIME


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a claim whose request succeeded."""

    body_digest: str
    resource_ids: tuple[str, ...]  # of what was made, in the order of the answer


def claim_of(account_id: AccountId, user_id: UserId, route: str, key: str, body: str, now: datetime) -> Claim:
    """`route` is method and template; `body` is canonical: the same text for every spelling of one content.

    The key belongs to the user, so that two users who number their requests 1, 2, 3 never meet. The body's digest is
    keyed by it: a body may hold a PIN, which whoever reads a plain digest could try out.
    """
    name = hashlib.sha256(json.dumps([user_id, route, key]).encode()).hexdigest()
    digest = hmac.digest(key.encode(), body.encode(), "sha256").hex()
    return Claim(account_id=account_id, name=name, body_digest=digest, made_at=now)
