"""One try at a delivery, by the function on_webhook.

An order names the try that it is for, by a number that goes on when somebody orders the delivery again. (1) One that is
late, early or twice is told by the record, and does no harm; (2) the receiver is sent to; (3) one conditional write
says what came of it, and (4) the next try is ordered. What breaks between is done again by the queue: a receiver may
get a delivery twice, under one id, and never misses it.
"""

from datetime import datetime
from enum import StrEnum
from math import ceil

from chalicelib.domain.ids import DeliveryId
from chalicelib.domain.webhook import DELETED, Delivery, DeliveryStatus, Outcome, Webhook
from chalicelib.ports import (
    DeliveryStore,
    KeyService,
    NotReached,
    StaleRecord,
    WebhookQueue,
    WebhookSender,
    WebhookSigner,
    WebhookStore,
)

LONGEST_DELAY_SECONDS = 900  # that SQS keeps a message back for


class Try(StrEnum):
    DELIVERED = "delivered"
    AGAIN = "again later"
    FAILED = "given up"
    EARLY = "not yet"
    NOTHING = "nothing to do"


def deliver_webhook(
    delivery_id: DeliveryId,
    attempt: int,
    now: datetime,
    *,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
    keys: KeyService,
    queue: WebhookQueue,
    sign: WebhookSigner,
    send: WebhookSender,
) -> Try:
    """Raises Busy: the order has to come again."""
    delivery = deliveries.find(delivery_id)
    if delivery is None or delivery.status is not DeliveryStatus.PENDING:  # (1)
        return Try.NOTHING
    if not delivery.first_number <= attempt <= delivery.number:
        return Try.NOTHING  # somebody ordered it again, and with that ended the orders of before
    if attempt < delivery.number or (delivery.next_at and delivery.next_at > now):
        _order(delivery, now, queue)
        return Try.EARLY
    webhook = webhooks.find(delivery.webhook_id)
    if webhook is None:
        return _note(delivery.given_up(DELETED), now, deliveries, queue)
    return _note(delivery.tried(_try(delivery, webhook, now, keys, sign, send), now), now, deliveries, queue)


def _try(
    delivery: Delivery, webhook: Webhook, now: datetime, keys: KeyService, sign: WebhookSigner, send: WebhookSender
) -> Outcome:
    """(2)"""
    secret = keys.unwrap(webhook.secret, webhook.context)
    try:
        return Outcome(answered=send(webhook.url, sign(secret, delivery.id, now, delivery.body), delivery.body))
    except NotReached as error:
        return Outcome(problem=str(error))


def _note(after: Delivery, now: datetime, deliveries: DeliveryStore, queue: WebhookQueue) -> Try:
    try:
        noted = deliveries.save(after)  # (3)
    except StaleRecord:
        return Try.NOTHING  # somebody else made the same try, and goes on
    if noted.status is DeliveryStatus.PENDING:
        _order(noted, now, queue)  # (4)
        return Try.AGAIN
    return Try.DELIVERED if noted.status is DeliveryStatus.DELIVERED else Try.FAILED


def _order(delivery: Delivery, now: datetime, queue: WebhookQueue) -> None:
    """A longer pause is made of several."""
    wait_seconds = max(0, ceil((delivery.next_at - now).total_seconds())) if delivery.next_at else 0
    queue.order(delivery.id, delivery.number, min(wait_seconds, LONGEST_DELAY_SECONDS))
