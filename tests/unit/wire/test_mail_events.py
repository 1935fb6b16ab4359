"""What the delivery function's queue may hold."""

import json
from typing import Any

import pytest

from chalicelib.adapters.sqs_mail_queue import DELIVER, REMIND, _order
from chalicelib.domain.ids import MailId
from chalicelib.wire.mail_events import CameBack, Deliver, NotOurMailEvent, Passing, Remind, parse_mail_event
from tests.support.builders import new_id

OURS = "sealdrop-test-mail"
MAIL = MailId(new_id())


def report(*, bounce: tuple[str, str] | None = ("Permanent", "General"), **changes: Any) -> dict[str, Any]:
    """As SES puts it on the bus; with much more in it than is read."""
    kind = {"bounceType": bounce[0], "bounceSubType": bounce[1], "bouncedRecipients": []} if bounce else None
    tags = {"ses:configuration-set": [OURS], "ses:from-domain": ["example.com"], "mail": [MAIL]}
    mail = {"messageId": "m-1", "timestamp": "x", "tags": tags | {"occasion": ["delivery"]} | changes.pop("tags", {})}
    detail = {"eventType": "Bounce", "mail": mail | changes.pop("mail", {})} | ({"bounce": kind} if kind else {})
    event = {"version": "0", "source": "aws.ses", "detail-type": "Email Bounced", "detail": detail}
    return event | changes


def parsed(event: Any, configuration_set: str | None = OURS) -> Any:
    return parse_mail_event(event if isinstance(event, str) else json.dumps(event), configuration_set)


def test_orders_are_read_as_they_are_written() -> None:
    assert parsed(_order(DELIVER, MAIL)) == Deliver(MAIL)
    assert parsed(_order(REMIND, MAIL)) == Remind(MAIL)
    assert parsed(_order(DELIVER, MAIL), None) == Deliver(MAIL)


@pytest.mark.parametrize(
    ("bounce", "word"),
    [
        (("Permanent", "General"), "does not take it"),
        (("Permanent", "NoEmail"), "no such address"),
        (("Permanent", "Suppressed"), "before"),
        (("Permanent", "OnAccountSuppressionList"), "before"),
        (("Transient", "MailboxFull"), "full"),
        (("Undetermined", "Undetermined"), "does not take it"),
    ],
)
def test_what_came_back(bounce: tuple[str, str], word: str) -> None:
    came_back = parsed(report(bounce=bounce))
    assert (came_back.mail_id, came_back.message_id) == (MAIL, "m-1")
    assert word in came_back.reason


def test_a_bounce_without_a_subtype() -> None:
    event = report()
    del event["detail"]["bounce"]["bounceSubType"]
    assert isinstance(parsed(event), CameBack)


def test_what_ses_found_harmful() -> None:
    rejected = parsed(report(bounce=None, **{"detail-type": "Email Rejected"}))
    assert rejected == CameBack(MAIL, "m-1", "The mail service found it harmful and did not send it.")


def test_an_automatic_answer_is_no_bounce() -> None:
    """SES reports out-of-office notes as bounces of this kind."""
    assert parsed(report(bounce=("Transient", "General"))) == Passing()


def test_a_reminder_that_came_back_changes_nothing() -> None:
    assert parsed(report(tags={"occasion": ["reminder"]})) == Passing()


@pytest.mark.parametrize(
    "event",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        {},
        {"source": "sealdrop"},
        {"source": "sealdrop", "detail-type": "Mail Queued", "detail": {}},
        {"source": "sealdrop", "detail-type": "Mail Queued", "detail": {"mail": "x"}},
        {"source": "sealdrop", "detail-type": "Mail Queued", "detail": {"mail": [MAIL]}},
        {"source": "sealdrop", "detail-type": "Email Bounced", "detail": {"mail": MAIL}},
        {"source": "aws.ses", "detail-type": "Mail Queued", "detail": {"mail": MAIL}},
        report(source="aws.s3"),
        report(source="sealdrop"),
        report(**{"detail-type": "Email Delivered"}),
        report(tags={"ses:configuration-set": ["another"]}),
        report(tags={"ses:configuration-set": [OURS, "another"]}),
        report(tags={"ses:configuration-set": []}),
        report(tags={"mail": []}),
        report(tags={"mail": ["x"]}),
        report(tags={"mail": [MAIL, MAIL]}),
        report(mail={"messageId": ""}),
        report(mail={"tags": None}),
    ],
)
def test_what_is_not_ours(event: Any) -> None:
    with pytest.raises(NotOurMailEvent):
        parsed(event)


def test_without_a_configuration_set_no_report_is_ours() -> None:
    with pytest.raises(NotOurMailEvent):
        parsed(report(), None)
