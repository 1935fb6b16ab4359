"""/keys: temporary keys, which a PIN buys."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import PinLocked
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.idempotency import refuses_key
from chalicelib.services.temporary_keys import buy_temporary_key, drop_temporary_key
from chalicelib.wire.pins import BuyKey, TemporaryKeyView

bp = Blueprint(__name__)
LOCKED = (PinLocked,)


@endpoint(
    bp, "POST", "/keys", scope=Scope.DOWNLOADS, body=BuyKey, status=201, guarded=True, with_user=True, raises=LOCKED
)
@refuses_key
def buy(call: Call, body: BuyKey) -> TemporaryKeyView:
    """Buy a temporary key with your PIN. It is good for an hour.

    A wrong PIN is 422 with `errors.pin`. Five of them lock it: 429 `pin_locked`, whatever the guess.
    """
    world = call.world
    bought = buy_temporary_key(
        call.user,
        body.pin,
        call.now,
        pin_tries=world.pin_tries,
        pin_hasher=world.pin_hasher,
        temporary_keys=world.temporary_keys,
    )
    return TemporaryKeyView(key=bought.text, expires_at=bought.expires_at)


@endpoint(bp, "DELETE", "/keys/{key}", scope=Scope.DOWNLOADS)
def drop(call: Call, key: str) -> None:
    """Drop a temporary key before its time."""
    drop_temporary_key(call.token.user_id, key, call.now, temporary_keys=call.world.temporary_keys)
