"""API tokens: what a program shows, and what it may do with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.domain.ids import AccountId, TokenId, UserId, uuid_from_digest
from chalicelib.domain.people import Author
from chalicelib.domain.secret import SecretHash

LAST_USE_RESOLUTION = timedelta(hours=1)


class Scope(StrEnum):
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    MAILS_READ = "mails:read"
    MAILS_SEND = "mails:send"
    INBOX_READ = "inbox:read"
    DOWNLOADS = "downloads"
    TOKENS = "tokens"
    ACCOUNT = "account"
    EVENTS = "events"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    secret_hash: SecretHash
    user_id: UserId
    account_id: AccountId
    author: Author  # the user as of the token's creation, so that a request needs no second look-up
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = None  # exact to LAST_USE_RESOLUTION
    maker_id: TokenId | None = None  # the token it was made with; None: the operator made it

    @property
    def id(self) -> TokenId:
        return token_id(self.secret_hash)

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at

    def use_is_stale(self, now: datetime) -> bool:
        return self.last_used_at is None or now - self.last_used_at >= LAST_USE_RESOLUTION


def token_id(secret_hash: SecretHash) -> TokenId:
    """The public id comes from the hash, so one record serves the look-up by secret and the one by id."""
    return TokenId(uuid_from_digest(bytes.fromhex(secret_hash)))
