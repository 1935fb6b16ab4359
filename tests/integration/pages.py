"""Walking the pages of a list."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from chalicelib.domain.page import Page, Position

Row = TypeVar("Row")
ENOUGH = 50


def pages(read: Callable[[Position | None], Page[Row]]) -> list[Sequence[Row]]:
    """Every page to the end. A list whose last page is full may end with an empty one: DynamoDB cannot know yet."""
    walked: list[Sequence[Row]] = []
    after: Position | None = None
    for _ in range(ENOUGH):
        page = read(after)
        walked.append(page.rows)
        if page.next is None:
            return walked
        after = page.next
    raise AssertionError(f"no end after {ENOUGH} pages")


def rows(read: Callable[[Position | None], Page[Row]]) -> list[Row]:
    return [row for page in pages(read) for row in page]
