"""/events: the account's audit log."""

from chalice.app import Blueprint

from chalicelib.domain.api_token import Scope
from chalicelib.routes.call import Call
from chalicelib.routes.endpoint import endpoint
from chalicelib.routes.paging import cursors_of
from chalicelib.services.list_events import list_events
from chalicelib.wire.events import EventsQuery, EventView
from chalicelib.wire.lists import Listing, Meta

bp = Blueprint(__name__)


@endpoint(bp, "GET", "/events", scope=Scope.EVENTS, query=EventsQuery)
def index(call: Call, query: EventsQuery) -> Listing[EventView]:
    """List what has happened: every access and every change, newest first.

    Each event holds the hash of the one before, so that one that was removed or altered shows.
    """
    account_id = call.token.account_id
    cursors = cursors_of(call, query, "events", account_id)
    page = list_events(account_id, query.about, query.limit, cursors.read(query.cursor), events=call.world.events)
    return Listing([EventView.of(entry) for entry in page.rows], Meta.of(page, cursors))
