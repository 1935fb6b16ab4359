"""The delivery function and the sweep's part in mails, called as Lambda calls them."""

import json
from datetime import timedelta
from typing import Any

import pytest

import app as table_of_contents
from chalicelib.adapters.sqs_mail_queue import DELIVER, REMIND, _order
from chalicelib.domain.errors import Busy
from chalicelib.domain.mail import Mail, MailStatus
from chalicelib.ports import NotSentNow
from tests.support.app_client import LambdaContext
from tests.support.builders import NOW, stored_mail
from tests.support.clock import Clock
from tests.support.fakes import FakeWorld, raises
from tests.unit.routes.test_triggers import SCHEDULED
from tests.unit.wire.test_mail_events import report

CONTEXT = LambdaContext("request-1")


def run(*bodies: str) -> Any:
    records = [{"messageId": f"m{index}", "receiptHandle": "r", "body": body} for index, body in enumerate(bodies)]
    return table_of_contents.on_mail({"Records": records}, CONTEXT)


def done(answer: Any) -> bool:
    return bool(answer == {"batchItemFailures": []})


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def mail(world: FakeWorld, clock: Clock) -> Mail:
    return stored_mail(world)


def test_an_order_to_send(world: FakeWorld, mail: Mail, capsys: pytest.CaptureFixture[str]) -> None:
    assert done(run(_order(DELIVER, mail.id)))
    assert world.mails.records[mail.id].status is MailStatus.SUCCESS
    assert lines(capsys) == [{"event": "mail_event", "kind": "Deliver", "mail": mail.id, "outcome": "sent"}]


def test_an_order_to_remind(world: FakeWorld, mail: Mail, clock: Clock) -> None:
    run(_order(DELIVER, mail.id))
    clock.tick(days=12)
    assert done(run(_order(REMIND, mail.id)))
    assert [told.occasion for told in world.mailer.sent] == ["delivery", "reminder"]
    assert done(run(_order(REMIND, mail.id)))
    assert len(world.mailer.sent) == 2


def test_a_report(world: FakeWorld, mail: Mail) -> None:
    run(_order(DELIVER, mail.id))
    event = report(tags={"mail": [mail.id]}, mail={})
    event["detail"]["mail"]["messageId"] = "message-1"
    assert done(run(json.dumps(event)))
    assert world.mails.records[mail.id].status is MailStatus.FAILED


def test_a_report_that_changes_nothing(world: FakeWorld, mail: Mail, capsys: pytest.CaptureFixture[str]) -> None:
    assert done(run(json.dumps(report(bounce=("Transient", "General")))))
    assert lines(capsys) == [{"event": "mail_event", "kind": "Passing", "outcome": "nothing to do"}]


@pytest.mark.parametrize("trouble", [Busy(), NotSentNow("x"), RuntimeError("odd")])
def test_trouble_brings_the_message_again(
    world: FakeWorld, mail: Mail, capsys: pytest.CaptureFixture[str], trouble: Exception
) -> None:
    world.mailer.before("send", raises(trouble))
    assert run(_order(DELIVER, mail.id)) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    (line,) = lines(capsys)
    assert (line["event"], line["message_id"], line["error"]) == ("mail_event_failed", "m0", type(trouble).__name__)


def test_each_message_fails_alone(world: FakeWorld, mail: Mail) -> None:
    assert run("{", _order(DELIVER, mail.id)) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert world.mails.records[mail.id].status is MailStatus.SUCCESS


def test_no_link_is_logged(world: FakeWorld, mail: Mail, capsys: pytest.CaptureFixture[str]) -> None:
    world.mailer.after("send", raises(RuntimeError(f"after {mail.id}")))
    run(_order(DELIVER, mail.id))
    run(_order(DELIVER, mail.id))
    key = str(world.mailer.sent[0].link).partition("#")[2]
    logged = capsys.readouterr().out
    assert logged
    assert key not in logged
    assert "example.net" not in logged


class TestSweep:
    def test_it_says_what_it_did(self, world: FakeWorld, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
        mails = [stored_mail(world) for _ in range(2)]
        clock.tick(minutes=15)
        world.mails.before("find", raises(Busy(reason="throttled")))
        answer = table_of_contents.sweep(SCHEDULED, CONTEXT)
        assert (answer["mails_seen"], answer["mails_queued"], answer["mails_failed"]) == (2, 1, 0)
        _, failed, line = lines(capsys)
        assert (failed["event"], failed["error"]) == ("mail_sweep_failed", "Busy")
        assert failed["mail"] in {mail.id for mail in mails}
        numbers = [line[name] for name in ("MailsDue", "MailsQueuedAgain", "RemindersQueued", "MailSweepFailures")]
        assert numbers == [2, 1, 0, 1]

    def test_a_mail_goes_all_the_way_by_it(self, world: FakeWorld, clock: Clock) -> None:
        """The order was lost, then the reader forgot about it."""
        mail = stored_mail(world)
        clock.tick(minutes=15)
        table_of_contents.sweep(SCHEDULED, CONTEXT)
        run(*[_order(DELIVER, mail_id) for mail_id in world.mail_queue.to_deliver])
        assert world.mails.records[mail.id].sent_at == NOW + timedelta(minutes=15)
        clock.tick(days=12)
        table_of_contents.sweep(SCHEDULED, CONTEXT)
        run(*[_order(REMIND, mail_id) for mail_id in world.mail_queue.to_remind])
        assert [told.occasion for told in world.mailer.sent] == ["delivery", "reminder"]
