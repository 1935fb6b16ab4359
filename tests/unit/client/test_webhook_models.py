"""What the library makes of the service's answers about webhooks."""

from datetime import UTC, datetime

from sealdrop.webhook_models import Delivery


def test_a_delivery_has_its_four_moments() -> None:
    """Deliveries come in any order: a program sorts what it was told by when it happened."""
    names = ("happened_at", "created_at", "tried_at", "next_at")
    moments = {name: f"2026-11-24T10:0{minute}:00.000000Z" for minute, name in enumerate(names)}
    answer = {"id": "1", "type": "file.ready", "data": {"file": "2"}, "status": "pending", "attempts": 1}
    delivery = Delivery.parse({**answer, **moments, "response_status": 500, "problem": None})
    assert [getattr(delivery, name) for name in names] == [
        datetime(2026, 11, 24, 10, at, tzinfo=UTC) for at in range(4)
    ]
