"""CategoryStore: what its port promises, of the fake and of the DynamoDB adapter."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.adapters import dynamo_categories
from chalicelib.bootstrap import World
from chalicelib.domain.category import Category
from chalicelib.domain.ids import CategoryId
from chalicelib.domain.page import Order, Page, Position
from chalicelib.ports import CategoryStore, NameTaken, StaleRecord, TooManyCategories
from tests.integration.pages import rows
from tests.support import fakes
from tests.support.builders import ALICES, BOBS, NOW, a_category, new_id

BY_NAME = Order("name", descending=False)


@pytest.fixture
def categories(ports: World) -> CategoryStore:
    return ports.categories


@pytest.fixture
def at_most_three(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (dynamo_categories, fakes):
        monkeypatch.setattr(module, "MAX_CATEGORIES", 3)


def named(categories: CategoryStore, *names: str) -> list[Category]:
    return [categories.add(a_category(name=name)) for name in names]


def names(categories: CategoryStore, order: Order = BY_NAME) -> list[str]:
    return [category.name for category in categories.list_of(ALICES, order, 100, None).rows]


def test_a_record_comes_back_as_it_was(categories: CategoryStore) -> None:
    category = a_category(name="Ünter 🗂", created_at=NOW + timedelta(microseconds=1))
    stored = categories.add(category)
    assert stored == replace(category, revision=1)
    assert categories.find(category.id) == stored
    assert list(categories.find_many([category.id])) == [stored]


def test_an_unknown_one_is_none(categories: CategoryStore) -> None:
    assert categories.find(CategoryId(new_id())) is None
    assert list(categories.find_many([CategoryId(new_id())])) == []


def test_many_are_those_that_there_are(categories: CategoryStore) -> None:
    one, two, _ = named(categories, "1", "2", "3")
    found = categories.find_many({one.id, two.id, CategoryId(new_id())})
    assert sorted(found, key=lambda category: category.name) == [one, two]


# -- names -------------------------------------------------------------------------------------------------------------

SPELLINGS = ["Straße", "STRASSE", "strasse", "\uff33traße"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_name_is_one_categorys_however_it_is_spelt(categories: CategoryStore, spelling: str) -> None:
    first = categories.add(a_category(name="Straße"))
    with pytest.raises(NameTaken):
        categories.add(a_category(name=spelling))
    assert names(categories) == [first.name]


def test_names_are_the_accounts_own(categories: CategoryStore) -> None:
    hers, his = categories.add(a_category()), categories.add(a_category(account_id=BOBS))
    assert list(categories.list_of(ALICES, BY_NAME, 9, None).rows) == [hers]
    assert list(categories.list_of(BOBS, BY_NAME, 9, None).rows) == [his]


def test_the_longest_name_folded_fits_in_a_key(categories: CategoryStore) -> None:
    longest = categories.add(a_category(name="\ufdfa" * 80))
    assert categories.find(longest.id) == longest


def test_a_new_name_is_taken_and_the_old_one_free(categories: CategoryStore) -> None:
    one, two = named(categories, "one", "two")
    one = categories.save(replace(one, name="three"), one)
    assert one.revision == 2
    with pytest.raises(NameTaken):
        categories.save(replace(two, name="Three"), two)
    assert categories.find(two.id) == two
    two = categories.save(replace(two, name="One"), two)
    assert names(categories) == ["One", "three"]


def test_a_name_may_change_its_case_or_nothing(categories: CategoryStore) -> None:
    category = categories.add(a_category(name="bills"))
    shouted = categories.save(replace(category, name="BILLS", color="#000000"), category)
    assert categories.find(category.id) == shouted == replace(category, name="BILLS", color="#000000", revision=2)
    with pytest.raises(NameTaken):
        categories.add(a_category(name="bills"))


def test_the_name_of_a_deleted_one_is_free(categories: CategoryStore) -> None:
    category = categories.add(a_category())
    categories.remove(category, NOW)
    assert categories.find(category.id) is None
    assert categories.add(a_category()).name == category.name


# -- their number ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_most_three")
def test_their_number_has_an_end(categories: CategoryStore) -> None:
    made = named(categories, "1", "2", "3")
    with pytest.raises(TooManyCategories):
        categories.add(a_category(name="4"))
    assert categories.add(a_category(name="4", account_id=BOBS))
    categories.save(replace(made[0], name="one"), made[0])
    categories.remove(made[1], NOW)
    named(categories, "4")
    with pytest.raises(TooManyCategories):
        categories.add(a_category(name="5"))
    assert names(categories) == ["3", "4", "one"]


@pytest.mark.usefixtures("at_most_three")
def test_what_was_refused_counts_for_nothing(categories: CategoryStore) -> None:
    named(categories, "1", "2")
    for _ in range(3):
        with pytest.raises(NameTaken):
            categories.add(a_category(name="1"))
    gone = a_category(name="3")
    with pytest.raises(StaleRecord):
        categories.remove(gone, NOW)
    named(categories, "3")
    assert names(categories) == ["1", "2", "3"]


# -- changes and removal -----------------------------------------------------------------------------------------------


def test_of_two_changes_to_one_revision_the_second_is_stale(categories: CategoryStore) -> None:
    read = categories.add(a_category(name="one"))
    first = categories.save(replace(read, name="two"), read)
    for late in (replace(read, name="three"), replace(read, color="#000000")):
        with pytest.raises(StaleRecord):
            categories.save(late, read)
    with pytest.raises(StaleRecord):
        categories.remove(read, NOW)
    assert categories.find(read.id) == first
    assert names(categories) == ["two"]


def test_what_went_does_not_come_back(categories: CategoryStore) -> None:
    category = categories.add(a_category())
    categories.remove(category, NOW)
    with pytest.raises(StaleRecord):
        categories.save(replace(category, name="again"), category)
    with pytest.raises(StaleRecord):
        categories.remove(category, NOW)
    assert names(categories) == []
    named(categories, "again", category.name)


# -- list_of -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 9])
def test_pages_by_name_and_by_age_both_ways(categories: CategoryStore, limit: int) -> None:
    made = [
        categories.add(a_category(name=name, created_at=NOW + timedelta(minutes=minute)))
        for minute, name in enumerate(["b", "C", "a", "Ä"])
    ]
    for field, expected in (("name", ["a", "b", "C", "Ä"]), ("created_at", [category.name for category in made])):
        for order, turned in ((Order(field, descending=False), 1), (Order(field, descending=True), -1)):

            def read(after: Position | None, order: Order = order) -> Page[Category]:
                return categories.list_of(ALICES, order, limit, after)

            assert [category.name for category in rows(read)] == expected[::turned]
