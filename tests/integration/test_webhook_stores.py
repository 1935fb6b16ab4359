"""WebhookStore and DeliveryStore: what their ports promise, of the fakes and of DynamoDB. And the queue."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.ids import WebhookId
from chalicelib.domain.webhook import MAX_WEBHOOKS, Outcome
from chalicelib.ports import StaleRecord, TooManyWebhooks
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.support.builders import BOBS, NOW, a_delivery, a_webhook, new_id


def test_webhooks_of_an_account_oldest_first(ports: World) -> None:
    webhooks = [a_webhook(created_at=NOW + timedelta(seconds=age)) for age in (2, 0, 1)]
    for webhook in (*webhooks, a_webhook(account_id=BOBS)):
        ports.webhooks.add(webhook)
    assert ports.webhooks.list_of(webhooks[0].account_id) == [webhooks[1], webhooks[2], webhooks[0]]
    assert ports.webhooks.find(webhooks[0].id) == webhooks[0]
    assert ports.webhooks.find(WebhookId(new_id())) is None


def test_one_that_is_removed_is_gone_and_makes_room(ports: World) -> None:
    webhooks = [a_webhook() for _ in range(MAX_WEBHOOKS)]
    for webhook in webhooks:
        ports.webhooks.add(webhook)
    with pytest.raises(TooManyWebhooks):
        ports.webhooks.add(a_webhook())
    assert len(ports.webhooks.list_of(webhooks[0].account_id)) == MAX_WEBHOOKS
    assert ports.webhooks.remove(webhooks[0], NOW) is True
    assert ports.webhooks.remove(webhooks[0], NOW) is False
    assert ports.webhooks.find(webhooks[0].id) is None
    assert webhooks[0] not in ports.webhooks.list_of(webhooks[0].account_id)
    ports.webhooks.add(a_webhook())


def test_the_secret_goes_with_the_webhook(world: World) -> None:
    """Its record stays for a day, to say who removed it."""
    webhook = a_webhook()
    world.webhooks.add(webhook)
    world.webhooks.remove(webhook, NOW)
    item = world._table.get((f"WEBHOOK#{webhook.id}", "WEBHOOK"))
    assert item
    assert not {"secret", "url"} & item.keys()


def test_a_rival_cannot_make_one_too_many(world: World, hooks: Hooks) -> None:
    for _ in range(MAX_WEBHOOKS - 1):
        world.webhooks.add(a_webhook())
    hooks.rival_before("dynamodb.TransactWriteItems", lambda: world.webhooks.add(a_webhook()))
    with pytest.raises(TooManyWebhooks):
        world.webhooks.add(a_webhook())
    assert len(world.webhooks.list_of(a_webhook().account_id)) == MAX_WEBHOOKS


def test_a_delivery_is_there_once(ports: World) -> None:
    first = ports.deliveries.add(a_delivery(data={"files": ["a", "b"], "uses_left": 3}))
    assert first.revision == 1
    assert ports.deliveries.add(replace(first, type="mail.opened", revision=0)) == first
    assert ports.deliveries.find(first.id) == first


def test_what_was_changed_meanwhile_is_not_overwritten(ports: World) -> None:
    read = ports.deliveries.add(a_delivery())
    tried = ports.deliveries.save(read.tried(Outcome(problem="The connection failed."), NOW))
    assert ports.deliveries.find(read.id) == tried
    with pytest.raises(StaleRecord):
        ports.deliveries.save(read.tried(Outcome(204), NOW))
    with pytest.raises(StaleRecord):
        ports.deliveries.save(a_delivery())


def test_one_of_before_there_were_rounds(world: World, aws: EmulatedAws) -> None:
    stored = world.deliveries.add(a_delivery())
    key = {"pk": {"S": f"DELIVERY#{stored.id}"}, "sk": {"S": "DELIVERY"}}
    aws.clients("dynamodb").update_item(TableName=aws.metadata_table, Key=key, UpdateExpression="REMOVE rounds")
    assert world.deliveries.find(stored.id) == stored
    again = world.deliveries.save(stored.ordered_again(NOW + timedelta(days=1)))
    assert again.rounds == 1
    assert world.deliveries.find(stored.id) == again


def test_pages_of_one_webhooks_deliveries(ports: World) -> None:
    webhook_id = WebhookId(new_id())
    made = [
        ports.deliveries.add(a_delivery(webhook_id=webhook_id, created_at=NOW + timedelta(seconds=age)))
        for age in range(3)
    ]
    ports.deliveries.add(a_delivery())
    first = ports.deliveries.list_of(webhook_id, 2, None)
    assert list(first.rows) == [made[2], made[1]]
    assert list(ports.deliveries.list_of(webhook_id, 2, first.next).rows) == [made[0]]


def test_an_order(world: World, aws: EmulatedAws) -> None:
    delivery_id = a_delivery().id
    world.webhook_queue.order(delivery_id, 3)
    queue: dict[str, Any] = {"QueueUrl": aws.applied.outputs["WebhookQueueUrl"]}
    (message,) = aws.clients("sqs").receive_message(**queue)["Messages"]
    assert json.loads(message["Body"]) == {"delivery": delivery_id, "attempt": 3}
    world.webhook_queue.order(delivery_id, 4, 900)
    assert "Messages" not in aws.clients("sqs").receive_message(**queue)
