"""One page of what holds a keyword, in any order of a list, with bounded work (decision 0022).

What most records hold is found by looking at the records in their order; what few hold, by the search table. Both
answer by place in the same order, so a cursor does not care which of them its page came from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from chalicelib.adapters.dynamo_lists import Lists
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_table import MetadataTable
from chalicelib.domain.page import Listable, Order, Page, Position

Row = TypeVar("Row", bound=Listable)

FIRST_LOOK = 100  # records looked at before anything is known of the keyword
FURTHER_LOOK = 900  # and after, where it seems to be held by many
_MARGIN = 2  # times as many are looked at as would do on average
FEW = 5_000  # postings that are read to sort the records of a keyword that seems to be held by few
_FEWEST = 20  # records read at once by their places,
_BATCHES = 3  # and how often: some turn out to be on another shelf, or to have changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    list_pk: str
    search_pk: str
    keyword: str  # folded
    order: Order
    limit: int
    after: Position | None


def search(lists: Lists[Row], table: MetadataTable, postings: SearchTable, sought: Sought) -> Page[Row]:
    """May be short of the limit, or empty, and not the last page."""
    first_look = max(FIRST_LOOK, sought.limit)
    near = _look(lists, table, sought, first_look, sought.after)
    if near.next is None or len(near.rows) == sought.limit:
        return near
    left = sought.limit - len(near.rows)
    further_look = _MARGIN * left * first_look // max(1, len(near.rows))  # if what comes is like what came
    places = None
    if further_look > FURTHER_LOOK:
        places = postings.places(sought.search_pk, sought.keyword, lists.index(sought.order), FEW)
    if places is None:
        far = _look(lists, table, sought, min(further_look, FURTHER_LOOK), near.next)
    else:  # what lies before `near.next` has been seen, and better than the search table knows it
        far = _pick(lists, table, sought, _beyond(near.next, places, sought.order), left)
    return _cut(lists, sought, [*near.rows, *far.rows], far.next)


def _look(lists: Lists[Row], table: MetadataTable, sought: Sought, count: int, after: Position | None) -> Page[Row]:
    """Of the next `count` records of the list, those that hold the keyword."""
    page = lists.page(table, sought.list_pk, sought.order, count, after, sought.keyword)
    return _cut(lists, sought, page.rows, page.next)


def _cut(lists: Lists[Row], sought: Sought, rows: Sequence[Row], end: Position | None) -> Page[Row]:
    if len(rows) <= sought.limit:
        return Page(rows, end)
    return Page(rows[: sought.limit], lists.place(sought.order, rows[sought.limit - 1]))


def _beyond(after: Position, places: Sequence[Position], order: Order) -> list[Position]:
    """Those that come after a place, in order."""
    ordered = sorted(places, key=lambda place: place.key, reverse=order.descending)
    return [place for place in ordered if (place.key < after.key if order.descending else place.key > after.key)]


def _pick(lists: Lists[Row], table: MetadataTable, sought: Sought, places: Sequence[Position], limit: int) -> Page[Row]:
    """Up to `limit` of the records of these places, as far as they are still what is sought."""
    rows: list[Row] = []
    step = max(limit, _FEWEST)
    for start in range(0, min(len(places), step * _BATCHES), step):
        batch = places[start : start + step]
        for place, row in lists.standing(table, sought.list_pk, sought.keyword, batch):
            rows.append(row)
            if len(rows) == limit:
                return Page(rows, place if place != places[-1] else None)
    return Page(rows, places[step * _BATCHES - 1] if len(places) > step * _BATCHES else None)
