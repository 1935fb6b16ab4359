"""/tokens: a user's own API tokens."""

from dataclasses import replace

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.idempotency import refuses_key
from chalicelib.routes.paging import cursors_of
from chalicelib.services.manage_tokens import create_token, list_tokens, revoke_token
from chalicelib.wire.lists import Listing, ListQuery, Meta
from chalicelib.wire.tokens import CreateToken, IssuedTokenView, TokenView

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/tokens", scope=Scope.TOKENS, query=ListQuery)
def index(call: Call, query: ListQuery) -> Listing[TokenView]:
    """List your tokens, newest first. Their secrets are not shown again."""
    cursors = cursors_of(call, query, "tokens", call.token.user_id)
    page = list_tokens(call.token, query.limit, cursors.read(query.cursor), tokens=call.world.tokens)
    return Listing([TokenView.of(token) for token in page.rows], Meta.of(page, cursors))


@endpoint(bp, "POST", "/tokens", scope=Scope.TOKENS, body=CreateToken, status=201, with_user=True, raises=(Conflict,))
@refuses_key
def create(call: Call, body: CreateToken) -> IssuedTokenView:
    """Make a token: no wider and no longer-lived than the one it is made with. Its secret is shown this once."""
    tokens = call.world.tokens
    maker = replace(call.token, author=call.user.author)
    issued = create_token(maker, body.name, set(body.scopes), body.expires_at, call.now, tokens=tokens)
    return IssuedTokenView.of_issued(issued.token, issued.text)


@endpoint(bp, "DELETE", "/tokens/{token_id}", scope=Scope.TOKENS)
def revoke(call: Call, token_id: str) -> None:
    """Revoke a token, from this moment on."""
    revoke_token(call.token, token_id, call.now, tokens=call.world.tokens)
