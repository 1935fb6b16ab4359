"""Idempotency-Key at the edge: which routes take it, and the answer to a request that was there before.

A route that creates something takes the key, and makes what it makes by `once`:

    @endpoint(bp, "POST", "/downloads", …)
    @takes_key
    def create(call: Call, body: CreateDownload) -> DownloadView:
        download = once(
            call,
            lambda claim: create_download(…, claim, …),  # hands the claim on to the store's `add`
            lambda ids: find_download(call.token.account_id, ids[0], …),
        )

The store adds what is made together with the claim and the ids that lead back to it, in one transaction
(`adapters/dynamo_creations.py`; that may be many records, charged to a quota or not). A route that answers a secret,
which is shown once, cannot answer it again: it refuses the key, for ignoring it would be a promise not kept. Where
repeating does no harm (`complete`, `parts`, PATCH, DELETE) the key is ignored.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from chalicelib.domain.claim import Claim, claim_of
from chalicelib.domain.errors import invalid
from chalicelib.routes.call import Call
from chalicelib.services.create_once import create_once
from chalicelib.wire.idempotency import HEADER, canonical, parse_key

T = TypeVar("T")
View = Callable[..., Any]

TAKES_KEY = "takes_idempotency_key"  # of a view: True, False where it refuses, absent where it ignores


def takes_key(view: View) -> View:
    """`call.claim` is the key's claim, if the request has one."""

    @functools.wraps(view)
    def claiming(call: Call, **arguments: Any) -> Any:
        if (key := parse_key(call.request.headers.get(HEADER))) is not None:
            user, route = call.token, call.route
            body = canonical(arguments["body"])
            call.claim = claim_of(user.account_id, user.user_id, route, key, body, call.now)
        return view(call, **arguments)

    setattr(claiming, TAKES_KEY, True)
    return claiming


def refuses_key(view: View) -> View:
    @functools.wraps(view)
    def refusing(call: Call, **arguments: Any) -> Any:
        if HEADER in call.request.headers:
            raise invalid(HEADER, "What this route answers is secret and shown once: it cannot be answered again.")
        return view(call, **arguments)

    setattr(refusing, TAKES_KEY, False)
    return refusing


def once(call: Call, create: Callable[[Claim | None], T], find_again: Callable[[tuple[str, ...]], T]) -> T:
    """What this request makes, or what it made before; the answer's headers say which."""
    done = create_once(call.claim, create, find_again, claims=call.world.claims)
    call.replayed = done.replayed
    return done.made
