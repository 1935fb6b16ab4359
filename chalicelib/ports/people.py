"""Accounts, users and their API tokens."""

from datetime import datetime
from typing import Protocol

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Account, User
from chalicelib.domain.secret import SecretHash


class TokenStore(Protocol):
    def add(self, token: ApiToken) -> None:
        """Raises Conflict when its user is called otherwise by now than the token says."""

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        """The token as of now: a revocation that was answered is seen."""

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        """Newest first."""

    def revoke(self, token_id: TokenId, user_id: UserId, now: datetime) -> bool:
        """Atomic: from here on it is not found. False when this user has no such token."""

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        """Remember the time of use, unless the token has gone meanwhile: then nothing is written."""

    def copy_author(self, user: User, also: TokenId) -> None:
        """Bring the copy of the user in their tokens, this one among them, to what `user` says, unless the user has
        changed meanwhile. Once this has returned, `find` answers it. Others are found by a list that lags by moments.
        """


class UserStore(Protocol):
    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        """All or nothing. Raises Conflict when the e-mail address has a user already."""

    def find(self, user_id: UserId) -> User | None: ...

    def find_by_email(self, email: str) -> UserId | None:
        """The user whose address this is, however it is spelt."""

    def save(self, before: User, after: User) -> User:
        """Store name, time zone and PIN where the two differ, and nothing else, in one conditional write.

        Answers the record as it then stands. A PIN is put only in the place of that of `before`, with no tries at it.
        Raises Conflict, and writes nothing, when that was replaced meanwhile, or the user is gone.
        """

    def find_account(self, account_id: AccountId) -> Account | None: ...
