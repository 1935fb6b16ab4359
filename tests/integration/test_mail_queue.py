"""MailQueue: what its port promises, of the fake and of the SQS adapter; and what arrives."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import MailId
from chalicelib.wire.mail_events import Deliver, Remind, parse_mail_event
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.support.builders import new_id


@pytest.fixture
def arrived(aws: EmulatedAws) -> Iterator[Any]:
    """All that has arrived, as the delivery function reads it."""
    sqs, queue = aws.clients("sqs"), {"QueueUrl": aws.mail_queue_url}

    def read() -> list[Any]:
        events = []
        while messages := sqs.receive_message(**queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                events.append(parse_mail_event(message["Body"], None))
                sqs.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
        return events

    read()
    yield read
    read()


@pytest.mark.parametrize("count", [0, 1, 10, 11, 50])
def test_every_order_arrives_once(world: World, arrived: Any, count: int) -> None:
    ids = [MailId(new_id()) for _ in range(count)]
    world.mail_queue.deliver(ids)
    assert sorted(event.mail_id for event in arrived()) == sorted(ids)


def test_orders_are_told_apart(world: World, arrived: Any) -> None:
    mail_id = MailId(new_id())
    world.mail_queue.deliver([mail_id])
    world.mail_queue.remind([mail_id])
    assert sorted(arrived(), key=repr) == [Deliver(mail_id), Remind(mail_id)]


def test_an_order_is_an_id_and_nothing_more(world: World, aws: EmulatedAws, arrived: Any) -> None:
    mail_id = MailId(new_id())
    world.mail_queue.deliver([mail_id])
    (message,) = aws.clients("sqs").receive_message(QueueUrl=aws.mail_queue_url, VisibilityTimeout=0)["Messages"]
    assert json.loads(message["Body"]) == {
        "source": "sealdrop",
        "detail-type": "Mail Queued",
        "detail": {"mail": mail_id},
    }


def test_fifty_take_five_calls(world: World, hooks: Hooks, arrived: Any) -> None:
    calls = hooks.count("sqs")
    world.mail_queue.deliver([MailId(new_id()) for _ in range(50)])
    assert calls == ["sqs.SendMessageBatch"] * 5
    assert len(arrived()) == 50


@pytest.mark.parametrize(
    ("code", "fault", "outcome"),
    [("InternalError", False, Busy), ("RequestThrottled", True, Busy), ("InvalidMessageContents", True, RuntimeError)],
)
def test_sqs_answers_200_also_when_it_took_only_some(
    world: World, hooks: Hooks, code: str, fault: bool, outcome: type[Exception]
) -> None:
    failed = {"Id": "0", "Code": code, "SenderFault": fault, "Message": "as told"}
    hooks.answer("sqs.SendMessageBatch", json.dumps({"Successful": [], "Failed": [failed]}).encode())
    with pytest.raises(outcome):
        world.mail_queue.deliver([MailId(new_id())])
