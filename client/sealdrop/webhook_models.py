"""Webhooks and what was delivered to them, as the library answers them. Times are aware datetimes in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sealdrop import fields
from sealdrop.fields import Json


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where the account wants to hear of events."""

    id: str
    url: str
    types: tuple[str, ...]
    created_at: datetime | None

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(**_webhook_fields(record))


@dataclass(frozen=True, slots=True)
class NewWebhook(Webhook):
    """A webhook just made. `secret` proves to its receiver that a request is the service's; it is shown this once."""

    secret: str = field(repr=False)

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(**_webhook_fields(record), secret=fields.take(record, "secret", str))


def _webhook_fields(record: Json) -> dict[str, Any]:
    return {
        "id": fields.take(record, "id", str),
        "url": fields.take(record, "url", str),
        "types": fields.texts(record, "types"),
        "created_at": fields.optional_moment(record, "created_at"),
    }


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to a webhook, or there."""

    id: str  # sent as `webhook-id`
    type: str
    data: Mapping[str, Any]
    status: str  # "pending", "delivered" or "failed"
    attempts: int
    happened_at: datetime | None  # what it tells of; deliveries come in any order
    created_at: datetime | None
    tried_at: datetime | None
    next_at: datetime | None
    response_status: int | None
    problem: str | None

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            id=fields.take(record, "id", str),
            type=fields.take(record, "type", str),
            data=fields.take(record, "data", dict),
            status=fields.take(record, "status", str),
            attempts=fields.size(record, "attempts"),
            happened_at=fields.optional_moment(record, "happened_at"),
            created_at=fields.optional_moment(record, "created_at"),
            tried_at=fields.optional_moment(record, "tried_at"),
            next_at=fields.optional_moment(record, "next_at"),
            response_status=fields.optional(record, "response_status", int),
            problem=fields.optional(record, "problem", str),
        )
