"""Pages of a list and the cursor that leads from one to the next."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

Row = TypeVar("Row")

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
_FORGED = "Not a cursor of this list: take it from meta.next_cursor."


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a record in a list by creation. Not bound to the record: it may go, the place stays."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    next: Position | None  # None at the end


def cursor_of(position: Position) -> str:
    text = f"{position.created_at.astimezone(UTC).isoformat()}#{position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str) -> Position:
    """Raises ValueError for anything that `cursor_of` cannot have made.

    A cursor names no account and no list: those come from the caller's token, so a forged one opens nothing.
    """
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        time, _, row_id = text.partition("#")
        position = Position(datetime.fromisoformat(time).astimezone(UTC), row_id)
    except (ValueError, OverflowError):  # the latter: a time that is before the first year, or after the last, in UTC
        raise ValueError(_FORGED) from None
    if cursor_of(position) != cursor:  # without a zone, in another one, or spelt otherwise
        raise ValueError(_FORGED)
    return position
