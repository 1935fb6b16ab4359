"""Pages of a list: the order it is read in, the places in it, and the rows between two of them.

A value that a list is sorted by is kept as text whose code points stand in the same order as the values do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, Self, TypeVar

from chalicelib.domain.moments import rfc3339

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
SEPARATOR = "\x00"  # before every character that a name or subject may hold, so a prefix sorts first
_NUMBER_DIGITS = 15
_MAX_VALUE_BYTES = 900  # with the separator and an id within DynamoDB's 1,024 bytes of a sort key


class Listable(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row")
ListedRow = TypeVar("ListedRow", bound=Listable)

# The fields that the records of one type can be sorted by, each with the value in stored form.
Sorts = Mapping[str, Callable[[ListedRow], str]]


@dataclass(frozen=True, slots=True)
class Order:
    """By one field, and by id where that is equal, both in the same direction."""

    field: str
    descending: bool

    @classmethod
    def of(cls, text: str) -> Self:
        """From its public spelling: `size`, or `-size` for the largest first."""
        return cls(text.removeprefix("-"), text.startswith("-"))


NEWEST_FIRST = Order("created_at", descending=True)


@dataclass(frozen=True, slots=True)
class Position:
    """The place of a record in an order. Not bound to the record: it may change or go, the place stays."""

    value: str  # of the field that is sorted by, in stored form
    id: str

    @property
    def key(self) -> str:
        """Text whose order is that of the places."""
        return f"{self.value}{SEPARATOR}{self.id}"

    @classmethod
    def of_key(cls, key: str) -> Self:
        value, _, row_id = key.rpartition(SEPARATOR)
        return cls(value, row_id)

    @classmethod
    def of_row(cls, sorts: "Sorts[ListedRow]", field: str, row: ListedRow) -> Self:
        return cls(sorts[field](row), row.id)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    next: Position | None  # None at the end


def text_value(text: str) -> str:
    """In lower case, and cut where a longer one would not fit in an index: such ones are told apart by id."""
    return text.lower().encode()[:_MAX_VALUE_BYTES].decode(errors="ignore")


def number_value(number: int) -> str:
    """Of a number from 0 to 10^15 - 1."""
    if not 0 <= number < 10**_NUMBER_DIGITS:
        raise ValueError(f"{number} does not fit in {_NUMBER_DIGITS} digits")
    return f"{number:0{_NUMBER_DIGITS}}"


def time_value(moment: datetime) -> str:
    return rfc3339(moment)
