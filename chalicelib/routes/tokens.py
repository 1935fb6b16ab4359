"""/tokens: a user's own API tokens."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.services.manage_tokens import create_token, list_tokens, revoke_token
from chalicelib.wire.lists import Listing, ListQuery, Meta
from chalicelib.wire.people import CreateToken, IssuedTokenView, TokenView

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/tokens", scope=Scope.TOKENS, query=ListQuery)
def index(call: Call, query: ListQuery) -> Listing:
    page = list_tokens(call.token, query.limit, query.after, tokens=call.world.tokens)
    return Listing([TokenView.of(token) for token in page.rows], Meta.of(page))


@endpoint(bp, "POST", "/tokens", scope=Scope.TOKENS, body=CreateToken, status=201)
def create(call: Call, body: CreateToken) -> IssuedTokenView:
    tokens = call.world.tokens
    issued = create_token(call.token, body.name, set(body.scopes), body.expires_at, call.now, tokens=tokens)
    return IssuedTokenView.of_issued(issued.token, issued.text)


@endpoint(bp, "DELETE", "/tokens/{token_id}", scope=Scope.TOKENS)
def revoke(call: Call, token_id: str) -> None:
    revoke_token(call.token, token_id, tokens=call.world.tokens)
