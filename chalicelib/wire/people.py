"""Users and API tokens on the wire."""

import zoneinfo
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.ids import AccountId
from chalicelib.domain.people import Account, Author, User
from chalicelib.domain.pin import Pin
from chalicelib.domain.secret import TOKEN_PREFIX
from chalicelib.services.create_user import NewUser
from chalicelib.services.update_user import UserChanges
from chalicelib.wire.base import Id, In, Moment, NotNull, Out, doc
from chalicelib.wire.pins import NewPin, PinGuess


def plain_text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("Write it in one line, without control characters.")
    return text


_EXAMPLE_TOKEN = "sdt_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1Yo7hP"  # noqa: S105 - of the bytes 0 to 31
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(plain_text),
    doc("One line, without control characters. Space around it is dropped.", pattern=r"\S"),
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[^@\s<>\"\\,;:]{1,64}@[^@\s<>\"\\,;:]+\.[^@\s.]+$"
    ),
    AfterValidator(plain_text),
]


def _timezone(name: str) -> str:
    try:
        return zoneinfo.ZoneInfo(name).key
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):  # the name is looked up as a file
        raise ValueError("Name a time zone of the IANA list, as in Europe/Vienna.") from None


Timezone = Annotated[str, AfterValidator(_timezone), doc("A name of the IANA list.", "Europe/Vienna")]


class AuthorView(Out):
    name: Annotated[str, Field(examples=["Alice Archer"])]
    initials: Annotated[str, Field(examples=["AA"])]
    email: Annotated[str, Field(examples=["alice@example.com"])]
    photo_url: None
    timezone: Annotated[str, doc("A name of the IANA list.", "Europe/Vienna")]

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
    timezone: Timezone = "UTC"
    account_id: str | None = None
    account_name: Name | None = None
    pin: NewPin | None = None

    def new_user(self) -> NewUser:
        return NewUser(
            email=self.email,
            name=self.name,
            timezone=self.timezone,
            account_id=AccountId(self.account_id) if self.account_id else None,
            account_name=self.account_name,
            pin=Pin(self.pin) if self.pin else None,
        )


class PatchUser(In):
    EXAMPLES: ClassVar = {
        "a time zone": {"timezone": "Europe/Vienna"},
        "a first PIN": {"pin": "7294"},
        "another PIN": {"pin": "1a2s3d", "current_pin": "7294"},
    }

    name: Annotated[Name | None, NotNull()] = None
    timezone: Annotated[Timezone | None, NotNull()] = None
    pin: Annotated[NewPin | None, doc("null: no PIN any more.")] = None
    current_pin: Annotated[PinGuess | None, doc("Needed where there is a PIN and `pin` is sent.")] = None

    @model_validator(mode="after")
    def _only_the_pin_can_be_cleared(self) -> Self:
        for name in ("name", "timezone"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it.")
        return self

    def changes(self) -> UserChanges:
        return UserChanges(
            name=self.name,
            timezone=self.timezone,
            sets_pin="pin" in self.model_fields_set,
            pin=Pin(self.pin) if self.pin else None,
            current_pin=Pin(self.current_pin) if self.current_pin else None,
        )


class CreateToken(In):
    EXAMPLES: ClassVar = {
        "for a script that uploads": {"name": "nightly upload", "scopes": ["files:read", "files:write"]},
        "for an hour's work": {"name": "audit", "scopes": ["files:read"], "expires_at": "2036-12-31T23:59:00Z"},
    }

    name: Name
    scopes: Annotated[list[Scope], doc("What it may do: no more than the token that makes it.", minItems=1)]
    expires_at: Annotated[Moment | None, doc("No later than the making token's; null: never.")] = None

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
    id: Id
    name: Annotated[str, Field(examples=["nightly upload"])]
    scopes: list[Scope]
    created_at: Moment
    expires_at: Annotated[Moment | None, Field(examples=[None])]
    last_used_at: Annotated[Moment | None, doc("Exact to an hour.")]

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        return cls(**_token_fields(token))


class IssuedTokenView(TokenView):
    token: Annotated[
        str,
        doc("The secret, shown this once.", _EXAMPLE_TOKEN, pattern=rf"^{TOKEN_PREFIX}[0-9A-Za-z]{{49}}$"),
    ]

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
    id: Id
    name: Annotated[str, Field(examples=["Archer & Co"])]


class UserView(AuthorView):
    id: Id
    created_at: Moment
    has_pin: Annotated[bool, Field(examples=[True])]
    account: AccountView
    token: TokenView

    @classmethod
    def of_user(cls, user: User, account: Account, token: ApiToken) -> Self:
        return cls(
            **AuthorView.of(user.author).model_dump(),
            id=user.id,
            created_at=user.created_at,
            has_pin=user.pin is not None,
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
    status: Literal["ok"]
