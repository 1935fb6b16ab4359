"""Lists in the metadata table: each record type says once which of its orders is in which index."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from chalicelib.adapters.dynamo_table import Item, KeyOfId, MetadataTable, SortIndex
from chalicelib.domain.page import Listable, Order, Page, Position, Sorts

Row = TypeVar("Row", bound=Listable)

# The table's indexes for lists. They hold whole items (decision 0020), so a page is one Query.
LISTING = SortIndex("listing", "list_sk")
LISTING_A = SortIndex("listing_a", "sort_a")
LISTING_B = SortIndex("listing_b", "sort_b")
LISTING_C = SortIndex("listing_c", "sort_c")


class Lists(Generic[Row]):
    """How the records of one type stand in lists, and are read from them.

    A list's partition key says whose it is and which; the record's own position in each order is its sort key there.
    """

    def __init__(
        self,
        sorts: Sorts[Row],
        indexes: Mapping[str, SortIndex],
        key_of_id: KeyOfId,
        from_item: Callable[[Item], Row],
    ) -> None:
        if set(sorts) != set(indexes) or len(set(indexes.values())) != len(indexes):
            raise ValueError("every order needs an index of its own")
        self._sorts, self._indexes, self._key_of_id, self._from_item = sorts, indexes, key_of_id, from_item

    def attributes(self, list_pk: str, row: Row) -> Item:
        """What puts a record on a list: parts of its item."""
        keys = {index.attribute: Position.of_row(self._sorts, field, row).key for field, index in self._indexes.items()}
        return {"list_pk": list_pk, **keys}

    def page(self, table: MetadataTable, list_pk: str, order: Order, limit: int, after: Position | None) -> Page[Row]:
        """Reads `limit` records at most. The last page may be followed by an empty one."""
        index = self._indexes[order.field]
        items, end = table.page(index, list_pk, limit, after, descending=order.descending, key_of_id=self._key_of_id)
        return Page([self._from_item(item) for item in items], end)
