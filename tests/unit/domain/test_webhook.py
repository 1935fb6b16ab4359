"""Deliveries: how often and when they are tried, and what is sent."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import Conflict
from chalicelib.domain.webhook import PAUSES, TRYING, Delivery, DeliveryStatus, Outcome, delivery_id, secret_text
from chalicelib.domain.webhook_url import Target, target_of
from tests.support.builders import NOW, a_delivery, new_id

REFUSED = Outcome(503)


def test_it_is_tried_for_a_day_with_longer_and_longer_pauses() -> None:
    delivery, moment = a_delivery(), NOW
    moments = []
    while delivery.status is DeliveryStatus.PENDING:
        assert delivery.next_at
        moment = delivery.next_at
        moments.append(moment - NOW)
        delivery = delivery.tried(REFUSED, moment)
    assert len(moments) == len(PAUSES) + 1 == delivery.attempts
    assert moments[:3] == [timedelta(), timedelta(seconds=5), timedelta(seconds=305)]
    assert timedelta(hours=23) < moments[-1] < timedelta(hours=24)
    assert list(PAUSES) == sorted(PAUSES)
    assert (delivery.status, delivery.next_at, delivery.last) == (DeliveryStatus.FAILED, None, REFUSED)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome(200), "delivered"),
        (Outcome(299), "delivered"),
        (Outcome(301), "pending"),
        (Outcome(404), "pending"),
        (Outcome(410), "failed"),
        (Outcome(problem="The connection failed."), "pending"),
    ],
)
def test_what_comes_of_a_try(outcome: Outcome, status: str) -> None:
    after = a_delivery().tried(outcome, NOW)
    assert (after.status, after.attempts, after.tried_at, after.last) == (status, 1, NOW, outcome)
    assert (after.next_at is None) == (status != "pending")


def test_one_that_is_over_can_be_ordered_again() -> None:
    later = NOW + timedelta(days=1)
    again = a_delivery(attempts=3).tried(Outcome(410), NOW).ordered_again(later)
    assert (again.status, again.attempts, again.next_at) == (DeliveryStatus.PENDING, 0, later)


def test_one_that_waits_need_not_wait() -> None:
    """Its receiver answers again, and the next try would be hours from now."""
    waiting = a_delivery(attempts=5).tried(Outcome(500), NOW)
    assert waiting.next_at == NOW + PAUSES[5]
    now = NOW + timedelta(hours=1)
    again = waiting.ordered_again(now)
    assert (again.status, again.attempts, again.next_at) == (DeliveryStatus.PENDING, 0, now)


def test_one_whose_order_was_lost_can_be_ordered_again_and_one_that_is_being_tried_cannot() -> None:
    ordered = a_delivery(next_at=NOW)
    for passed in (timedelta(), TRYING - timedelta(seconds=1)):
        with pytest.raises(Conflict, match="being tried"):
            ordered.ordered_again(NOW + passed)
    assert ordered.ordered_again(NOW + TRYING).next_at == NOW + TRYING


def test_the_body_is_the_same_with_every_try() -> None:
    delivery = a_delivery(data={"file": "f"})
    body = '{"data":{"file":"f"},"timestamp":"2026-03-01T12:00:00.000000Z","type":"file.ready"}'
    assert delivery.body == delivery.tried(REFUSED, NOW).body == body


def test_its_id_is_made_from_webhook_and_event() -> None:
    first, second, event = new_id(), new_id(), new_id()
    assert delivery_id(first, event) == delivery_id(first, event)  # type: ignore[arg-type]
    assert len({delivery_id(first, event), delivery_id(second, event), delivery_id(first, new_id())}) == 3  # type: ignore[arg-type]


def test_a_secret_as_it_is_shown() -> None:
    assert secret_text(bytes(32)) == f"whsec_{'A' * 43}="


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target(True, "example.com", 443, "/")),
        ("https://Hooks.Example.com:8443/a/b?c=d&e", Target(True, "hooks.example.com", 8443, "/a/b?c=d&e")),
        ("https://xn--bcher-kva.example:443/x", Target(True, "xn--bcher-kva.example", 443, "/x")),
    ],
)
def test_where_an_address_leads(url: str, target: Target) -> None:
    assert target_of(url) == target


def test_an_address_has_an_end() -> None:
    longest = f"https://example.com/{'x' * 1980}"
    assert target_of(longest).host == "example.com"
    with pytest.raises(ValueError, match="it may have 2000 characters at most"):
        target_of(f"{longest}x")


def test_on_one_machine_a_receiver_may_be_there() -> None:
    assert target_of("http://127.0.0.1:9000/x", to_loopback=True) == Target(False, "127.0.0.1", 9000, "/x")
    for url in ("http://127.0.0.1/x", "http://10.0.0.1:9000/", "http://example.com:9000/", "https://127.0.0.1:9000/"):
        with pytest.raises(ValueError, match="Write an address"):
            target_of(url, to_loopback=True)


def test_deliveries_are_remembered_for_a_month() -> None:
    delivery: Delivery = a_delivery()
    assert delivery.forgotten_at == NOW + timedelta(days=30)
