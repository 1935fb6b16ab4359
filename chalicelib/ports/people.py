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
        """In one atomic write with its place in the user's tree. Raises what TokenTree.with_token does, and Conflict
        when its user is called otherwise by now than the token says.
        """

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        """The token as of now: a revocation that was answered is seen."""

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        """Newest first."""

    def find_own(self, token_id: TokenId, user_id: UserId) -> ApiToken | None:
        """By its id, if it is this user's."""

    def revoke(self, token_id: TokenId, user_id: UserId, now: datetime, spared: TokenId | None = None) -> bool:
        """It and all that were made with it (TokenTree.without), in one atomic write: none of them is found from here
        on, and none made with any of them. False when this user has no such token.
        """

    def revoke_all(self, user_id: UserId, now: datetime) -> frozenset[TokenId]:
        """Every token that this user has when it is written, in one atomic write. Answers which they were; some of
        them may have expired before.
        """

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        """Remember the time of use, unless the token has gone meanwhile: then nothing is written."""

    def copy_author(self, user: User) -> None:
        """Bring the copy of the user in all their tokens to what `user` says, unless the user has changed meanwhile.
        Once this has returned, `find` answers it.
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
