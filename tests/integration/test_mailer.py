"""Mailer: what its port promises, of the fake and of the SES adapter; and what SES sends."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy
from chalicelib.domain.notification import Notification
from chalicelib.ports import NeverSendable, NotSentNow
from infra.local.stack import MAIL_FROM, EmulatedAws
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.support.builders import a_notification


def test_each_message_has_an_id_of_its_own(ports: World) -> None:
    ids = [ports.mailer.send(a_notification()) for _ in range(2)]
    assert all(ids)
    assert len(set(ids)) == 2


@pytest.fixture
def sent(world: World, aws: EmulatedAws) -> Any:
    for path in aws.outbox.iterdir():
        path.unlink()

    def send(notification: Notification) -> EmailMessage:
        world.mailer.send(notification)
        (path,) = aws.outbox.iterdir()
        message: Any = message_from_bytes(path.read_bytes(), policy=default)
        return message

    return send


def test_what_arrives(sent: Any) -> None:
    notification = a_notification()
    message = sent(notification)
    assert message["From"] == f"Alice Archer by Sealdrop <{MAIL_FROM}>"
    assert (message["To"], message["Reply-To"]) == ("carol@example.net", "alice@example.com")
    assert (message["Subject"], message["Auto-Submitted"]) == ("Your invoice", "auto-generated")
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    for part in (plain, html):
        assert notification.link in part.get_content()


def test_names_and_domains_beyond_ascii(sent: Any) -> None:
    name = "Jürgen Österreicher-" * 5 + "签署"
    message = sent(
        a_notification(
            sender_name=name,
            sender_email="jo@bücher.example",
            recipient_email="carol@münchen.example",
            subject="Grüße 签署",
        )
    )
    words, address = parseaddr(dict(message.raw_items())["From"])  # its own parsing puts spaces into them
    assert (str(make_header(decode_header(words))), address) == (f"{name} by Sealdrop", MAIL_FROM)
    assert (message["To"], message["Reply-To"]) == ("carol@xn--mnchen-3ya.example", "jo@xn--bcher-kva.example")
    assert message["Subject"] == "Grüße 签署"


@pytest.mark.parametrize("name", ['Alice "Ace" Archer', "Archer, Alice", "A <a@evil.example>", "A\\", "a@evil.example"])
def test_a_name_stays_a_name(sent: Any, name: str) -> None:
    (mailbox,) = sent(a_notification(sender_name=name))["From"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == (f"{name} by Sealdrop", MAIL_FROM)


@pytest.mark.parametrize("address", ["jürgen@example.net", f"a@{'x' * 64}.example", "a@ex..ample"])
def test_what_is_no_address(world: World, hooks: Hooks, address: str) -> None:
    calls = hooks.count("sesv2")
    with pytest.raises(NeverSendable):
        world.mailer.send(a_notification(recipient_email=address))
    assert calls == []


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_what_ses_refuses_for_good(world: World, hooks: Hooks, code: str) -> None:
    hooks.refuse("sesv2.SendEmail", code)
    with pytest.raises(NeverSendable) as caught:
        world.mailer.send(a_notification())
    assert str(caught.value) == "The mail service refused to send it to this address."


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("TooManyRequestsException", 429),
        ("ThrottlingException", 400),
        ("LimitExceededException", 400),
        ("SendingPausedException", 400),
        ("AccountSuspendedException", 400),
        ("MailFromDomainNotVerifiedException", 400),
        ("NotFoundException", 404),
    ],
)
def test_what_ses_surely_did_not_send(world: World, hooks: Hooks, code: str, status: int) -> None:
    hooks.refuse("sesv2.SendEmail", code, status)
    with pytest.raises(NotSentNow):
        world.mailer.send(a_notification())


def test_an_identity_that_is_not_verified_is_no_fault_of_the_mail(world: World) -> None:
    from chalicelib.adapters.ses_mailer import SesMailer

    mailer = SesMailer(world._client("sesv2"), "nobody@example.org", None)
    with pytest.raises(NotSentNow):
        mailer.send(a_notification())


@pytest.mark.parametrize("error", BROKEN_LINES.values(), ids=BROKEN_LINES)
def test_a_broken_line_is_tried_once_and_tells_nothing(world: World, hooks: Hooks, error: type[Exception]) -> None:
    """botocore must not try again by itself: SES would send twice."""
    attempts: list[Any] = []
    hooks.watch("sesv2.SendEmail", attempts.append)
    hooks.break_line("sesv2.SendEmail", error)
    with pytest.raises(Busy):
        world.mailer.send(a_notification())
    assert len(attempts) == 1


def test_a_lost_answer_is_one_message(world: World, hooks: Hooks, aws: EmulatedAws) -> None:
    for path in aws.outbox.iterdir():
        path.unlink()
    hooks.lose_answers("sesv2.SendEmail", times=3)
    with pytest.raises(Busy):
        world.mailer.send(a_notification())
    assert len(list(aws.outbox.iterdir())) == 1


def test_what_only_a_person_can_mend(world: World, hooks: Hooks) -> None:
    hooks.refuse("sesv2.SendEmail", "AccessDeniedException", 403)
    with pytest.raises(ClientError):
        world.mailer.send(a_notification())
