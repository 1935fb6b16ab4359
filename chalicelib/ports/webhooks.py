"""Webhooks, their deliveries, and the way there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import AccountId, DeliveryId, WebhookId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.webhook import Delivery, Webhook


class TooManyWebhooks(Exception):
    """The account has MAX_WEBHOOKS of them."""


class NotReached(Exception):
    """No answer came from a receiver; the text says why, in words for whoever owns the webhook."""


class WebhookStore(Protocol):
    def add(self, webhook: Webhook) -> None:
        """In one transaction with the account's count. Raises TooManyWebhooks."""

    def find(self, webhook_id: WebhookId) -> Webhook | None:
        """The record as of now, whoever asks: callers check the account."""

    def list_of(self, account_id: AccountId) -> Sequence[Webhook]:
        """All of an account's as of now, oldest first."""

    def remove(self, webhook: Webhook, now: datetime) -> bool:
        """False when it has gone already."""


class DeliveryStore(Protocol):
    def add(self, delivery: Delivery) -> Delivery:
        """Answers the standing record where there is one under this id, and writes nothing then."""

    def find(self, delivery_id: DeliveryId) -> Delivery | None:
        """The record as of now, whoever asks: callers check the webhook."""

    def list_of(self, webhook_id: WebhookId, limit: int, after: Position | None) -> Page[Delivery]:
        """Newest first. May lag behind `find` by moments."""

    def save(self, delivery: Delivery) -> Delivery:
        """Answers the record with its new revision. Raises StaleRecord when it was changed since it was read."""


class WebhookQueue(Protocol):
    def order(self, delivery_id: DeliveryId, attempt: int, delay_seconds: int = 0) -> None:
        """One try, so much later: at most a quarter of an hour. Orders come at least once."""


class WebhookSender(Protocol):
    def __call__(self, url: str, headers: Mapping[str, str], body: str) -> int:
        """POST it, and answer the status. Follows no redirect, reads no more than the status of the answer.

        Raises NotReached, also for an address that nobody is sent to.
        """


class WebhookSigner(Protocol):
    def __call__(self, secret: bytes, delivery_id: DeliveryId, at: datetime, body: str) -> Mapping[str, str]:
        """The headers that prove to a receiver who has the secret that this body is ours, and of now."""
