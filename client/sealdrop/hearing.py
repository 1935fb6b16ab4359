"""The part of `Client` that is about webhooks."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sealdrop.paging import walk
from sealdrop.webhook_models import Delivery, NewWebhook, Webhook

if TYPE_CHECKING:
    from sealdrop.api import Api


class Hearing:
    """What it takes of the rest of `Client` is declared here."""

    _api: "Api"

    def create_webhook(self, url: str, types: Sequence[str] = ()) -> NewWebhook:
        """Have events of these types (without any: of all that are sent) posted to an address, signed by the Standard
        Webhooks scheme. Its secret is shown this once.
        """
        return self._api.create_webhook({"url": url, **({"types": list(types)} if types else {})})

    def webhooks(self) -> tuple[Webhook, ...]:
        """The account's webhooks, without their secrets."""
        return self._api.webhooks()

    def delete_webhook(self, webhook_id: str) -> None:
        """Nothing is sent there from now on."""
        self._api.delete_webhook(webhook_id)

    def deliveries(self, webhook_id: str, *, page_size: int | None = None) -> Iterator[Delivery]:
        """What was sent to a webhook in the last 30 days, newest first, fetched page by page."""
        return walk(partial(self._api.delivery_page, webhook_id), {"limit": str(page_size)} if page_size else {})

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again, or before its next try is due, under the id that it had."""
        return self._api.redeliver(webhook_id, delivery_id)
