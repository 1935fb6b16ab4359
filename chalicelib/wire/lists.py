"""What every list takes and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.domain.page import DEFAULT_LIMIT, MAX_LIMIT, Page, Position, cursor_of, position_of
from chalicelib.wire.base import Out, Query


def _cursor(text: str) -> str:
    position_of(text)
    return text


Cursor = Annotated[str, StringConstraints(max_length=200), AfterValidator(_cursor)]


class ListQuery(Query):
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    cursor: Cursor | None = None

    @property
    def after(self) -> Position | None:
        return position_of(self.cursor) if self.cursor else None


class Meta(Out):
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        return cls(next_cursor=cursor_of(page.next) if page.next else None)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of an answer."""

    rows: Sequence[Out]
    meta: Meta
