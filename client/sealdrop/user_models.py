"""Users, their accounts and their tokens, as the library answers them. Times are aware datetimes in UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from sealdrop import fields
from sealdrop.fields import Json


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it is listed: never its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(**_token_fields(record))


@dataclass(frozen=True, slots=True)
class NewToken(Token):
    """A token just made. `token` is the secret; the service shows it this once."""

    token: str = field(repr=False)

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(**_token_fields(record), token=fields.take(record, "token", str))


def _token_fields(record: Json) -> dict[str, Any]:
    return {
        "id": fields.take(record, "id", str),
        "name": fields.take(record, "name", str),
        "scopes": fields.texts(record, "scopes"),
        "created_at": fields.optional_moment(record, "created_at"),
        "expires_at": fields.optional_moment(record, "expires_at"),
        "last_used_at": fields.optional_moment(record, "last_used_at"),
    }


@dataclass(frozen=True, slots=True)
class Account:
    """The company that files belong to."""

    id: str
    name: str

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(id=fields.take(record, "id", str), name=fields.take(record, "name", str))


@dataclass(frozen=True, slots=True)
class User:
    """Whose token it is that this client uses."""

    id: str
    name: str
    email: str
    timezone: str | None
    created_at: datetime | None
    has_pin: bool
    account: Account
    token: Token

    @classmethod
    def parse(cls, record: Json) -> Self:
        return cls(
            id=fields.take(record, "id", str),
            name=fields.take(record, "name", str),
            email=fields.take(record, "email", str),
            timezone=fields.optional(record, "timezone", str),
            created_at=fields.optional_moment(record, "created_at"),
            has_pin=fields.optional(record, "has_pin", bool) or False,
            account=Account.parse(fields.take(record, "account", dict)),
            token=Token.parse(fields.take(record, "token", dict)),
        )
