"""From a change of a record to a receiver: announcing, trying, ordering again."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.adapters import dynamo_downloads, dynamo_files, dynamo_mails
from chalicelib.domain.errors import Busy
from chalicelib.domain.event import EventType
from chalicelib.domain.ids import MailId
from chalicelib.domain.webhook import DELETED, NOT_ORDERED, Delivery, DeliveryStatus, Outcome
from chalicelib.ports import Change
from chalicelib.services.announce_events import announce_events
from chalicelib.services.deliver_webhook import LONGEST_DELAY_SECONDS, Try, deliver_webhook
from chalicelib.services.manage_webhooks import redeliver
from tests.support.builders import (
    ALICES,
    BOBS,
    NOW,
    a_delivery,
    a_download,
    a_file,
    a_mail,
    a_ready_file,
    announcing,
    new_id,
    trying,
    webhook_of,
)
from tests.support.contract import document, validator
from tests.support.fakes import FakeWorld, raises

FILES = [a_ready_file(), a_ready_file()]


def change(old: Any, new: Any, number: str = "1") -> Change:
    return Change(number, number, NOW, new["pk"], new["sk"], old, new, expired=False)


def made_ready(file: Any = None, number: str = "1") -> Change:
    file = file or a_file()
    return change(dynamo_files.to_item(file), dynamo_files.to_item(file.made_ready("v1", NOW)), number)


def opened() -> Change:
    mail = a_mail()
    return change(dynamo_mails.to_item(mail), dynamo_mails.to_item(mail.opened(NOW)))


def performed(**changes: Any) -> Change:
    download = a_download(*FILES, **changes)
    before = dynamo_downloads._to_item(download)
    after = dynamo_downloads._to_item(replace(download, uses_left=0, sessions={"s": NOW}))
    return change(before, after | {"released": [file.id for file in FILES]})


def announce(world: FakeWorld, *changes: Change) -> list[Delivery]:
    announce_events(changes, NOW, **announcing(world))
    return list(world.deliveries.records.values())


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


# --- announcing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (made_ready(), "file.ready"),
        (opened(), "mail.opened"),
        (performed(), "download.performed"),
        (performed(mail_id=MailId(new_id())), "download.performed"),
    ],
)
def test_each_announced_event_is_one_delivery(world: FakeWorld, told: Change, kind: str) -> None:
    """With what the API's document says that a receiver is sent, and nothing else."""
    webhook = webhook_of(world, ALICES)
    (delivery,) = announce(world, told)
    assert (delivery.webhook_id, delivery.account_id, delivery.type) == (webhook.id, ALICES, kind)
    assert world.webhook_queue.orders == [(delivery.id, 0, 0)]
    request = document()["webhooks"][kind]["post"]["requestBody"]
    described = validator(request["content"]["application/json"]["schema"], closed=True)
    assert [error.message for error in described.iter_errors(json.loads(delivery.body))] == []


def test_a_perform_names_every_file(world: FakeWorld) -> None:
    webhook_of(world, ALICES)
    (delivery,) = announce(world, performed())
    assert delivery.data["files"] == [file.id for file in FILES]


def test_a_change_that_comes_again_is_told_once(world: FakeWorld) -> None:
    """It is ordered again as long as nothing was tried: the order before may be lost."""
    webhook_of(world, ALICES)
    told = made_ready()
    (first,) = announce(world, told)
    assert announce(world, told) == [first]
    assert len(world.webhook_queue.orders) == 2
    for changes in ({"attempts": 1}, {"attempts": 0, "rounds": 1}):
        world.deliveries.save(replace(world.deliveries.find(first.id), **changes))
        announce(world, told)
    assert len(world.webhook_queue.orders) == 2


def test_who_did_not_ask_is_not_told(world: FakeWorld) -> None:
    webhook_of(world, BOBS)
    webhook_of(world, ALICES, types=frozenset({EventType.MAIL_OPENED}))
    assert announce(world, made_ready(), change(None, dynamo_files.to_item(a_file()))) == []
    assert world.webhook_queue.orders == []


def test_an_account_is_looked_up_once_a_batch_and_not_without_need(world: FakeWorld) -> None:
    announce(world, change(None, dynamo_files.to_item(a_file())))
    assert world.webhooks.calls == []
    announce(world, made_ready(number="1"), made_ready(number="2"))
    assert world.webhooks.calls == ["list_of"]


def test_where_the_queue_takes_nothing_the_change_has_to_come_again(world: FakeWorld) -> None:
    webhook_of(world, ALICES)
    world.webhook_queue.before("order", raises(Busy()))
    told = made_ready()
    with pytest.raises(Busy):
        announce(world, told)
    (delivery,) = announce(world, told)
    assert world.webhook_queue.orders == [(delivery.id, 0, 0)]


# --- trying -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def delivery(world: FakeWorld) -> Delivery:
    return world.deliveries.add(a_delivery(webhook_id=webhook_of(world, ALICES).id))


def attempt(world: FakeWorld, delivery: Delivery, number: int = 0, now: Any = NOW) -> Try:
    return deliver_webhook(delivery.id, number, now, **trying(world))


def standing(world: FakeWorld, delivery: Delivery) -> Delivery:
    found = world.deliveries.find(delivery.id)
    assert found
    return found


def test_a_delivery(world: FakeWorld, delivery: Delivery) -> None:
    assert attempt(world, delivery) is Try.DELIVERED
    ((url, headers, body),) = world.send_webhook.requests
    assert (url, body) == ("https://receiver.example.com/hooks", delivery.body)
    assert headers["webhook-id"] == delivery.id
    after = standing(world, delivery)
    assert (after.status, after.attempts, after.last.answered) == (DeliveryStatus.DELIVERED, 1, 204)
    assert attempt(world, delivery) is Try.NOTHING
    assert len(world.send_webhook.requests) == 1


