"""What an export says of each record: by name, so that what a record comes to hold later is not handed out unseen.

No secret, no hash of one, no verifier of a PIN; of others, only what the person was shown or wrote themselves.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.adapters.dynamo_table import Item, KeyOfId
from chalicelib.domain.chain import Entry, fields_of
from chalicelib.domain.mail import Mail, MailStatus
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.people import Account, User
from infra.personal_data import Role

Line = dict[str, Any]

FILES: Mapping[Role, str] = {  # what is exported, and where
    Role.TOKEN: "tokens.jsonl",
    Role.KEY: "temporary-keys.jsonl",
    Role.FILE: "files.jsonl",
    Role.DOWNLOAD: "downloads.jsonl",
    Role.SENT: "mails-sent.jsonl",
    Role.RECEIVED: "mails-received.jsonl",
    Role.INBOX: "inbox.jsonl",
}
USER, CATEGORIES, EVENTS = "user.jsonl", "categories.jsonl", "events.jsonl"

_MAIL = (
    "identifier",
    "author",
    "recipient",
    "subject",
    "file_count",
    "max_downloads",
    "pin_required",
    "created_at",
    "sent_at",
    "opened_at",
    "reminded_at",
    "revoked_at",
    "expires_at",
    "status",
    "failed_reason",
)
FIELDS: Mapping[Role, Sequence[str]] = {
    Role.TOKEN: ("name", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at", "maker_id", "author"),
    Role.KEY: ("expires_at", "dropped_at"),
    Role.FILE: (
        "filename",
        "type",
        "size_bytes",
        "encryption_mode",
        "checksum_sha256",
        "category_id",
        "created_by",
        "created_at",
        "status",
        "settled_at",
        "rejected_reason",
        "expires_at",
        "trashed_at",
        "purging_at",
    ),
    Role.DOWNLOAD: ("file_ids", "mail_id", "sender", "uses_left", "created_at", "expires_at", "revoked_at"),
    Role.SENT: (*_MAIL, "account_id", "download_id"),
    Role.RECEIVED: _MAIL,
    Role.INBOX: ("identifier", "subject", "sender", "received_at", "is_removed"),
}
_NAMED_BY_A_SECRET = {Role.KEY}  # by its hash


def line_of(role: Role, item: Item) -> Line:
    """Of a record as it is stored."""
    own = {} if role in _NAMED_BY_A_SECRET else {"id": KeyOfId(item["pk"].partition("#")[0], "").id_of(item)}
    unseen = {"subject"} if role is Role.RECEIVED and not {"sent_at", "opened_at"} & item.keys() else set()
    return own | {name: item[name] for name in FIELDS[role] if name in item and name not in unseen}


def may_be_read(mail: Mail, now: datetime) -> bool:
    """(M6) What its recipient read, or may read: not what was revoked unread, or waits for a PIN or to be sent."""
    return bool(mail.opened_at) or (mail.status is MailStatus.SUCCESS and mail.is_open(now) and not mail.awaits_pin)


def user_line(user: User, account: Account | None) -> Line:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "timezone": user.timezone,
        "created_at": rfc3339(user.created_at),
        "has_pin": user.pin is not None,
        "account": {"id": account.id, "name": account.name} if account else None,
    }


def use_line(entry: Entry) -> Line:
    """Of an event in another account's log that this person, holding a link or an inbox mail, caused."""
    told = fields_of(entry)
    return {name: told[name] for name in ("id", "at", "type", "outcome", "actor", "ip", "request_id", "subject")}
