"""/webhooks: where an account wants to hear of events."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.idempotency import refuses_key
from chalicelib.routes.paging import cursors_of
from chalicelib.services.manage_webhooks import (
    create_webhook,
    delete_webhook,
    list_deliveries,
    list_webhooks,
    redeliver,
)
from chalicelib.wire.lists import Listing, ListQuery, Meta
from chalicelib.wire.webhooks import CreateWebhook, DeliveryView, IssuedWebhookView, WebhookView

bp = Blueprint(__name__)
SCOPE = Scope.WEBHOOKS


@endpoint(bp, "GET", "/webhooks", scope=SCOPE)
def index(call: Call) -> Listing[WebhookView]:
    """List the account's webhooks, at most ten. Their secrets are not shown again."""
    found = list_webhooks(call.token.account_id, webhooks=call.world.webhooks)
    return Listing([WebhookView.of(webhook) for webhook in found], Meta(next_cursor=None))


@endpoint(bp, "POST", "/webhooks", scope=SCOPE, body=CreateWebhook, status=201, raises=(Conflict,))
@refuses_key
def create(call: Call, body: CreateWebhook) -> IssuedWebhookView:
    """Have events sent to an address, signed as Standard Webhooks has it. The secret is shown this once.

    What is not answered with a status of 2xx is sent again, with longer and longer pauses, for a day. A delivery can
    come twice: `webhook-id` tells.
    """
    issued = create_webhook(
        call.token.account_id,
        body.url,
        body.chosen,
        call.now,
        to_loopback=call.world.settings.webhooks_to_loopback,
        webhooks=call.world.webhooks,
        keys=call.world.keys,
    )
    return IssuedWebhookView.of_issued(issued.webhook, issued.secret)


@endpoint(bp, "DELETE", "/webhooks/{webhook_id}", scope=SCOPE)
def delete(call: Call, webhook_id: str) -> None:
    """Delete a webhook. What is still to be delivered to it is not."""
    delete_webhook(call.token.account_id, webhook_id, call.now, webhooks=call.world.webhooks)


@endpoint(bp, "GET", "/webhooks/{webhook_id}/deliveries", scope=SCOPE, query=ListQuery)
def deliveries(call: Call, webhook_id: str, query: ListQuery) -> Listing[DeliveryView]:
    """List what was sent to a webhook in the last 30 days, newest first, and what came of it."""
    cursors = cursors_of(call, query, "deliveries", webhook_id)
    page = list_deliveries(
        call.token.account_id,
        webhook_id,
        query.limit,
        cursors.read(query.cursor),
        webhooks=call.world.webhooks,
        deliveries=call.world.deliveries,
    )
    return Listing([DeliveryView.of(delivery) for delivery in page.rows], Meta.of(page, cursors))


@endpoint(bp, "POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", scope=SCOPE, raises=(Conflict,))
def again(call: Call, webhook_id: str, delivery_id: str) -> DeliveryView:
    """Send a delivery again, or before its next try is due, under the id that it had."""
    world = call.world
    ordered = redeliver(
        call.token.account_id,
        webhook_id,
        delivery_id,
        call.now,
        webhooks=world.webhooks,
        deliveries=world.deliveries,
        queue=world.webhook_queue,
    )
    return DeliveryView.of(ordered)
