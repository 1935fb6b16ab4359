"""/user: the caller, and /health."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import PUBLIC, endpoint
from chalicelib.services.show_user import show_user
from chalicelib.services.update_user import update_user
from chalicelib.wire.people import HealthView, PatchUser, UserView

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/user", scope=Scope.ACCOUNT)
def show(call: Call) -> UserView:
    world = call.world
    shown = show_user(call.token, call.now, users=world.users, quotas=world.quotas, pool=world.pool)
    return UserView.of_shown(shown, call.token)


@endpoint(bp, "PATCH", "/user", scope=Scope.ACCOUNT, body=PatchUser, guarded=True, with_user=True)
def update(call: Call, body: PatchUser) -> UserView:
    world = call.world
    update_user(
        call.user,
        body.changes(),
        call.token.id,
        call.now,
        users=world.users,
        tokens=world.tokens,
        pin_tries=world.pin_tries,
        pin_hasher=world.pin_hasher,
    )
    shown = show_user(call.token, call.now, users=world.users, quotas=world.quotas, pool=world.pool)
    return UserView.of_shown(shown, call.token)


@endpoint(bp, "GET", "/health", scope=PUBLIC)
def health(call: Call) -> HealthView:  # noqa: ARG001 - alive is all there is to say
    return HealthView(status="ok")
