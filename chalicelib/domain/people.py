"""Accounts and users."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.ids import AccountId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who did something, as it is shown beside the thing done: a copy taken at that moment."""

    name: str
    email: str
    timezone: str

    @property
    def initials(self) -> str:
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


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

    @property
    def author(self) -> Author:
        return Author(name=self.name, email=self.email, timezone=self.timezone)


def email_key(email: str) -> str:
    """The form in which two spellings of an address are the same one."""
    return email.strip().casefold()
