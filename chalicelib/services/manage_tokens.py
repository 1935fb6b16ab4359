"""Creating, listing and revoking a user's own API tokens."""

import secrets
from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import MissingScope, NotFound, invalid
from chalicelib.domain.expiry import check_expiry
from chalicelib.domain.ids import AccountId, TokenId, UserId, is_uuid
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Author, User
from chalicelib.domain.secret import SECRET_BYTES, hash_secret, token_text
from chalicelib.ports import TokenStore


@dataclass(frozen=True, slots=True)
class IssuedToken:
    token: ApiToken
    text: str  # the secret itself: answered once, never stored


def create_token(
    maker: ApiToken,
    name: str,
    scopes: Set[Scope],
    expires_at: datetime | None,
    now: datetime,
    *,
    tokens: TokenStore,
) -> IssuedToken:
    """A token never makes one that may do more, or may do it for longer, than itself.

    Raises MissingScope, Invalid for an expiry that has passed, is too far ahead or outlasts the maker's,
    Unauthenticated when the maker is revoked meanwhile, Conflict when the user has too many, or is called otherwise by
    now than the maker says.
    """
    if wider := sorted(scopes - maker.scopes):
        raise MissingScope(f"A token cannot give what it lacks: {', '.join(wider)}.", errors={"scopes": wider})
    check_expiry(expires_at, now)
    if maker.expires_at and (expires_at is None or expires_at > maker.expires_at):
        raise invalid("expires_at", "The token that makes this one expires: the new one must, and not later.")
    issued = _issue(maker.user_id, maker.account_id, maker.author, name, scopes, expires_at, now)
    made = replace(issued.token, maker_id=maker.id)
    tokens.add(made)
    return IssuedToken(made, issued.text)


def operator_token(user: User, name: str, now: datetime) -> IssuedToken:
    """A token that an operator hands to a user: all scopes, no expiry, made with no other. Not stored yet."""
    return _issue(user.id, user.account_id, user.author, name, frozenset(Scope), None, now)


def list_tokens(owner: ApiToken, limit: int, after: Position | None, *, tokens: TokenStore) -> Page[ApiToken]:
    return tokens.list_of(owner.user_id, limit, after)


def revoke_token(owner: ApiToken, token_id: str, now: datetime, *, tokens: TokenStore) -> None:
    """(A6) End a token and all that were made with it. Who ends the maker of the caller's token keeps that one.

    Raises NotFound, the same for another user's token; MissingScope for one that may do more than the caller's (A7).
    """
    token = tokens.find_own(TokenId(token_id), owner.user_id) if is_uuid(token_id) else None
    if token is None:
        raise NotFound
    if wider := sorted(token.scopes - owner.scopes):
        raise MissingScope(f"A token cannot revoke one that may do what it may not: {', '.join(wider)}.")
    if not tokens.revoke(token.id, owner.user_id, now, spared=owner.id):
        raise NotFound


def _issue(
    user_id: UserId,
    account_id: AccountId,
    author: Author,
    name: str,
    scopes: Set[Scope],
    expires_at: datetime | None,
    now: datetime,
) -> IssuedToken:
    text = token_text(secrets.token_bytes(SECRET_BYTES))
    token = ApiToken(
        secret_hash=hash_secret(text),
        user_id=user_id,
        account_id=account_id,
        author=author,
        name=name,
        scopes=frozenset(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    return IssuedToken(token, text)
