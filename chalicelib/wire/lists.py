"""What every list takes and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.cursor import MAX_CURSOR_LENGTH, Cursors
from chalicelib.domain.page import DEFAULT_LIMIT, MAX_LIMIT, Order, Page
from chalicelib.domain.search import MAX_KEYWORD_LENGTH, usable_keyword
from chalicelib.wire.base import Out, Query, doc

_CURSOR = "AWN1cnNvci1vZi1hLXBhZ2UtdGhhdC1pcy1vdmVy"  # of no list: shows what one looks like


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), doc("Rows of a page, at most.", 20)] = DEFAULT_LIMIT
    cursor: Annotated[
        Annotated[str, StringConstraints(max_length=MAX_CURSOR_LENGTH)] | None,
        doc("`meta.next_cursor` of the page before, as it stands, with the same parameters.", _CURSOR),
    ] = None

    # Parameters that change neither which records are in the list nor their order: a cursor outlives a change of these.
    APART: ClassVar = frozenset({"limit", "cursor", "include"})

    @property
    def what(self) -> str:
        """Everything else that is asked for, defaults included: the same text for the same list."""
        return self.model_dump_json(exclude=set(self.APART))


SORTING = doc("By which field; `-` before it turns the order around.")


class SortedQuery(ListQuery):
    """Subclasses spell out what `sort` takes, so that the refusal of anything else names it."""

    sort: str

    @property
    def order(self) -> Order:
        return Order.of(self.sort)


Keyword = Annotated[str, StringConstraints(min_length=1, max_length=MAX_KEYWORD_LENGTH), AfterValidator(usable_keyword)]


class Meta(Out):
    next_cursor: Annotated[str | None, doc("Send it as `cursor` for the next page; null at the end.", _CURSOR)]

    @classmethod
    def of(cls, page: Page[Any], cursors: Cursors) -> Self:
        return cls(next_cursor=cursors.make(page.next))


Row = TypeVar("Row", bound=Out)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """One page of an answer."""

    rows: Sequence[Row]
    meta: Meta
