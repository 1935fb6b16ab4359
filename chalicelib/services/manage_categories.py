"""Creating, listing, changing and deleting an account's categories, and finding those that files name."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.category import MAX_CATEGORIES, Category, default_color
from chalicelib.domain.claim import Claim
from chalicelib.domain.errors import Conflict, Invalid, NotFound, invalid
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, CategoryId, is_uuid
from chalicelib.domain.page import Order, Page, Position
from chalicelib.ports import CategoryStore, NameTaken, StaleRecord, TooManyCategories

Categories = Mapping[CategoryId, Category]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryChanges:
    name: str | None = None  # None: leave as it is
    color: str | None = None


def create_category(
    account_id: AccountId,
    name: str,
    color: str | None,
    now: datetime,
    claim: Claim | None = None,
    *,
    categories: CategoryStore,
) -> Category:
    """Raises Claimed, Invalid for a name that is taken, Conflict when the account has as many as it may."""
    category = Category(
        id=CategoryId(str(uuid.uuid4())),
        account_id=account_id,
        name=name,
        color=color or default_color(name),
        created_at=now,
    )
    try:
        return categories.add(category, claim)
    except NameTaken:
        raise _name_taken() from None
    except TooManyCategories:
        raise Conflict(f"An account has {MAX_CATEGORIES} categories at most: delete one first.") from None


def list_categories(
    account_id: AccountId, order: Order, limit: int, after: Position | None, *, categories: CategoryStore
) -> Page[Category]:
    return categories.list_of(account_id, order, limit, after)


def update_category(
    account_id: AccountId, category_id: str, changes: CategoryChanges, *, categories: CategoryStore
) -> Category:
    """Raises NotFound, Invalid for a name that is taken, Conflict when it was changed meanwhile."""
    read = own_category(account_id, category_id, categories=categories)
    changed = replace(read, name=changes.name or read.name, color=changes.color or read.color)
    if changed == read:
        return read
    try:
        return categories.save(changed, read)
    except NameTaken:
        raise _name_taken() from None
    except StaleRecord:
        raise Conflict from None


def delete_category(account_id: AccountId, category_id: str, now: datetime, *, categories: CategoryStore) -> None:
    """Its files stay as they are, and are in no category from then on. Raises NotFound, Conflict."""
    category = own_category(account_id, category_id, categories=categories)
    try:
        categories.remove(category, now)
    except StaleRecord:
        raise Conflict from None


def own_category(account_id: AccountId, category_id: str, *, categories: CategoryStore) -> Category:
    """Raises NotFound, the same for one that is another account's, gone, or never was."""
    category = categories.find(CategoryId(category_id)) if is_uuid(category_id) else None
    if category is None or category.account_id != account_id:
        raise NotFound
    return category


def chosen_category(account_id: AccountId, category_id: str | None, *, categories: CategoryStore) -> CategoryId | None:
    """For a file, from a body. Raises Invalid with the same words for one that is another account's and for none."""
    if category_id is None:
        return None
    try:
        return own_category(account_id, category_id, categories=categories).id
    except NotFound:
        raise invalid("category_id", "There is no category with this id.") from None


def categories_of(files: Iterable[File], *, categories: CategoryStore) -> Categories:
    """Those that these (at most 100) files name and that there still are: one look-up, none where none is named.

    Files keep the id of a category that was deleted: it is never given again, and nobody is told of it.
    """
    wanted = {file.category_id for file in files if file.category_id}
    return {category.id: category for category in categories.find_many(wanted)} if wanted else {}


def _name_taken() -> Invalid:
    return invalid("name", "There is a category with this name already.")
