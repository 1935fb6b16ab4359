"""What arrives on the delivery function's queue: our own orders, and SES's reports. Parsed, then checked."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, RootModel, ValidationError

from chalicelib.domain.ids import MailId, is_uuid
from chalicelib.domain.notification import Occasion
from chalicelib.wire.base import Deferred


class NotOurMailEvent(ValueError):
    """The message is neither an order of ours nor a report of SES about a mail. It ends in the dead-letter queue."""


@dataclass(frozen=True, slots=True)
class Deliver:
    mail_id: MailId


@dataclass(frozen=True, slots=True)
class Remind:
    mail_id: MailId


@dataclass(frozen=True, slots=True)
class CameBack:
    """SES could not deliver a message. What it says of the mail is checked against the mail's own record."""

    mail_id: MailId
    message_id: str
    reason: str  # in words for the mail's sender


@dataclass(frozen=True, slots=True)
class Passing:
    """A report that changes nothing: an automatic answer, or a reminder that came back."""


MailEvent = Deliver | Remind | CameBack | Passing


class _OrderDetail(Deferred):
    mail: str


class _Order(Deferred):
    source: Literal["sealdrop"]
    detail_type: Annotated[Literal["Mail Queued", "Reminder Due"], Field(alias="detail-type")]
    detail: _OrderDetail


class _Bounce(Deferred):
    kind: Annotated[str, Field(alias="bounceType")]
    subkind: Annotated[str, Field(alias="bounceSubType")] = ""


class _Message(Deferred):
    message_id: Annotated[str, Field(alias="messageId", min_length=1)]
    tags: dict[str, list[str]]


class _ReportDetail(Deferred):
    mail: _Message
    bounce: _Bounce | None = None


class _Report(Deferred):
    source: Literal["aws.ses"]
    detail_type: Annotated[Literal["Email Bounced", "Email Rejected"], Field(alias="detail-type")]
    detail: _ReportDetail


class _Event(Deferred, RootModel[Annotated[_Order | _Report, Field(discriminator="source")]]):
    """Either."""


_REASONS = {
    "Suppressed": "It came back: messages to this address have come back before.",
    "OnAccountSuppressionList": "It came back: messages to this address have come back before.",
    "MailboxFull": "It came back: the mailbox is full.",
    "NoEmail": "It came back: there is no such address.",
}
_CAME_BACK = "It came back: the address does not take it."
_REJECTED = "The mail service found it harmful and did not send it."


def parse_mail_event(body: str, configuration_set: str | None) -> MailEvent:
    """Raises NotOurMailEvent: not JSON, another source or kind, another configuration set, or no id of ours."""
    try:
        event = _Event.model_validate_json(body).root
    except ValidationError:
        raise NotOurMailEvent("neither an order nor a report of SES") from None
    if isinstance(event, _Order):
        mail_id = _mail_id([event.detail.mail])
        return Deliver(mail_id) if event.detail_type == "Mail Queued" else Remind(mail_id)
    return _parse_report(event.detail, configuration_set)


def _parse_report(detail: _ReportDetail, configuration_set: str | None) -> MailEvent:
    tags = detail.mail.tags
    if not configuration_set or tags.get("ses:configuration-set") != [configuration_set]:
        raise NotOurMailEvent("a report of another configuration set")
    mail_id = _mail_id(tags.get("mail", []))
    if tags.get("occasion") != [Occasion.DELIVERY]:
        return Passing()
    bounce = detail.bounce
    if bounce is None:
        return CameBack(mail_id, detail.mail.message_id, _REJECTED)
    if (bounce.kind, bounce.subkind) == ("Transient", "General"):  # also how SES reports out-of-office notes
        return Passing()
    return CameBack(mail_id, detail.mail.message_id, _REASONS.get(bounce.subkind, _CAME_BACK))


def _mail_id(given: list[str]) -> MailId:
    if len(given) != 1 or not is_uuid(given[0]):
        raise NotOurMailEvent("no mail's id")
    return MailId(given[0])
