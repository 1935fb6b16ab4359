"""The ports of chalicelib/ports/webhooks.py in memory, and a receiver that answers as it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.ids import AccountId, DeliveryId, WebhookId
from chalicelib.domain.page import NEWEST_FIRST, Page, Position
from chalicelib.domain.webhook import DELIVERY_SORTS, MAX_WEBHOOKS, Delivery, Webhook
from chalicelib.ports import NotReached, StaleRecord, TooManyWebhooks
from tests.support.fake_pages import page_of
from tests.support.faults import Fake, port


class FakeWebhooks(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[WebhookId, Webhook] = {}

    @port
    def add(self, webhook: Webhook) -> None:
        if len(self._of(webhook.account_id)) >= MAX_WEBHOOKS:
            raise TooManyWebhooks
        self.records[webhook.id] = webhook

    @port
    def find(self, webhook_id: WebhookId) -> Webhook | None:
        return self.records.get(webhook_id)

    @port
    def list_of(self, account_id: AccountId) -> Sequence[Webhook]:
        return sorted(self._of(account_id), key=lambda webhook: (webhook.created_at, webhook.id))

    @port
    def remove(self, webhook: Webhook, now: datetime) -> bool:  # noqa: ARG002 - the record goes at once
        return self.records.pop(webhook.id, None) is not None

    def _of(self, account_id: AccountId) -> list[Webhook]:
        return [webhook for webhook in self.records.values() if webhook.account_id == account_id]


class FakeDeliveries(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.records: dict[DeliveryId, Delivery] = {}

    @port
    def add(self, delivery: Delivery) -> Delivery:
        return self.records.setdefault(delivery.id, replace(delivery, revision=1))

    @port
    def find(self, delivery_id: DeliveryId) -> Delivery | None:
        return self.records.get(delivery_id)

    @port
    def list_of(self, webhook_id: WebhookId, limit: int, after: Position | None) -> Page[Delivery]:
        rows = [delivery for delivery in self.records.values() if delivery.webhook_id == webhook_id]
        return page_of(rows, DELIVERY_SORTS, NEWEST_FIRST, limit, after)

    @port
    def save(self, delivery: Delivery) -> Delivery:
        standing = self.records.get(delivery.id)
        if standing is None or standing.revision != delivery.revision:
            raise StaleRecord
        self.records[delivery.id] = replace(delivery, revision=delivery.revision + 1)
        return self.records[delivery.id]


class FakeWebhookQueue(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.orders: list[tuple[DeliveryId, int, int]] = []

    @port
    def order(self, delivery_id: DeliveryId, attempt: int, delay_seconds: int = 0) -> None:
        self.orders.append((delivery_id, attempt, delay_seconds))


class FakeReceiver:
    """Answers each request with the next status, or with what it is told instead; 204 in the end."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Mapping[str, str], str]] = []
        self.answers: list[int | str] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: str) -> int:
        self.requests.append((url, headers, body))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, str):
            raise NotReached(answer)
        return answer
