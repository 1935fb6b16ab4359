"""From what happened to whoever wants to hear of it: on_change orders deliveries, on_webhook tries them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from chalice.app import SQSEvent

from chalicelib.bootstrap import world
from chalicelib.domain.act import Act, Actor
from chalicelib.logs import log
from chalicelib.ports import Change
from chalicelib.routes.queues import handle_each
from chalicelib.services.announce_events import announce_events
from chalicelib.services.deliver_webhook import deliver_webhook
from chalicelib.wire.webhooks import parse_order


def announce(changes: Sequence[Change]) -> None:
    """A consumer of changes."""
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.WEBHOOKS, at=now))
    ordered = announce_events(
        changes,
        now,
        read_events=here.read_events,
        webhooks=here.webhooks,
        deliveries=here.deliveries,
        queue=here.webhook_queue,
    )
    if ordered:
        log("webhooks_ordered", deliveries=ordered)


def handle_webhooks(event: SQSEvent) -> dict[str, Any]:
    return handle_each(event, _handle_order, failure="webhook_event_failed")


def _handle_order(body: str, message_id: str) -> None:
    delivery_id, attempt = parse_order(body)
    now = datetime.now(UTC)
    here = world().acting(Act(actor=Actor.WEBHOOKS, at=now, request_id=message_id))
    outcome = deliver_webhook(
        delivery_id,
        attempt,
        now,
        webhooks=here.webhooks,
        deliveries=here.deliveries,
        keys=here.keys,
        queue=here.webhook_queue,
        sign=here.sign_webhook,
        send=here.send_webhook,
    )
    log("webhook_event", delivery=delivery_id, attempt=attempt, outcome=str(outcome))
