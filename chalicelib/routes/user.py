"""/user: who calls."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.services.show_user import show_user
from chalicelib.wire.people import UserView

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/user", scope=Scope.ACCOUNT)
def show(call: Call) -> UserView:
    """Show the caller: the user, the account, and the token of this request."""
    user, account = show_user(call.token, users=call.world.users)
    return UserView.of_user(user, account, call.token)
