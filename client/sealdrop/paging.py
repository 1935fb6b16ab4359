"""Lists that come page by page."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

Row = TypeVar("Row")
ReadPage = Callable[[Mapping[str, str]], tuple[tuple[Row, ...], str | None]]


def walk(read: ReadPage[Row], query: Mapping[str, str]) -> Iterator[Row]:
    """Every row, a page fetched when the one before has been taken."""
    cursor: str | None = None
    while True:
        page, cursor = read(query if cursor is None else {**query, "cursor": cursor})
        yield from page
        if cursor is None:
            return
