"""The records of categories."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.category import Category
from chalicelib.domain.claim import Claim
from chalicelib.domain.ids import AccountId, CategoryId
from chalicelib.domain.page import Order, Page, Position


class NameTaken(Exception):
    """The account has a category of this name already."""


class TooManyCategories(Exception):
    """The account has MAX_CATEGORIES of them."""


class CategoryStore(Protocol):
    """Names are unique, and their number is bounded, by the same transaction that writes the record."""

    def add(self, category: Category, claim: Claim | None = None) -> Category:
        """Store it and keep the claim: both or nothing. Raises Claimed, else NameTaken, TooManyCategories."""

    def find(self, category_id: CategoryId) -> Category | None:
        """The record as of now, whoever asks: callers check the account."""

    def find_many(self, category_ids: Collection[CategoryId]) -> Sequence[Category]:
        """Those of at most 100 that there are, in any order; one round trip."""

    def list_of(self, account_id: AccountId, order: Order, limit: int, after: Position | None) -> Page[Category]:
        """In one of the orders of CATEGORY_SORTS; reads the page and no more. May lag behind `find` by moments."""

    def save(self, category: Category, read: Category) -> Category:
        """Store a changed record in place of the one that was read.

        Answers the record with its new revision. Raises StaleRecord, NameTaken.
        """

    def remove(self, category: Category, now: datetime) -> None:
        """Raises StaleRecord when it was changed, or went, since it was read."""