@pytest.mark.parametrize("answer", [500, 302, "It does not answer in time."])
def test_one_that_fails_is_tried_again_after_its_pause(world: FakeWorld, delivery: Delivery, answer: Any) -> None:
    world.send_webhook.answers = [answer, 204]
    assert attempt(world, delivery) is Try.AGAIN
    assert world.webhook_queue.orders == [(delivery.id, 1, 5)]
    assert attempt(world, delivery, 1) is Try.EARLY
    assert attempt(world, delivery, 1, NOW + timedelta(seconds=5)) is Try.DELIVERED
    assert [request[1]["webhook-id"] for request in world.send_webhook.requests] == [delivery.id] * 2


def test_a_long_pause_is_made_of_several(world: FakeWorld, delivery: Delivery) -> None:
    world.deliveries.save(replace(delivery, attempts=5, next_at=NOW + timedelta(hours=8)))
    assert attempt(world, delivery, 5) is Try.EARLY
    assert world.webhook_queue.orders == [(delivery.id, 5, LONGEST_DELAY_SECONDS)]
    assert world.send_webhook.requests == []


def test_all_of_a_day_and_then_no_more(world: FakeWorld, delivery: Delivery) -> None:
    world.send_webhook.answers = [500] * 100
    now, tries = NOW, []
    while orders := [(delivery.id, 0, 0)] if not tries else world.webhook_queue.orders:
        (_, number, delay) = orders.pop()
        now += timedelta(seconds=delay)
        tries.append(attempt(world, delivery, number, now))
    assert (tries.count(Try.AGAIN), tries[-1], len(world.send_webhook.requests)) == (7, Try.FAILED, 8)
    assert timedelta(hours=23) < now - NOW < timedelta(hours=24)


def test_an_order_of_a_try_that_was_made_goes_on_with_the_next(world: FakeWorld, delivery: Delivery) -> None:
    """The function died between noting it and ordering the next: the queue brings the old order again."""
    world.send_webhook.answers = [500]
    world.webhook_queue.before("order", raises(Busy()))
    with pytest.raises(Busy):
        attempt(world, delivery)
    assert attempt(world, delivery) is Try.EARLY
    assert world.webhook_queue.orders == [(delivery.id, 1, 5)]
    assert len(world.send_webhook.requests) == 1


def test_of_two_who_make_one_try_one_goes_on(world: FakeWorld, delivery: Delivery) -> None:
    world.send_webhook.answers = [500, 500]
    world.deliveries.before("save", lambda: attempt(world, delivery))
    assert attempt(world, delivery) is Try.NOTHING
    assert world.webhook_queue.orders == [(delivery.id, 1, 5)]
    assert standing(world, delivery).attempts == 1


def test_an_order_of_before_it_was_ordered_again_does_nothing(world: FakeWorld, delivery: Delivery) -> None:
    """Nor one that a restored table knows nothing of."""
    again = world.deliveries.save(delivery.ordered_again(NOW + timedelta(days=1)))
    for number in (0, 1, 7, again.number + 1):
        assert attempt(world, delivery, number, NOW + timedelta(days=1)) is Try.NOTHING
    assert (world.webhook_queue.orders, world.send_webhook.requests) == ([], [])


def test_where_it_cannot_be_ordered_again_it_does_not_wait_for_that(world: FakeWorld, delivery: Delivery) -> None:
    """The orders of before would do nothing, and nobody else looks."""
    later, ports = NOW + timedelta(days=1), {"webhooks": world.webhooks, "deliveries": world.deliveries}
    again = partial(redeliver, ALICES, delivery.webhook_id, delivery.id, later, **ports, queue=world.webhook_queue)
    world.webhook_queue.before("order", raises(Busy()))
    with pytest.raises(Busy):
        again()
    left = standing(world, delivery)
    assert (left.status, left.last.problem) == (DeliveryStatus.FAILED, NOT_ORDERED)
    assert world.webhook_queue.orders == []
    assert attempt(world, delivery, again().number, later) is Try.DELIVERED


def test_what_failed_is_told_also_where_the_record_was_changed_meanwhile(world: FakeWorld, delivery: Delivery) -> None:
    """The order had gone out after all, and its try was noted."""
    ports = {"webhooks": world.webhooks, "deliveries": world.deliveries, "queue": world.webhook_queue}

    def arrives_unanswered() -> None:
        world.deliveries.save(standing(world, delivery).tried(Outcome(204), NOW))
        raise Busy

    world.webhook_queue.before("order", arrives_unanswered)
    with pytest.raises(Busy):
        redeliver(ALICES, delivery.webhook_id, delivery.id, NOW + timedelta(days=1), **ports)
    assert standing(world, delivery).status is DeliveryStatus.DELIVERED


def test_a_webhook_that_was_deleted_gets_nothing_more(world: FakeWorld, delivery: Delivery) -> None:
    world.webhooks.records.clear()
    assert attempt(world, delivery) is Try.FAILED
    assert world.send_webhook.requests == []
    assert standing(world, delivery).last.problem == DELETED


def test_nothing_is_known_of_it(world: FakeWorld) -> None:
    assert attempt(world, a_delivery()) is Try.NOTHING


def test_no_secret_no_try(world: FakeWorld, delivery: Delivery) -> None:
    world.keys.before("unwrap", raises(Busy()))
    with pytest.raises(Busy):
        attempt(world, delivery)
    assert standing(world, delivery) == delivery
