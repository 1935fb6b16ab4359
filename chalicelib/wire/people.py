"""Users and API tokens on the wire."""

import zoneinfo
from typing import Annotated, Any, Self

from pydantic import AfterValidator, StringConstraints, field_validator

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.ids import AccountId
from chalicelib.domain.people import Account, Author, User
from chalicelib.services.create_user import NewUser
from chalicelib.wire.base import In, Moment, Out


def _plain_text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("Write it in one line, without control characters.")
    return text


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_plain_text)
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[^@\s<>\"\\,;:]{1,64}@[^@\s<>\"\\,;:]+\.[^@\s.]+$"
    ),
    AfterValidator(_plain_text),
]


def _timezone(name: str) -> str:
    try:
        return zoneinfo.ZoneInfo(name).key
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):  # the name is looked up as a file
        raise ValueError("Name a time zone of the IANA list, as in Europe/Vienna.") from None


class AuthorView(Out):
    name: str
    initials: str
    email: str
    photo_url: None
    timezone: str

    @classmethod
    def of(cls, author: Author) -> Self:
        return cls(
            name=author.name,
            initials=author.initials,
            email=author.email,
            photo_url=None,
            timezone=author.timezone,
        )


class CreateUser(In):
    """The event of the operator's create_user function."""

    email: Email
    name: Name
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    account_id: str | None = None
    account_name: Name | None = None

    def new_user(self) -> NewUser:
        return NewUser(
            email=self.email,
            name=self.name,
            timezone=self.timezone,
            account_id=AccountId(self.account_id) if self.account_id else None,
            account_name=self.account_name,
        )


class CreateToken(In):
    name: Name
    scopes: list[Scope]
    expires_at: Moment | None = None

    @field_validator("scopes", mode="before")
    @classmethod
    def _known(cls, scopes: object) -> object:
        if not isinstance(scopes, list) or not scopes:
            raise ValueError("Name at least one scope.")
        known = {str(scope) for scope in Scope}
        if unknown := [scope for scope in scopes if not isinstance(scope, str) or scope not in known]:
            raise ValueError(f"Not a scope: {str(unknown[0])[:40]!r}. There are: {', '.join(sorted(known))}.")
        return [Scope(scope) for scope in scopes]


class TokenView(Out):
    id: str
    name: str
    scopes: list[str]
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        return cls(**_token_fields(token))


class IssuedTokenView(TokenView):
    token: str  # shown this once

    @classmethod
    def of_issued(cls, token: ApiToken, text: str) -> Self:
        return cls(**_token_fields(token), token=text)


def _token_fields(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }


class AccountView(Out):
    id: str
    name: str


class UserView(AuthorView):
    id: str
    account: AccountView
    token: TokenView

    @classmethod
    def of_user(cls, user: User, account: Account, token: ApiToken) -> Self:
        return cls(
            **AuthorView.of(user.author).model_dump(),
            id=user.id,
            account=AccountView(id=account.id, name=account.name),
            token=TokenView.of(token),
        )


class CreatedUserView(Out):
    """What the operator gets, once: hand the token over by a safe channel."""

    account_id: str
    user_id: str
    email: str
    name: str
    timezone: str
    token_id: str
    token: str

    @classmethod
    def of(cls, user: User, token_id: str, token: str) -> Self:
        return cls(
            account_id=user.account_id,
            user_id=user.id,
            email=user.email,
            name=user.name,
            timezone=user.timezone,
            token_id=token_id,
            token=token,
        )


class HealthView(Out):
    status: str
