"""Notifications by SES. Its client must not repeat a call by itself: SES would send once more."""

import re
from email.header import Header
from email.utils import formataddr
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import call, code_of
from chalicelib.adapters.ses_letters import letter_of
from chalicelib.domain.errors import Busy
from chalicelib.domain.notification import Notification
from chalicelib.ports import NeverSendable, NotSentNow

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

REFUSED = "The mail service refused to send it to this address."
_NOT_NOW = frozenset(
    {
        "AccountSuspendedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",  # the configuration set
        "SendingPausedException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_NO_SUCH_ADDRESS = "E-mail knows no such address."
_ONE_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_NEVER = frozenset({"BadRequestException", "InvalidParameterValue", "MessageRejected"})


class SesMailer:
    def __init__(self, client: "SESV2Client", mail_from: str, configuration_set: str | None) -> None:
        self._client, self._mail_from, self._configuration_set = client, mail_from, configuration_set

    def send(self, notification: Notification) -> str:
        try:
            answer = call(self._client.send_email, **self._request(notification))
        except ClientError as error:
            raise _meaning(error) or error from error
        except Busy as busy:  # what AWS itself answered is known not to have been sent
            cause = busy.__cause__
            raise (_meaning(cause) if isinstance(cause, ClientError) else None) or busy from cause
        return answer["MessageId"]

    def _request(self, notification: Notification) -> dict[str, Any]:
        """Raises NeverSendable for addresses that e-mail does not know."""
        letter = letter_of(notification)
        simple = {
            "Subject": _utf8(letter.subject),
            "Body": {"Text": _utf8(letter.text), "Html": _utf8(letter.html)},
            "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],  # no out-of-office notes in return
        }
        request = {
            "FromEmailAddress": _mailbox(f"{notification.sender_name} by Sealdrop", self._mail_from),
            "ReplyToAddresses": [_address(notification.sender_email)],
            "Destination": {"ToAddresses": [_address(notification.recipient_email)]},
            "Content": {"Simple": simple},
            "EmailTags": [  # a bounce comes back with them
                {"Name": "mail", "Value": notification.mail_id},
                {"Name": "occasion", "Value": str(notification.occasion)},
            ],
        }
        return request | ({"ConfigurationSetName": self._configuration_set} if self._configuration_set else {})


def _meaning(error: ClientError) -> Exception | None:
    code = code_of(error)
    if code in _NOT_NOW:
        return NotSentNow(code)
    if code not in _NEVER:
        return None
    # An identity that is not verified is the operator's to repair, and no fault of the mail.
    unverified = "not verified" in error.response["Error"].get("Message", "")
    return NotSentNow("identity not verified") if unverified else NeverSendable(REFUSED)


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _mailbox(name: str, address: str) -> str:
    """Names beyond ASCII as encoded words (RFC 2047), in one line."""
    if name.isascii():
        return formataddr((name, address))
    return f"{Header(name, 'utf-8').encode(linesep='')} <{address}>"


def _address(address: str) -> str:
    """Domains beyond ASCII in the form that the name system knows. (M2) That form can hold what the text did not."""
    local, _, domain = address.rpartition("@")
    try:
        known = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise NeverSendable(_NO_SUCH_ADDRESS) from error
    if not _ONE_ADDRESS.fullmatch(known):
        raise NeverSendable(_NO_SUCH_ADDRESS)
    return known
