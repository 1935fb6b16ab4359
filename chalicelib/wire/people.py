"""Users and API tokens on the wire."""

import re
import unicodedata
import zoneinfo
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.ids import AccountId
from chalicelib.domain.people import Author, User
from chalicelib.services.create_user import NewUser
from chalicelib.wire.base import In, Out, Shape, doc
from chalicelib.wire.pins import NewPin


def plain_text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("Write it in one line, without control characters.")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(plain_text),
    doc("One line, without control characters. Space around it is dropped.", pattern=r"\S"),
]

_ADDRESS = r"""^[^@\s<>()\[\]"\\,;:]{1,64}@[^@\s<>()\[\]"\\,;:]+\.[^@\s<>()\[\]"\\,;:.]+$"""
_ONE_ADDRESS = "Write one e-mail address, without a name, as in alice@example.com."

_READ_IN_TWO_WAYS = re.compile("[\u00df\u1e9e\u03c2]")
"""Sharp s and final sigma: one domain before 2008, another since (RFC 5894, section 7.2; UTS 46), with owners of their
own; and one address to `email_key`, which folds them. (The joiners, of which the same is true, do not print.)"""
_TWO_ADDRESSES = (
    "This can be read as two addresses: write it without \u00df and \u03c2, the domain as in xn--strae-oqa.example."
)


def _one_address(text: str) -> str:
    """(M2) Also when it is read as the name system reads domains, to which a full-width comma is a comma."""
    if not re.fullmatch(_ADDRESS, unicodedata.normalize("NFKC", text)):
        raise ValueError(_ONE_ADDRESS)
    return text


def _read_in_one_way(text: str) -> str:
    """(M2)"""
    if _READ_IN_TWO_WAYS.search(text):
        raise ValueError(_TWO_ADDRESSES)
    return text


StoredEmail = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    Shape(_ADDRESS, _ONE_ADDRESS),
    AfterValidator(_one_address),
    AfterValidator(plain_text),
]
"""Whatever may have been stored at any time."""
Email = Annotated[StoredEmail, AfterValidator(_read_in_one_way)]


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
            pin=self.pin,
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
