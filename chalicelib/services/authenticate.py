"""Who is calling: from the Authorization header to a live token with the scope that the route asks for; its user."""

from datetime import datetime

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import MissingScope, Unauthenticated
from chalicelib.domain.event import EventType, Note
from chalicelib.domain.people import User
from chalicelib.domain.secret import hash_secret, looks_like_token
from chalicelib.ports import TokenStore, UserStore


def authenticate(authorization: str | None, scope: Scope, now: datetime, *, tokens: TokenStore) -> ApiToken:
    """Raises Unauthenticated for every kind of wrong token alike (the reason is logged), or MissingScope."""
    kind, _, text = (authorization or "").strip().partition(" ")
    text = text.strip()
    if kind.lower() != "bearer" or not text:
        raise Unauthenticated(reason="no bearer token")
    if not looks_like_token(text):
        raise Unauthenticated(reason="malformed token")
    token = tokens.find(hash_secret(text))
    if token is None:
        raise Unauthenticated(reason="unknown token")
    if not token.is_live(now):
        raise Unauthenticated(reason="expired token", note=_refused(token, "expired"))
    if scope not in token.scopes:
        raise MissingScope(f"This token lacks the scope {scope}.", note=_refused(token, f"lacks {scope}"))
    return token


def _refused(token: ApiToken, reason: str) -> Note:
    subject = {"token": token.id, "user": token.user_id}
    return Note(account_id=token.account_id, type=EventType.TOKEN_REFUSED, subject=subject, detail={"reason": reason})


def user_of(token: ApiToken, *, users: UserStore) -> User:
    """The user as of now, with their PIN: a change of it counts from the moment it was answered.

    Raises Unauthenticated when the user was erased after the token was made.
    """
    user = users.find(token.user_id)
    if user is None:
        raise Unauthenticated(reason="the token's user is gone")
    return user
