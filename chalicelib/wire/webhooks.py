"""Webhooks on the wire."""

from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator

from chalicelib.domain.event import EventType
from chalicelib.domain.ids import DeliveryId, is_uuid
from chalicelib.domain.webhook import ANNOUNCED, Delivery, DeliveryStatus, Webhook
from chalicelib.domain.webhook_url import MAX_URL_LENGTH
from chalicelib.wire.base import Id, In, Moment, Out, doc

_URL = "https://example.com/hooks/sealdrop"
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - made up, to show its form
_DATA = {"file": "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"}
_TYPES = {"items": {"type": "string", "enum": sorted(ANNOUNCED)}}

Types = Annotated[list[str], Field(json_schema_extra=_TYPES)]


class CreateWebhook(In):
    url: Annotated[
        Annotated[str, StringConstraints(max_length=MAX_URL_LENGTH)],
        doc(
            "Where events are sent to: an `https` address, with a name that leads to public addresses alone.",
            _URL,
            pattern=r"^https?://[!-~]+$",
        ),
    ]
    types: Annotated[
        Types,
        doc("Which events; all of these when it is left out.", minItems=1),
        Field(default_factory=lambda: list(ANNOUNCED)),
    ]

    @field_validator("types", mode="before")
    @classmethod
    def _known(cls, types: object) -> object:
        if not isinstance(types, list) or not types:
            raise ValueError("Name at least one type.")
        if unknown := [each for each in types if not isinstance(each, str) or each not in set(ANNOUNCED)]:
            known = ", ".join(sorted(ANNOUNCED))
            raise ValueError(f"Not a type that is sent: {str(unknown[0])[:40]!r}. There are: {known}.")
        return types

    @property
    def chosen(self) -> frozenset[EventType]:
        return frozenset(map(EventType, self.types))


class WebhookView(Out):
    id: Id
    url: Annotated[str, doc("Where events are sent to.", _URL)]
    types: Annotated[Types, Field(examples=[sorted(ANNOUNCED)])]
    created_at: Moment

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        return cls(**_webhook_fields(webhook))


class IssuedWebhookView(WebhookView):
    secret: Annotated[
        str,
        doc(
            "Proves that a request came from here, as Standard Webhooks has it. Shown this once.",
            _SECRET,
            pattern=r"^whsec_[A-Za-z0-9+/]{43}=$",
        ),
    ]

    @classmethod
    def of_issued(cls, webhook: Webhook, secret: str) -> Self:
        return cls(**_webhook_fields(webhook), secret=secret)


def _webhook_fields(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": sorted(webhook.types),
        "created_at": webhook.created_at,
    }


class DeliveryView(Out):
    id: Annotated[Id, doc("Sent as `webhook-id`, the same with every try.")]
    type: Annotated[str, doc("Of the event.", "file.ready")]
    data: Annotated[dict[str, Any], doc("What was sent of it: ids.", _DATA)]
    happened_at: Moment
    created_at: Moment
    status: Annotated[DeliveryStatus, doc("`delivered` was answered 2xx; `failed` was given up.", "delivered")]
    attempts: Annotated[int, doc("Tries since it was made, or ordered again.", 1)]
    tried_at: Annotated[Moment | None, doc("The last of them.")]
    next_at: Annotated[Moment | None, doc("The next one; null when there is none.", None)]
    response_status: Annotated[int | None, doc("The receiver's last answer.", 204)]
    problem: Annotated[str | None, doc("Why there was none.", None)]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        return cls(
            id=delivery.id,
            type=delivery.type,
            data=dict(delivery.data),
            happened_at=delivery.happened_at,
            created_at=delivery.created_at,
            status=delivery.status,
            attempts=delivery.attempts,
            tried_at=delivery.tried_at,
            next_at=delivery.next_at,
            response_status=delivery.last.answered,
            problem=delivery.last.problem,
        )


class NotOurOrder(ValueError):
    """The message is no order of ours. It ends in the dead-letter queue."""


class _Order(In):
    delivery: str
    attempt: Annotated[int, Field(ge=0)]


def parse_order(body: str) -> tuple[DeliveryId, int]:
    """Which delivery, and which try. Raises NotOurOrder."""
    try:
        order = _Order.model_validate_json(body)
    except ValidationError:
        raise NotOurOrder("not an order of ours") from None
    if not is_uuid(order.delivery):
        raise NotOurOrder("no id of ours")
    return DeliveryId(order.delivery), order.attempt
