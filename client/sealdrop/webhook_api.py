"""The endpoints of webhooks, one method each. Every method may raise what Channel.call raises."""

from collections.abc import Mapping

from sealdrop import fields
from sealdrop.channel import Channel
from sealdrop.fields import Json
from sealdrop.paths import segment
from sealdrop.webhook_models import Delivery, NewWebhook, Webhook


class WebhookApi:
    _channel: Channel

    def create_webhook(self, body: Json) -> NewWebhook:
        """Not repeated after a lost answer: that would leave one whose secret nobody has seen."""
        answer = self._channel.call("POST", "/webhooks", body=body, repeatable=False)
        return NewWebhook.parse(fields.take(answer, "data", dict))

    def webhooks(self) -> tuple[Webhook, ...]:
        return fields.items(self._channel.call("GET", "/webhooks"), "data", Webhook.parse)

    def delete_webhook(self, webhook_id: str) -> None:
        self._channel.call("DELETE", f"/webhooks/{segment(webhook_id)}")

    def delivery_page(self, webhook_id: str, query: Mapping[str, str]) -> tuple[tuple[Delivery, ...], str | None]:
        """A page of deliveries and the cursor of the next one, None at the end."""
        answer = self._channel.call("GET", f"/webhooks/{segment(webhook_id)}/deliveries", query=query)
        cursor = fields.optional(fields.take(answer, "meta", dict), "next_cursor", str)
        return fields.items(answer, "data", Delivery.parse), cursor

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        path = f"/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/redeliver"
        return Delivery.parse(fields.take(self._channel.call("POST", path, body={}, races=True), "data", dict))
