"""From changes of records to deliveries: whoever has a webhook for what a change means is told of it.

Told off the table's stream, as the audit log is, and never by a request. A change that comes again makes nothing anew:
a delivery's id is made from its event's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.domain.event import Event
from chalicelib.domain.ids import AccountId
from chalicelib.domain.webhook import ANNOUNCED, Delivery, DeliveryStatus, Webhook, delivery_id
from chalicelib.ports import Change, DeliveryStore, EventReader, WebhookQueue, WebhookStore


def announce_events(
    changes: Sequence[Change],
    now: datetime,
    *,
    read_events: EventReader,
    webhooks: WebhookStore,
    deliveries: DeliveryStore,
    queue: WebhookQueue,
) -> int:
    """Answers how many deliveries were ordered. Raises Busy."""
    known: dict[AccountId, Sequence[Webhook]] = {}
    ordered = 0
    for events in filter(None, (_announced(change, read_events) for change in changes)):
        account_id = events[0].account_id
        if account_id not in known:
            known[account_id] = webhooks.list_of(account_id)
        for webhook in known[account_id]:
            if events[0].type in webhook.types:
                ordered += _order(webhook, events, now, deliveries, queue)
    return ordered


def _announced(change: Change, read_events: EventReader) -> list[Event]:
    """Those of one change that are announced: of one type, one for each file."""
    return [event for event in read_events(change) if event.type in ANNOUNCED]


def _order(
    webhook: Webhook, events: list[Event], now: datetime, deliveries: DeliveryStore, queue: WebhookQueue
) -> bool:
    delivery = deliveries.add(
        Delivery(
            id=delivery_id(webhook.id, events[0].id),
            account_id=webhook.account_id,
            webhook_id=webhook.id,
            type=str(events[0].type),
            data=_told(events),
            happened_at=events[0].at,
            created_at=now,
            next_at=now,
        )
    )
    if delivery.status is not DeliveryStatus.PENDING or delivery.number:
        return False  # it was ordered when it was told of first
    queue.order(delivery.id, delivery.number)
    return True


def _told(events: list[Event]) -> Mapping[str, Any]:
    """Ids by kind, and of what is told once for each file all of them."""
    subject = dict(events[0].subject)
    if "download" in subject and "file" in subject:
        subject.pop("file")
        return {**subject, "files": [event.subject["file"] for event in events], **events[0].detail}
    return {**subject, **events[0].detail}
