"""Lists in the metadata table: each record type says once which of its orders is in which index."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from chalicelib.adapters.dynamo_table import Item, KeyOfId, MetadataTable, SortIndex
from chalicelib.domain.page import Listable, Order, Page, Position, Sorts
from chalicelib.domain.search import search_text

Row = TypeVar("Row", bound=Listable)

# The table's indexes for lists. They hold whole items (decision 0020), so a page is one Query.
LISTING = SortIndex("listing", "list_sk")
LISTING_A = SortIndex("listing_a", "sort_a")
LISTING_B = SortIndex("listing_b", "sort_b")
LISTING_C = SortIndex("listing_c", "sort_c")
INDEXES = (LISTING, LISTING_A, LISTING_B, LISTING_C)

# What puts a record in the search table as well: whose index, and what it is found by.
SEARCH_PK = "search_pk"
SEARCH_TEXT = "search_text"


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
        texts: Callable[[Row], Iterable[str]] | None = None,
    ) -> None:
        """`texts` are those that a keyword is looked for in, of a type that is searched."""
        if set(sorts) != set(indexes) or len(set(indexes.values())) != len(indexes):
            raise ValueError("every order needs an index of its own")
        self._sorts, self._indexes, self._key_of_id = sorts, indexes, key_of_id
        self._from_item, self._texts = from_item, texts

    def attributes(self, list_pk: str, row: Row, search_pk: str | None = None) -> Item:
        """What puts a record on a list, and in the search table: parts of its item."""
        keys = {index.attribute: Position.of_row(self._sorts, field, row).key for field, index in self._indexes.items()}
        found_by = {}
        if self._texts and search_pk:
            found_by = {SEARCH_PK: search_pk, SEARCH_TEXT: search_text(self._texts(row))}
        return {"list_pk": list_pk, **keys, **found_by}

    @property
    def names(self) -> frozenset[str]:
        """Of the attributes above."""
        searched = {SEARCH_PK, SEARCH_TEXT} if self._texts else set()
        return frozenset({"list_pk", *(index.attribute for index in self._indexes.values()), *searched})

    def page(
        self,
        table: MetadataTable,
        list_pk: str,
        order: Order,
        limit: int,
        after: Position | None,
        keyword: str | None = None,
    ) -> Page[Row]:
        """Reads `limit` records at most. The last page may be followed by an empty one.

        With a (folded) keyword, the rows are those of the records read that hold it.
        """
        containing = (SEARCH_TEXT, keyword) if keyword else None
        index = self._indexes[order.field]
        items, end = table.page(
            index,
            list_pk,
            limit,
            after,
            descending=order.descending,
            key_of_id=self._key_of_id,
            containing=containing,
        )
        return Page([self._from_item(item) for item in items], end)

    def standing(
        self, table: MetadataTable, list_pk: str, keyword: str, places: Sequence[Position]
    ) -> list[tuple[Position, Row]]:
        """The records of these (at most 100) places, as they are now, that are on the list and hold the keyword."""
        items = table.get_many([self._key_of_id(place.id) for place in places])
        found = [(place, items.get(self._key_of_id(place.id), {})) for place in places]
        return [
            (place, self._from_item(item))
            for place, item in found
            if item.get("list_pk") == list_pk and keyword in item.get(SEARCH_TEXT, "")
        ]

    def index(self, order: Order) -> SortIndex:
        return self._indexes[order.field]

    def place(self, order: Order, row: Row) -> Position:
        return Position.of_row(self._sorts, order.field, row)
