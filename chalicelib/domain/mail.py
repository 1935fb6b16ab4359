"""Mails: files sent to one recipient with a subject and a body, and the rules of sending, opening and ending one.

Every move is a method that answers the changed record; storing it is one conditional write on `revision`
(ports.MailStore), so of two who move one mail at once, one loses and reads again.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.download import KEPT_AFTER_EXPIRY
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, BodyId, DownloadId, MailId, UserId, uuid_from_digest
from chalicelib.domain.page import Sorts, text_value, time_value
from chalicelib.domain.people import Author, initials

MAX_RECIPIENTS = 50
DEFAULT_LIFETIME = timedelta(days=14)
DEFAULT_DOWNLOADS = 10

SENDING_LEASE = timedelta(minutes=2)  # nobody else sends a mail that somebody began to send this recently
SEND_AGAIN_AFTER = timedelta(minutes=15)  # without a sign of life; the queue has given up by then
GIVE_UP_AFTER = timedelta(hours=24)
REMIND_BEFORE = timedelta(days=2)

IDENTIFIER_LENGTH = 7
# No vowels, which would make words, and none of 0 O, 1 I L, 2 Z, 5 S, 8 B whole: of each pair at most the letter.
IDENTIFIER_ALPHABET = "34679BCDFGHJKMNPQRSTVWXYZ"


class MailStatus(StrEnum):
    QUEUED = "queued"
    SUCCESS = "success"  # handed to the mail service, and not come back
    FAILED = "failed"  # it opens nothing any more


class Sendable(StrEnum):
    """What whoever holds the order to send a mail should do."""

    NOW = "now"
    BEING_SENT = "being sent"  # by somebody else, it seems: look again later
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """As the sender knows them. Whether they have an account here is not part of it, and never told."""

    email: str
    name: str  # the address where the sender gave none

    @property
    def initials(self) -> str:
        return initials(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    id: MailId  # made from the account and the identifier: see mail_id
    identifier: str  # for people: short, and unique in its account
    account_id: AccountId
    author: Author  # the sender
    recipient: Recipient
    subject: str
    body_id: BodyId  # mails that were sent together share a body
    download_id: DownloadId  # the files, how often they can be had, and until when
    file_count: int
    max_downloads: int
    pin_required: bool = False
    created_at: datetime
    expires_at: datetime
    status: MailStatus = MailStatus.QUEUED
    failed_reason: str | None = None
    tried_at: datetime | None = None  # when somebody last began to send it
    sent_at: datetime | None = None
    message_id: str | None = None  # the mail service's, of what was sent
    opened_at: datetime | None = None
    reminded_at: datetime | None = None
    revoked_at: datetime | None = None
    revision: int = 0  # counts stored changes; 0 is not stored yet

    @property
    def forgotten_at(self) -> datetime:
        return self.expires_at + KEPT_AFTER_EXPIRY

    @property
    def due_at(self) -> datetime | None:
        """When the sweep has something to do here."""
        if self.status is MailStatus.QUEUED:
            return min(self.expires_at, (self.tried_at or self.created_at) + SEND_AGAIN_AFTER)
        awaits_reader = self.status is MailStatus.SUCCESS and not (self.opened_at or self.revoked_at)
        if not awaits_reader or self.reminded_at:
            return None
        remind_at = self.expires_at - REMIND_BEFORE
        return remind_at if remind_at > self.created_at else None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= now

    def is_open(self, now: datetime) -> bool:
        """Whether its recipient may still read it and have its files."""
        return self.status is not MailStatus.FAILED and self.revoked_at is None and not self.has_expired(now)

    @property
    def awaits_pin(self) -> bool:
        """Nobody has given its PIN yet: nobody reads it, whatever way it took."""
        return self.pin_required and self.opened_at is None

    def sendable(self, now: datetime) -> Sendable:
        if self.status is not MailStatus.QUEUED:
            return Sendable.SETTLED
        if self.tried_at and now < self.tried_at + SENDING_LEASE:
            return Sendable.BEING_SENT
        return Sendable.NOW

    def why_not_to_send(self, now: datetime) -> str | None:
        """The reason with which a queued mail fails without being sent, in words for its sender."""
        if self.revoked_at:
            return "It was revoked before it was sent."
        if self.has_expired(now):
            return "It expired before it could be sent."
        if now >= self.created_at + GIVE_UP_AFTER:
            return "It could not be sent within 24 hours."
        return None

    def may_be_reminded_of(self, now: datetime) -> bool:
        return self.due_at is not None and self.status is MailStatus.SUCCESS and self.due_at <= now

    def tried(self, now: datetime) -> "Mail":
        return replace(self, tried_at=now)

    def not_tried(self) -> "Mail":
        """The mail service said no, for now: nothing keeps the next one from trying at once."""
        return replace(self, tried_at=None)

    def was_sent(self, message_id: str, now: datetime) -> "Mail":
        if self.status is not MailStatus.QUEUED:
            raise Conflict(f"A mail that is {self.status} cannot be sent.")
        return replace(self, status=MailStatus.SUCCESS, message_id=message_id, sent_at=now)

    def failed(self, reason: str) -> "Mail":
        if self.status is MailStatus.FAILED:
            return self
        return replace(self, status=MailStatus.FAILED, failed_reason=reason)

    def opened(self, now: datetime) -> "Mail":
        """Once: who opens it again changes nothing."""
        return self if self.opened_at else replace(self, opened_at=now)

    def reminded(self, now: datetime) -> "Mail":
        return replace(self, reminded_at=now)

    def not_reminded(self) -> "Mail":
        return replace(self, reminded_at=None)

    def revoked(self, now: datetime) -> "Mail":
        return self if self.revoked_at else replace(self, revoked_at=now)


@dataclass(frozen=True, slots=True)
class MailBody:
    """The text of the mails that were sent together, sealed."""

    id: BodyId
    account_id: AccountId
    sealed: bytes
    forgotten_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """A mail's place in a user's inbox: what lists sort and search by. The mail itself has everything else."""

    mail_id: MailId
    account_id: AccountId  # of its user, who received it
    user_id: UserId
    identifier: str
    subject: str
    sender_name: str
    sender_email: str
    received_at: datetime
    forgotten_at: datetime

    @property
    def id(self) -> MailId:
        return self.mail_id


def searched_mail_texts(mail: Mail) -> Iterable[str]:
    """What a keyword is looked for in."""
    recipient = mail.recipient
    return (mail.identifier, mail.subject, recipient.email, recipient.name, mail.author.name)


def searched_inbox_texts(entry: InboxEntry) -> Iterable[str]:
    return (entry.identifier, entry.subject, entry.sender_email, entry.sender_name)


MAIL_SORTS: Sorts[Mail] = {
    "created_at": lambda mail: time_value(mail.created_at),
    "sent_at": lambda mail: time_value(mail.sent_at) if mail.sent_at else "",  # what was not sent yet comes first
    "subject": lambda mail: text_value(mail.subject),
    "recipient_email": lambda mail: text_value(mail.recipient.email),
}
INBOX_SORTS: Sorts[InboxEntry] = {
    "received_at": lambda entry: time_value(entry.received_at),
    "subject": lambda entry: text_value(entry.subject),
    "created_by_email": lambda entry: text_value(entry.sender_email),
}


def entry_of(mail: Mail, user_id: UserId, account_id: AccountId, now: datetime) -> InboxEntry:
    return InboxEntry(
        mail_id=mail.id,
        account_id=account_id,
        user_id=user_id,
        identifier=mail.identifier,
        subject=mail.subject,
        sender_name=mail.author.name,
        sender_email=mail.author.email,
        received_at=now,
        forgotten_at=mail.forgotten_at,
    )


def identifier_of(random: bytes) -> str:
    """An identifier out of at least 8 random bytes."""
    number, digits = int.from_bytes(random), []
    for _ in range(IDENTIFIER_LENGTH):
        number, digit = divmod(number, len(IDENTIFIER_ALPHABET))
        digits.append(IDENTIFIER_ALPHABET[digit])
    return "".join(digits)


def mail_id(account_id: AccountId, identifier: str) -> MailId:
    """The id comes from the identifier, so that one conditional write keeps both unique (docs/decisions/0010)."""
    return MailId(uuid_from_digest(hashlib.sha256(f"mail/{account_id}/{identifier}".encode()).digest()))


def body_context(body_id: BodyId, account_id: AccountId) -> dict[str, str]:
    """The encryption context of a sealed body: opaque ids, as it stands in clear in the message and in CloudTrail."""
    return {"body": body_id, "account": account_id}
