"""Who is calling: from the Authorization header to a live token with the scope that the route asks for."""

from datetime import datetime

from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import MissingScope, Unauthenticated
from chalicelib.domain.secret import hash_secret, looks_like_token
from chalicelib.ports import TokenStore


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
        raise Unauthenticated(reason="expired token")
    if scope not in token.scopes:
        raise MissingScope(f"This token lacks the scope {scope}.")
    return token
