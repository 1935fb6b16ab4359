"""Pages in memory, as the indexes have them."""

from collections.abc import Sequence
from typing import TypeVar

from chalicelib.domain.page import Listable, Order, Page, Position, Sorts

Row = TypeVar("Row", bound=Listable)


def page_of(rows: Sequence[Row], sorts: Sorts[Row], order: Order, limit: int, after: Position | None) -> Page[Row]:
    def place(row: Row) -> Position:
        return Position.of_row(sorts, order.field, row)

    ordered = sorted(rows, key=lambda row: place(row).key, reverse=order.descending)
    if after:
        ordered = [
            row for row in ordered if place(row).key != after.key and (place(row).key < after.key) is order.descending
        ]
    page = ordered[:limit]
    return Page(page, place(page[-1]) if len(ordered) > limit else None)
