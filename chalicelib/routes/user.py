"""/user: who calls."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Conflict, PinLocked
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.services.show_user import show_user
from chalicelib.services.update_user import update_user
from chalicelib.wire.user import PatchUser, UserView

bp = Blueprint(__name__)
REFUSED = (Conflict, PinLocked)


@endpoint(bp, "GET", "/user", scope=Scope.ACCOUNT)
def show(call: Call) -> UserView:
    """Show the caller: the user, the account with its quota, and the token of this request."""
    world = call.world
    shown = show_user(call.token, call.now, users=world.users, quotas=world.quotas, pool=world.pool)
    return UserView.of_shown(shown, call.token)


@endpoint(bp, "PATCH", "/user", scope=Scope.ACCOUNT, body=PatchUser, guarded=True, with_user=True, raises=REFUSED)
def update(call: Call, body: PatchUser) -> UserView:
    """Change your name, time zone or PIN.

    A PIN that is there is changed or removed with the current one. Five wrong ones lock it for a while.
    """
    world = call.world
    update_user(
        call.user,
        body.changes(),
        call.now,
        users=world.users,
        tokens=world.tokens,
        pin_tries=world.pin_tries,
        pin_hasher=world.pin_hasher,
    )
    shown = show_user(call.token, call.now, users=world.users, quotas=world.quotas, pool=world.pool)
    return UserView.of_shown(shown, call.token)
