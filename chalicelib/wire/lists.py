"""What every list takes and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.page import DEFAULT_LIMIT, MAX_LIMIT, Page, Position, cursor_of, position_of
from chalicelib.wire.base import Out, Query, doc


def _cursor(text: str) -> str:
    position_of(text)
    return text


_EXAMPLE = cursor_of(Position(datetime(2026, 3, 1, 12, tzinfo=UTC), "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"))
Cursor = Annotated[
    str,
    StringConstraints(max_length=200),
    AfterValidator(_cursor),
    doc(
        "The place to go on from: `meta.next_cursor` of the page before, as it stands.",
        _EXAMPLE,
    ),
]


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT), doc("Rows of a page, at most.", 20)] = DEFAULT_LIMIT
    cursor: Cursor | None = None

    @property
    def after(self) -> Position | None:
        return position_of(self.cursor) if self.cursor else None


class Meta(Out):
    next_cursor: Annotated[str | None, doc("Send it as `cursor` for the next page; null at the end.", _EXAMPLE)]

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        return cls(next_cursor=cursor_of(page.next) if page.next else None)


Row = TypeVar("Row", bound=Out)


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """One page of an answer."""

    rows: Sequence[Row]
    meta: Meta
