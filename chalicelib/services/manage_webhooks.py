"""Making, listing and deleting an account's webhooks; reading what was delivered, and ordering it again."""

import uuid
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import Busy, Conflict, NotFound, invalid
from chalicelib.domain.event import EventType
from chalicelib.domain.ids import AccountId, DeliveryId, WebhookId, is_uuid
from chalicelib.domain.page import Page, Position
from chalicelib.domain.webhook import MAX_WEBHOOKS, NOT_ORDERED, Delivery, Webhook, secret_context, secret_text
from chalicelib.domain.webhook_url import target_of
from chalicelib.ports import DeliveryStore, KeyService, StaleRecord, TooManyWebhooks, WebhookQueue, WebhookStore


@dataclass(frozen=True, slots=True)
class IssuedWebhook:
    webhook: Webhook
    secret: str  # in clear: answered once


def create_webhook(
    account_id: AccountId,
    url: str,
    types: Set[EventType],
    now: datetime,
    *,
    to_loopback: bool = False,
    webhooks: WebhookStore,
    keys: KeyService,
) -> IssuedWebhook:
    """(H4) Its secret is a data key of KMS's, of which only the wrapped form is kept.

    Raises Invalid for an address that nothing is sent to, Conflict when the account has as many as it may.
    """
    try:
        target_of(url, to_loopback=to_loopback)
    except ValueError as error:
        raise invalid("url", str(error)) from None
    webhook_id = WebhookId(str(uuid.uuid4()))
    secret = keys.generate(secret_context(webhook_id, account_id))
    webhook = Webhook(
        id=webhook_id,
        account_id=account_id,
        url=url,
        types=frozenset(types),
        secret=secret.wrapped,
        created_at=now,
    )
    try:
        webhooks.add(webhook)
    except TooManyWebhooks:
        raise Conflict(f"An account has {MAX_WEBHOOKS} webhooks at most: delete one first.") from None
    return IssuedWebhook(webhook, secret_text(secret.plaintext))


def list_webhooks(account_id: AccountId, *, webhooks: WebhookStore) -> Sequence[Webhook]:
    return webhooks.list_of(account_id)


def delete_webhook(account_id: AccountId, webhook_id: str, now: datetime, *, webhooks: WebhookStore) -> None:
    """What is still to be delivered to it is not. Raises NotFound."""
    if not webhooks.remove(own_webhook(account_id, webhook_id, webhooks=webhooks), now):
        raise NotFound


def own_webhook(account_id: AccountId, webhook_id: str, *, webhooks: WebhookStore) -> Webhook:
    """(H1) Raises NotFound, the same for one that is another account's, gone, or never was."""
    webhook = webhooks.find(WebhookId(webhook_id)) if is_uuid(webhook_id) else None
    if webhook is None or webhook.account_id != account_id:
        raise NotFound
    return webhook


def list_deliveries(
    account_id: AccountId,
    webhook_id: str,
    limit: int,
    after: Position | None,
    *,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
) -> Page[Delivery]:
    """Raises NotFound."""
    return deliveries.list_of(own_webhook(account_id, webhook_id, webhooks=webhooks).id, limit, after)


def redeliver(
    account_id: AccountId,
    webhook_id: str,
    delivery_id: str,
    now: datetime,
    *,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
    queue: WebhookQueue,
) -> Delivery:
    """Under the id that it had. Raises NotFound, Conflict for one that is being tried."""
    webhook = own_webhook(account_id, webhook_id, webhooks=webhooks)
    delivery = deliveries.find(DeliveryId(delivery_id)) if is_uuid(delivery_id) else None
    if delivery is None or delivery.webhook_id != webhook.id:
        raise NotFound
    try:
        ordered = deliveries.save(delivery.ordered_again(now))
    except StaleRecord:
        raise Conflict from None
    try:
        queue.order(ordered.id, ordered.number)
    except Exception:
        with suppress(StaleRecord, Busy):  # it was ordered after all and tried, or stays as long as it takes to try one
            deliveries.save(ordered.given_up(NOT_ORDERED))
        raise
    return ordered
