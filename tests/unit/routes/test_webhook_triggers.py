"""on_webhook, called as Lambda calls it, and the webhooks' part in on_change."""

import json
from typing import Any

import pytest

import app as table_of_contents
from chalicelib.domain.act import Actor
from chalicelib.domain.webhook import Delivery, DeliveryStatus
from chalicelib.routes import triggers, webhook_triggers
from tests.support.app_client import LambdaContext
from tests.support.builders import ALICES, NOW, a_delivery, webhook_of
from tests.support.clock import Clock
from tests.support.fakes import FakeWorld
from tests.unit.services.test_webhooks import made_ready

CONTEXT = LambdaContext("request-1")


def run(*bodies: str) -> Any:
    records = [{"messageId": f"m{index}", "receiptHandle": "r", "body": body} for index, body in enumerate(bodies)]
    return table_of_contents.on_webhook({"Records": records}, CONTEXT)


def order(delivery: Delivery, attempt: int = 0) -> str:
    return json.dumps({"delivery": delivery.id, "attempt": attempt})


@pytest.fixture
def delivery(world: FakeWorld, clock: Clock) -> Delivery:
    return world.deliveries.add(a_delivery(webhook_id=webhook_of(world, ALICES).id, next_at=NOW))


def test_an_order(world: FakeWorld, delivery: Delivery, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(order(delivery)) == {"batchItemFailures": []}
    assert world.deliveries.records[delivery.id].status is DeliveryStatus.DELIVERED
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line == {"event": "webhook_event", "delivery": delivery.id, "attempt": 0, "outcome": "delivered"}
    assert (world.acts[-1].actor, world.acts[-1].request_id) == (Actor.WEBHOOKS, "m0")


def test_s1_no_address_body_or_signature_is_logged(
    world: FakeWorld, delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    world.send_webhook.answers = ["The connection failed."]
    run(order(delivery))
    said = capsys.readouterr().out
    ((url, headers, body),) = world.send_webhook.requests
    assert not any(word in said for word in (url, "receiver", body, headers["webhook-signature"]))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"delivery": "x", "attempt": 0}',
        '{"delivery": "7c9e6679-7425-80de-944b-e07fc1f90ae7", "attempt": -1}',
        '{"delivery": "7c9e6679-7425-80de-944b-e07fc1f90ae7", "attempt": "0"}',
        '{"delivery": "7c9e6679-7425-80de-944b-e07fc1f90ae7", "attempt": 0, "url": "https://elsewhere.example"}',
    ],
)
def test_what_is_no_order_of_ours_is_a_dead_letter(world: FakeWorld, delivery: Delivery, body: str) -> None:
    assert run(body, order(delivery)) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(world.send_webhook.requests) == 1


def test_on_change_announces(world: FakeWorld, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert webhook_triggers.announce in triggers._consumers()
    webhook = webhook_of(world, ALICES)
    webhook_triggers.announce([made_ready()])
    ((delivery_id, attempt, delay),) = world.webhook_queue.orders
    assert (world.deliveries.records[delivery_id].webhook_id, attempt, delay) == (webhook.id, 0, 0)
    assert json.loads(capsys.readouterr().out) == {"event": "webhooks_ordered", "deliveries": 1}
    webhook_triggers.announce([])
    assert capsys.readouterr().out == ""
