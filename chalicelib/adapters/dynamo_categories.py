"""Categories in the metadata table: the record, an item that holds its name, and the account's count of them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.adapters.dynamo_claims import keep, kept_of
from chalicelib.adapters.dynamo_lists import LISTING, LISTING_A, Lists
from chalicelib.adapters.dynamo_table import AS_READ, NEW, Item, KeyOfId, MetadataTable, moment, timestamp
from chalicelib.adapters.dynamo_transaction import Cancelled, Transaction, update
from chalicelib.domain.category import CATEGORY_SORTS, MAX_CATEGORIES, Category
from chalicelib.domain.claim import Claim
from chalicelib.domain.ids import AccountId, CategoryId
from chalicelib.domain.page import Order, Page, Position
from chalicelib.ports import Claimed, NameTaken, StaleRecord, TooManyCategories

category_key = KeyOfId("CATEGORY", "CATEGORY")
name_key = KeyOfId("CATEGORYNAME", "CATEGORY")
count_key = KeyOfId("ACCOUNT", "CATEGORIES")

_REMOVED_KEPT = timedelta(days=1)


class DynamoCategories:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, category: Category, claim: Claim | None = None) -> Category:
        stored = _next(category)
        transaction = (
            Transaction(self._table)
            .put(_to_item(stored), NEW)
            .put(_name_item(stored), NEW)
            .update(
                count_key(stored.account_id),
                "ADD category_count :one",
                "attribute_not_exists(category_count) OR category_count < :most",
                one=1,
                most=MAX_CATEGORIES,
            )
        )
        if claim:
            transaction.append(keep(self._table, claim, [stored.id]))
        try:
            transaction.write()
        except Cancelled as cancelled:
            if standing := cancelled.met.get(3):
                raise Claimed(kept_of(standing)) from cancelled
            if 1 in cancelled.met:
                raise NameTaken from cancelled
            if 2 in cancelled.met:
                raise TooManyCategories from cancelled
            raise
        return stored

    def find(self, category_id: CategoryId) -> Category | None:
        item = self._table.get(category_key(category_id))
        return _from_item(item) if item and _stands(item) else None

    def find_many(self, category_ids: Collection[CategoryId]) -> Sequence[Category]:
        found = self._table.get_many([category_key(category_id) for category_id in category_ids])
        return [_from_item(item) for item in found.values() if _stands(item)]

    def list_of(self, account_id: AccountId, order: Order, limit: int, after: Position | None) -> Page[Category]:
        return category_lists.page(self._table, _list_pk(account_id), order, limit, after)

    def save(self, category: Category, read: Category) -> Category:
        stored = _next(category)
        transaction = Transaction(self._table).put(_to_item(stored), AS_READ, read=read.revision)
        if stored.unique_name != read.unique_name:
            transaction.put(_name_item(stored), NEW).delete(_name_key(read))
        try:
            transaction.write()
        except Cancelled as cancelled:
            if 0 in cancelled.met:
                raise StaleRecord from cancelled
            if 1 in cancelled.met:
                raise NameTaken from cancelled
            raise
        return stored

    def remove(self, category: Category, now: datetime) -> None:
        """The record stays for a while, on no list: a removal could not say who did it."""
        removal = update(
            self._table,
            category_key(category.id),
            "SET removed_at = :now, #ttl = :ttl REMOVE list_pk, revision",
            AS_READ,
            {"#ttl": "ttl"},
            read=category.revision,
            now=timestamp(now),
            ttl=int((now + _REMOVED_KEPT).timestamp()),
        )
        try:
            (
                Transaction(self._table)
                .append(removal)
                .delete(_name_key(category))
                .update(count_key(category.account_id), "ADD category_count :one", one=-1)
                .write()
            )
        except Cancelled as cancelled:
            if 0 in cancelled.met:
                raise StaleRecord from cancelled
            raise


def _stands(item: Item) -> bool:
    return "removed_at" not in item


def _next(category: Category) -> Category:
    return replace(category, revision=category.revision + 1)


def _to_item(category: Category) -> Item:
    pk, sk = category_key(category.id)
    return {
        "pk": pk,
        "sk": sk,
        **category_lists.attributes(_list_pk(category.account_id), category),
        "account_id": category.account_id,
        "name": category.name,
        "color": category.color,
        "created_at": timestamp(category.created_at),
        "revision": category.revision,
    }


def _from_item(item: Item) -> Category:
    return Category(
        id=CategoryId(category_key.id_of(item)),
        account_id=AccountId(item["account_id"]),
        name=item["name"],
        color=item["color"],
        created_at=moment(item["created_at"]),
        revision=item["revision"],
    )


category_lists = Lists(CATEGORY_SORTS, {"created_at": LISTING, "name": LISTING_A}, category_key, _from_item)


def _name_item(category: Category) -> Item:
    """One for each name of an account: this is what makes a name unique."""
    pk, sk = _name_key(category)
    return {"pk": pk, "sk": sk, "category_id": category.id}


def _name_key(category: Category) -> tuple[str, str]:
    digest = hashlib.sha256(category.unique_name.encode()).hexdigest()  # a folded name can be longer than a key may be
    return name_key(f"{category.account_id}#{digest}")


def _list_pk(account_id: AccountId) -> str:
    return f"ACCOUNT#{account_id}#CATEGORIES"
