"""Accounts and users."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.pin import PinHolder, PinVerifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who did something, as it is shown beside the thing done: a copy taken at that moment."""

    name: str
    email: str
    timezone: str

    @property
    def initials(self) -> str:
        return initials(self.name)


# Stands where a person stood whose data was erased; no address is ever in the domain "invalid" (RFC 2606).
ERASED = Author(name="Erased person", email="erased@sealdrop.invalid", timezone="UTC")


class Owner(Protocol):
    """Whose a new thing is, and in whose name: a user, or a token, which has a copy of its user."""

    @property
    def account_id(self) -> AccountId: ...

    @property
    def author(self) -> Author: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: AccountId
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    id: UserId
    account_id: AccountId
    email: str
    name: str
    timezone: str  # an IANA name
    created_at: datetime
    pin: PinVerifier | None = None  # asked for before files are handed out, where there is one

    @property
    def author(self) -> Author:
        return Author(name=self.name, email=self.email, timezone=self.timezone)

    @property
    def pin_holder(self) -> PinHolder:
        return PinHolder("user", self.id)


def initials(name: str) -> str:
    """Of the first word and the last."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def email_key(email: str) -> str:
    """The form in which two spellings of an address are the same one."""
    return email.strip().casefold()
