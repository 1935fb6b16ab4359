"""GET /events: the account's audit log."""

from chalicelib.domain.chain import Entry
from chalicelib.domain.event import About
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Page, Position
from chalicelib.ports import EventStore


def list_events(
    account_id: AccountId, about: About | None, limit: int, after: Position | None, *, events: EventStore
) -> Page[Entry]:
    """One page, newest first."""
    return events.page(account_id, about, limit, after)
