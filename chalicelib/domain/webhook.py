"""Webhooks: where an account wants to hear of events, and the deliveries to there.

A delivery is tried at once, then with longer and longer pauses for a day. Each try has the same id, by which a receiver
knows what came twice: deliveries come at least once, and in any order.
Source of headers, secret and signature: the Standard Webhooks specification.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.domain.errors import Conflict
from chalicelib.domain.event import EventType
from chalicelib.domain.ids import AccountId, DeliveryId, WebhookId, uuid_from_digest
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.page import Sorts, time_value
from chalicelib.domain.sealing import WrappedKey

MAX_WEBHOOKS = 10  # of one account
ANNOUNCED = (EventType.DOWNLOAD_PERFORMED, EventType.FILE_READY, EventType.MAIL_OPENED)
PAUSES = tuple(timedelta(seconds=pause) for pause in (5, 300, 1800, 7200, 18_000, 28_800, 28_800))  # 23 h 35 min
TRYING = timedelta(minutes=20)  # until its order is a dead letter: five times what the queue hides one for, and more
KEPT = timedelta(days=30)  # of a delivery, in the log
NOT_ORDERED = "It could not be ordered: order it again."
DELETED = "The webhook was deleted."
_SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with
_GONE = 410  # the receiver wants no more
_ROUND = 1000  # more than tries are made before one is ordered again


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"  # answered 2xx
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    id: WebhookId
    account_id: AccountId
    url: str
    types: frozenset[EventType]
    secret: WrappedKey  # signs what is sent; in clear only when it is made
    created_at: datetime

    @property
    def context(self) -> dict[str, str]:
        return secret_context(self.id, self.account_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one try: the receiver's status, or why there is none."""

    answered: int | None = None
    problem: str | None = None

    @property
    def is_success(self) -> bool:
        return self.answered is not None and 200 <= self.answered < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    id: DeliveryId  # made from webhook and event: what is told twice is one
    account_id: AccountId
    webhook_id: WebhookId
    type: str
    data: Mapping[str, Any]  # ids
    happened_at: datetime
    created_at: datetime
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0  # since it was created, or last ordered again
    next_at: datetime | None  # of the next try; None: there is none
    tried_at: datetime | None = None
    ordered_at: datetime | None = None  # again, by somebody
    rounds: int = 0  # how often that was
    last: Outcome = Outcome()
    revision: int = 0  # counts stored changes; 0 is not stored yet

    @property
    def first_number(self) -> int:
        """Of this round's tries."""
        return self.rounds * _ROUND

    @property
    def number(self) -> int:
        """Of the next try: orders name it, so that those of an earlier round are told from this one's."""
        return self.first_number + self.attempts

    @property
    def forgotten_at(self) -> datetime:
        return self.created_at + KEPT

    @property
    def body(self) -> str:
        told = {"type": self.type, "timestamp": rfc3339(self.happened_at), "data": dict(self.data)}
        return json.dumps(told, sort_keys=True, separators=(",", ":"))

    def tried(self, outcome: Outcome, now: datetime) -> "Delivery":
        made = replace(self, attempts=self.attempts + 1, tried_at=now, last=outcome)
        if outcome.is_success:
            return replace(made, status=DeliveryStatus.DELIVERED, next_at=None)
        if outcome.answered == _GONE or self.attempts >= len(PAUSES):
            return replace(made, status=DeliveryStatus.FAILED, next_at=None)
        return replace(made, next_at=now + PAUSES[self.attempts])

    def given_up(self, reason: str) -> "Delivery":
        return replace(self, status=DeliveryStatus.FAILED, next_at=None, last=Outcome(problem=reason))

    def ordered_again(self, now: datetime) -> "Delivery":
        """One that waits for its next try need not wait any longer, nor one whose order was lost.

        Raises Conflict for one that is being tried.
        """
        if self.next_at and self.next_at <= now < self.next_at + TRYING:
            raise Conflict("This delivery is being tried at this moment: look at it again in a while.")
        status, rounds = DeliveryStatus.PENDING, self.rounds + 1
        return replace(self, status=status, attempts=0, next_at=now, ordered_at=now, rounds=rounds)


DELIVERY_SORTS: Sorts[Delivery] = {"created_at": lambda delivery: time_value(delivery.created_at)}


def delivery_id(webhook_id: WebhookId, event_id: str) -> DeliveryId:
    return DeliveryId(uuid_from_digest(hashlib.sha256(f"delivery/{webhook_id}/{event_id}".encode()).digest()))


def secret_context(webhook_id: WebhookId, account_id: AccountId) -> dict[str, str]:
    """Under which KMS seals the secret: opaque ids, as it stands in clear in CloudTrail."""
    return {"webhook": webhook_id, "account": account_id}


def secret_text(secret: bytes) -> str:
    """As it is shown, once."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode()
