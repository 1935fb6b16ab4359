"""Who does something, from where, and on whose behalf: what every write carries, so that the audit log can say it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.domain.ids import AccountId, TokenId, UserId


class Actor(StrEnum):
    USER = "user"  # by an API token
    PERFORMER = "performer"  # whoever holds a download key
    OPERATOR = "operator"  # by IAM
    UPLOAD_EVENT = "system:event"  # S3 told of an object
    MAIL_DELIVERY = "system:mail"  # our own orders, and what the mail service reports
    SWEEP = "system:sweep"
    WEBHOOKS = "system:webhooks"  # deliveries of events, and what came of them
    UNKNOWN = "unknown"  # nobody was authenticated, or somebody wrote to the table past the service


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One request, event or run: everything that is done in it has this origin."""

    actor: Actor
    at: datetime
    account_id: AccountId | None = None  # of the user; in no event, for those are told to one account alone
    user_id: UserId | None = None
    token_id: TokenId | None = None
    ip: str | None = None  # API Gateway's word, whole: the /64 that the rate limit counts by would not find a machine
    request_id: str | None = None
