"""SES on this machine: what it sends becomes an .eml file, and its mailbox simulator reports what came back.

Who may send is moto's business. Beyond that, this refuses what SES refuses and moto takes: addresses and names beyond
ASCII that are not encoded, and headers of more than one line.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends

from infra.local.http_server import answer_early

_AS_GIVEN = SMTP.clone(refold_source="none")
_SEND = "/v2/email/outbound-emails"
_DESTINATIONS = re.compile(r"/v2/email/configuration-sets/([^/]+)/event-destinations")
_FEEDBACK = re.compile(r"/v2/email/identities/([^/]+)/feedback")

# SES's mailbox simulator: mail to these comes back, as bounceType and bounceSubType.
SIMULATED = {
    "bounce@simulator.amazonses.com": ("Permanent", "General"),
    "suppressionlist@simulator.amazonses.com": ("Permanent", "Suppressed"),
    "ooto@simulator.amazonses.com": ("Transient", "General"),
}


class LocalSes:
    """`moto` answers what is not said here."""

    def __init__(self, moto: Callable[..., Iterable[bytes]], region: str, outbox: Path) -> None:
        self._moto, self._region, self._outbox = moto, region, outbox
        self._numbers = itertools.count(1)
        self.event_destinations: dict[str, list[Any]] = {}  # by configuration set
        self.feedback: dict[str, Any] = {}  # by identity

    def __call__(self, environ: dict[str, Any], start_response: StartResponse, body: bytes) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == _SEND:
            return self._send(environ, start_response, json.loads(body))
        if match := _DESTINATIONS.fullmatch(path):
            self.event_destinations.setdefault(match[1], []).append(json.loads(body)["EventDestination"])
            return _answer(environ, start_response, {})
        if match := _FEEDBACK.fullmatch(path):
            self.feedback[match[1]] = json.loads(body)
            return _answer(environ, start_response, {})
        return list(self._moto(environ, start_response))

    def _send(
        self, environ: dict[str, Any], start_response: StartResponse, request: Mapping[str, Any]
    ) -> Iterable[bytes]:
        try:
            message = _message(request)
        except ValueError as error:
            return _answer(environ, start_response, {"message": str(error)}, "400 Bad Request", "BadRequestException")
        status: list[str] = []

        def watched(line: str, headers: Any, trouble: Any = None) -> Any:
            status.append(line)
            return start_response(line, headers, trouble)

        answer = list(self._moto(environ, watched))
        if status[0].startswith("200"):
            self._deliver(json.loads(b"".join(answer))["MessageId"], message, request)
        return answer

    def _deliver(self, message_id: str, message: EmailMessage, request: Mapping[str, Any]) -> None:
        message["Message-ID"] = f"<{message_id}@{self._region}.amazonses.com>"
        path = self._outbox / f"{next(self._numbers):06}-{message_id}.eml"
        unfinished = path.with_suffix(".part")  # whoever watches the folder sees whole files only
        unfinished.write_bytes(message.as_bytes())
        unfinished.rename(path)
        for recipient in request["Destination"]["ToAddresses"]:
            if recipient in SIMULATED:
                self._report(message_id, recipient, request)

    def _report(self, message_id: str, recipient: str, request: Mapping[str, Any]) -> None:
        configuration_set = request.get("ConfigurationSetName", "")
        if not any(_hears_of_bounces(it) for it in self.event_destinations.get(configuration_set, [])):
            return
        kind, subkind = SIMULATED[recipient]
        tags = {tag["Name"]: [tag["Value"]] for tag in request.get("EmailTags", [])}
        detail = {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": kind,
                "bounceSubType": subkind,
                "bouncedRecipients": [{"emailAddress": recipient}],
                "timestamp": datetime.now(UTC).isoformat(),
            },
            "mail": {
                "messageId": message_id,
                "destination": [recipient],
                "tags": {**tags, "ses:configuration-set": [configuration_set]},
            },
        }
        event = {"Source": "aws.ses", "DetailType": "Email Bounced", "Detail": json.dumps(detail)}
        events_backends[DEFAULT_ACCOUNT_ID][self._region].put_events([event])


def _hears_of_bounces(destination: Mapping[str, Any]) -> bool:
    kinds = {str(kind).upper() for kind in destination["MatchingEventTypes"]}
    return bool(destination.get("Enabled")) and "BOUNCE" in kinds and "EventBridgeDestination" in destination


def _message(request: Mapping[str, Any]) -> EmailMessage:
    """Raises ValueError for what SES does not take."""
    simple = request["Content"]["Simple"]
    message = EmailMessage(_AS_GIVEN)
    message.set_raw("From", _mailboxes([request["FromEmailAddress"]]))
    message.set_raw("To", _mailboxes(request["Destination"]["ToAddresses"]))
    if reply_to := request.get("ReplyToAddresses"):
        message.set_raw("Reply-To", _mailboxes(reply_to))
    message["Subject"] = simple["Subject"]["Data"]
    message["Date"] = format_datetime(datetime.now(UTC))
    for header in simple.get("Headers", []):
        message[header["Name"]] = header["Value"]
    message.set_content(simple["Body"]["Text"]["Data"])
    message.add_alternative(simple["Body"]["Html"]["Data"], subtype="html")
    return message


def _mailboxes(given: Sequence[str]) -> str:
    """As they were given: Python, parsing them, puts spaces between encoded words that belong together."""
    joined = ", ".join(given)
    if not joined.isascii() or not joined.isprintable():
        raise ValueError("Addresses and names beyond ASCII have to be encoded.")
    return joined


def _answer(
    environ: dict[str, Any], start_response: StartResponse, content: Any, status: str = "200 OK", error: str = ""
) -> Iterable[bytes]:
    headers = [("Content-Type", "application/json")] + ([("x-amzn-ErrorType", error)] if error else [])
    return answer_early(environ, start_response, status, headers, json.dumps(content).encode())
