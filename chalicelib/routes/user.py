"""/user: the caller, and /health."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import PUBLIC, endpoint
from chalicelib.services.show_user import show_user
from chalicelib.wire.people import HealthView, UserView

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/user", scope=Scope.ACCOUNT)
def show(call: Call) -> UserView:
    user, account = show_user(call.token, users=call.world.users)
    return UserView.of_user(user, account, call.token)


@endpoint(bp, "GET", "/health", scope=PUBLIC)
def health(call: Call) -> HealthView:  # noqa: ARG001 - alive is all there is to say
    return HealthView(status="ok")
