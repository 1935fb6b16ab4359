"""What the audit log says: one event for each access and each change, with who, from where, to what, and the outcome.

Events hold ids, never a name, an e-mail address, a key or a PIN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.act import Act
from chalicelib.domain.ids import AccountId

OK = "ok"

Subject = Mapping[str, str]  # what it is about: an id by kind, as in {"file": …, "download": …}
Detail = Mapping[str, str | int]


class EventType(StrEnum):
    """Closed: a new one is a line here, and a line in adapters/event_rules.py where a change of a record means it."""

    ACCOUNT_CREATED = "account.created"
    CATEGORY_CHANGED = "category.changed"
    CATEGORY_CREATED = "category.created"
    CATEGORY_DELETED = "category.deleted"
    CATEGORY_ERASED = "category.erased"  # the record was removed past the service
    DOWNLOAD_CREATED = "download.created"
    DOWNLOAD_ERASED = "download.erased"  # the record was removed past the service
    DOWNLOAD_KEYED = "download.keyed"  # a download key was made; an earlier one ended
    DOWNLOAD_PERFORMED = "download.performed"
    DOWNLOAD_REFUSED = "download.refused"
    DOWNLOAD_RESUMED = "download.resumed"  # fresh URLs for a session
    DOWNLOAD_RETURNED = "download.returned"  # a use was given back: the performer got nothing
    DOWNLOAD_REVOKED = "download.revoked"
    FILE_CATEGORY_CHANGED = "file.category_changed"
    FILE_CREATED = "file.created"
    FILE_ERASED = "file.erased"  # the record was removed past the service
    FILE_EXPIRY_CHANGED = "file.expiry_changed"
    FILE_PURGED = "file.purged"  # from here on nobody is given the means to read it
    FILE_READY = "file.ready"
    FILE_REJECTED = "file.rejected"
    FILE_RENAMED = "file.renamed"
    FILE_RESTORED = "file.restored"
    FILE_TRASHED = "file.trashed"
    INBOX_DELETED = "inbox.deleted"
    INBOX_ERASED = "inbox.erased"  # its mail failed after all, or the record was removed past the service
    INBOX_RECEIVED = "inbox.received"
    KEY_BOUGHT = "key.bought"  # a temporary key, with a PIN
    KEY_DROPPED = "key.dropped"
    KEY_ERASED = "key.erased"  # the record was removed past the service
    MAIL_DELIVERED = "mail.delivered"  # taken by the mail service
    MAIL_ERASED = "mail.erased"  # the record was removed past the service
    MAIL_FAILED = "mail.failed"
    MAIL_OPENED = "mail.opened"
    MAIL_REMINDED = "mail.reminded"  # somebody began to send the reminder
    MAIL_REVOKED = "mail.revoked"
    MAIL_SENT = "mail.sent"  # by its sender: it waits to be delivered
    PIN_CHANGED = "pin.changed"  # made, replaced or removed
    PIN_LOCKED = "pin.locked"  # too many wrong ones: a try was not looked at
    PIN_REFUSED = "pin.refused"  # a wrong one
    TOKEN_CREATED = "token.created"  # noqa: S105 - no secret
    TOKEN_ERASED = "token.erased"  # noqa: S105 - no secret
    TOKEN_REFUSED = "token.refused"  # noqa: S105 - no secret; a known token: expired, or without the scope
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - no secret
    UPLOAD_SIGNED = "upload.signed"  # fresh means to upload a pending file, its data key among them
    USER_CHANGED = "user.changed"
    USER_CREATED = "user.created"
    USER_ERASED = "user.erased"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_ERASED = "webhook.erased"  # the record was removed past the service
    WEBHOOK_REDELIVERED = "webhook.redelivered"  # a delivery was ordered again


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str  # made from the change that it tells of: told twice, it is the same
    account_id: AccountId
    type: str  # an EventType; text, for a log outlives the types it was written with
    act: Act
    outcome: str = OK  # or the code of the refusal
    subject: Subject = field(default_factory=dict)
    detail: Detail = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        """When it happened; the log's own order is the sequence, which can differ by moments."""
        return self.act.at


@dataclass(frozen=True, slots=True)
class About:
    """What a list of events can be narrowed down to."""

    kind: str  # "type", "file" or "mail"
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What the log is to say of an access that changes no record, and of a refusal."""

    account_id: AccountId
    type: EventType
    outcome: str = OK
    subject: Subject = field(default_factory=dict)
    file_ids: tuple[str, ...] = ()  # one event for each, when there are any
    detail: Detail = field(default_factory=dict)
