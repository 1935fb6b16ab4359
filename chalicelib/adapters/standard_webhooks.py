"""The signature of the Standard Webhooks specification, by its own library."""

from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from chalicelib.domain.ids import DeliveryId


def signed_headers(secret: bytes, delivery_id: DeliveryId, at: datetime, body: str) -> Mapping[str, str]:
    whole = at.astimezone(UTC).replace(microsecond=0)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Sealdrop-Webhooks/1",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(whole.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery_id, whole, body),
    }
