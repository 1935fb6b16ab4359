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
        """In one atomic write with its place in the user's tree. Raises what TokenTree.with_token does."""

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        """The token as of now: a revocation that was answered is seen."""

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        """Newest first."""

    def find_own(self, token_id: TokenId, user_id: UserId) -> ApiToken | None:
        """By its id, if it is this user's."""

    def remove(self, token_id: TokenId, user_id: UserId, spared: TokenId | None = None) -> bool:
        """It and all that were made with it (TokenTree.without), in one atomic write: none of them is found from here
        on, and none made with any of them. False when this user has no such token.
        """

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        """Remember the time of use, unless the token has gone meanwhile: then nothing is written."""


class UserStore(Protocol):
    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        """All or nothing. Raises Conflict when the e-mail address has a user already."""

    def find(self, user_id: UserId) -> User | None: ...

    def find_account(self, account_id: AccountId) -> Account | None: ...
