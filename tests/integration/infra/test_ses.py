"""SES on this machine: what is sent lands in the outbox, what SES refuses is refused, what comes back is reported."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.stack import MAIL_FROM, EmulatedAws, emulated_aws

FROM = f"Alice Archer by Sealdrop <{MAIL_FROM}>"


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated:
        yield emulated


@pytest.fixture(autouse=True)
def _empty(aws: EmulatedAws) -> None:
    for path in aws.outbox.iterdir():
        path.unlink()
    while reports(aws):
        continue


def send(aws: EmulatedAws, to: str = "carol@example.net", **changes: Any) -> str:
    text, html = {"Data": "Ein Gruß."}, {"Data": "<p>Ein Gruß.</p>"}
    simple = {"Subject": {"Data": "Grüße"}, "Body": {"Text": text, "Html": html}} | changes.pop("simple", {})
    request = {
        "FromEmailAddress": FROM,
        "Destination": {"ToAddresses": [to]},
        "ReplyToAddresses": ["alice@example.com"],
        "Content": {"Simple": simple},
        "ConfigurationSetName": aws.applied.refs["MailConfigurationSet"],
        "EmailTags": [{"Name": "mail", "Value": "m1"}],
    }
    answer = aws.clients("sesv2").send_email(**request | changes)
    message_id: str = answer["MessageId"]
    return message_id


def outbox(aws: EmulatedAws) -> list[EmailMessage]:
    found: list[Any] = [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(aws.outbox.iterdir())]
    return found


def reports(aws: EmulatedAws) -> list[Any]:
    sqs, queue = aws.clients("sqs"), {"QueueUrl": aws.mail_queue_url}
    received = sqs.receive_message(**queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in received:
        sqs.delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in received]


def test_a_message_is_a_file(aws: EmulatedAws) -> None:
    message_id = send(aws, simple={"Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}]})
    (message,) = outbox(aws)
    assert message_id in message["Message-ID"]
    assert (message["From"], message["To"], message["Reply-To"]) == (FROM, "carol@example.net", "alice@example.com")
    assert (message["Subject"], message["Auto-Submitted"]) == ("Grüße", "auto-generated")
    assert message.get_content_type() == "multipart/alternative"
    parts = [part.get_content().strip() for part in message.iter_parts()]
    assert parts == ["Ein Gruß.", "<p>Ein Gruß.</p>"]
    assert reports(aws) == []


def test_files_stand_in_the_order_of_sending(aws: EmulatedAws) -> None:
    for number in range(12):
        send(aws, to=f"{number}@example.net")
    assert [message["To"] for message in outbox(aws)] == [f"{number}@example.net" for number in range(12)]


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "jürgen@example.net"},
        {"FromEmailAddress": f"Jürgen <{MAIL_FROM}>"},
        {"simple": {"Subject": {"Data": "one\r\nBcc: everybody@example.net"}}},
        {"simple": {"Headers": [{"Name": "X-Y", "Value": "one\nBcc: everybody@example.net"}]}},
        {"FromEmailAddress": "somebody@example.org"},
    ],
    ids=["address", "name", "subject", "header", "identity"],
)
def test_what_ses_refuses(aws: EmulatedAws, changes: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as caught:
        send(aws, **changes)
    assert caught.value.response["Error"]["Code"] in {"BadRequestException", "MessageRejected"}
    assert outbox(aws) == []


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("bounce@simulator.amazonses.com", ("Permanent", "General")),
        ("suppressionlist@simulator.amazonses.com", ("Permanent", "Suppressed")),
        ("ooto@simulator.amazonses.com", ("Transient", "General")),
    ],
)
def test_the_simulator_reports(aws: EmulatedAws, to: str, kind: tuple[str, str]) -> None:
    message_id = send(aws, to=to)
    (event,) = reports(aws)
    assert (event["source"], event["detail-type"]) == ("aws.ses", "Email Bounced")
    detail = event["detail"]
    assert (detail["bounce"]["bounceType"], detail["bounce"]["bounceSubType"]) == kind
    assert detail["mail"]["messageId"] == message_id
    assert detail["mail"]["tags"] == {"mail": ["m1"], "ses:configuration-set": ["sealdrop-dev-mail"]}


def test_without_the_configuration_set_nobody_hears(aws: EmulatedAws) -> None:
    aws.clients("sesv2").create_configuration_set(ConfigurationSetName="deaf")
    send(aws, to="bounce@simulator.amazonses.com", ConfigurationSetName="deaf")
    assert reports(aws) == []


def test_without_a_signature_nothing_is_sent(aws: EmulatedAws) -> None:
    import urllib3

    answer = urllib3.request("POST", f"{aws.endpoint_url}/v2/email/outbound-emails", body=b"{}", retries=False)
    assert answer.status == 403
    assert outbox(aws) == []
