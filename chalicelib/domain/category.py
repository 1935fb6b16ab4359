"""Categories: labels that an account puts on its files."""

import zlib
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.folding import fold
from chalicelib.domain.ids import AccountId, CategoryId
from chalicelib.domain.page import Sorts, text_value, time_value

MAX_CATEGORIES = 500  # of one account
MAX_NAME_LENGTH = 80
PALETTE = ("#b3261e", "#a04a00", "#6b5f00", "#2e6b2e", "#00696b", "#1f5fa8", "#6a4fa3", "#96356f")  # 4.5 : 1 on white


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    id: CategoryId
    account_id: AccountId
    name: str  # unique in its account, whatever the case
    color: str  # "#rrggbb", lower case
    created_at: datetime
    revision: int = 0  # counts stored changes; 0 is not stored yet

    @property
    def unique_name(self) -> str:
        """The form in which two spellings of a name are the same one."""
        return fold(self.name)


CATEGORY_SORTS: Sorts[Category] = {
    "created_at": lambda category: time_value(category.created_at),
    "name": lambda category: text_value(category.name),
}


def default_color(name: str) -> str:
    """The same for the same name, so that a category that is made anew looks as it did."""
    return PALETTE[zlib.crc32(fold(name).encode()) % len(PALETTE)]
