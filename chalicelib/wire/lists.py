"""What every list takes and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.cursor import MAX_CURSOR_LENGTH, Cursors
from chalicelib.domain.page import DEFAULT_LIMIT, MAX_LIMIT, Order, Page
from chalicelib.domain.search import MAX_KEYWORD_LENGTH, usable_keyword
from chalicelib.wire.base import Out, Query


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Annotated[str, StringConstraints(max_length=MAX_CURSOR_LENGTH)] | None = None

    # Parameters that change neither which records are in the list nor their order: a cursor outlives a change of these.
    APART: ClassVar = frozenset({"limit", "cursor", "include"})

    @property
    def what(self) -> str:
        """Everything else that is asked for, defaults included: the same text for the same list."""
        return self.model_dump_json(exclude=set(self.APART))


class SortedQuery(ListQuery):
    """Subclasses spell out what `sort` takes, so that the refusal of anything else names it."""

    sort: str

    @property
    def order(self) -> Order:
        return Order.of(self.sort)


Keyword = Annotated[str, StringConstraints(min_length=1, max_length=MAX_KEYWORD_LENGTH), AfterValidator(usable_keyword)]


class Meta(Out):
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any], cursors: Cursors) -> Self:
        return cls(next_cursor=cursors.make(page.next))


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of an answer."""

    rows: Sequence[Out]
    meta: Meta
