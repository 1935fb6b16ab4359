"""Categories: whose they are, what a file makes of them, and what is left when one goes."""

import pytest

from chalicelib.domain.category import MAX_CATEGORIES, PALETTE, Category, default_color
from chalicelib.domain.errors import Conflict, Invalid, NotFound
from chalicelib.domain.ids import CategoryId
from chalicelib.domain.page import Order
from chalicelib.ports import NameTaken, StaleRecord, TooManyCategories
from chalicelib.services.create_file import create_file
from chalicelib.services.manage_categories import (
    CategoryChanges,
    categories_of,
    create_category,
    delete_category,
    list_categories,
    update_category,
)
from chalicelib.services.update_file import FileChanges, update_file
from tests.support.builders import ALICES, BOBS, NOW, a_category, a_new_file, a_ready_file, a_user, creating, new_id
from tests.support.fakes import FakeWorld, raises


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def create(world: FakeWorld, name: str = "Invoices", color: str | None = None, account=ALICES) -> Category:
    return create_category(account, name, color, NOW, categories=world.categories)


def change(world: FakeWorld, category: Category, **changes: str) -> Category:
    return update_category(ALICES, category.id, CategoryChanges(**changes), categories=world.categories)


class TestCategories:
    def test_made_changed_listed_and_deleted(self, world) -> None:
        category = create(world, color="#123456")
        assert (category.name, category.color, category.created_at) == ("Invoices", "#123456", NOW)
        changed = change(world, category, name="Bills")
        assert (changed.name, changed.color) == ("Bills", "#123456")
        assert change(world, category, color="#654321").name == "Bills"
        order = Order("name", descending=False)
        assert len(list_categories(ALICES, order, 9, None, categories=world.categories).rows) == 1
        delete_category(ALICES, category.id, NOW, categories=world.categories)
        assert world.categories.find(category.id) is None

    def test_a_color_of_its_own_unless_one_is_given(self, world) -> None:
        colors = {create(world, f"category {number}").color for number in range(60)}
        assert colors == set(PALETTE)
        assert default_color("Bills") == default_color("BILLS")

    def test_a_change_of_nothing_is_not_written(self, world) -> None:
        category = create(world)
        assert change(world, category) == change(world, category, name="Invoices") == category
        assert "save" not in world.categories.calls

    @pytest.mark.parametrize(
        ("accident", "told", "words"),
        [
            (NameTaken, Invalid, {"name": ["There is a category with this name already."]}),
            (TooManyCategories, Conflict, None),
        ],
    )
    def test_what_stops_a_new_one(self, world, accident, told, words) -> None:
        world.categories.before("add", raises(accident()))
        with pytest.raises(told) as caught:
            create(world)
        assert caught.value.errors == words
        assert words or str(MAX_CATEGORIES) in caught.value.message

    @pytest.mark.parametrize(("accident", "told"), [(NameTaken, Invalid), (StaleRecord, Conflict)])
    def test_what_stops_a_change(self, world, accident, told) -> None:
        category = create(world)
        world.categories.before("save", raises(accident()))
        with pytest.raises(told):
            change(world, category, name="Bills")

    def test_a_change_that_came_first_stops_a_delete(self, world) -> None:
        category = create(world)
        world.categories.before("remove", lambda: change(world, category, name="Bills"))
        with pytest.raises(Conflict):
            delete_category(ALICES, category.id, NOW, categories=world.categories)
        assert world.categories.find(category.id).name == "Bills"


class TestFiles:
    def test_a_file_is_made_in_one(self, world) -> None:
        category = create(world)
        file = create_file(a_new_file(category_id=category.id), a_user(), NOW, **creating(world)).file
        assert file.category_id == category.id
        assert world.files.find(file.id) == file

    def test_a_file_is_moved_into_one_and_out_again(self, world) -> None:
        file, category = world.files.add(a_ready_file()), create(world)
        stores = {"files": world.files, "categories": world.categories}

        def put(**changes) -> str | None:
            return update_file(ALICES, file.id, FileChanges(**changes), NOW, **stores).category_id

        assert put(sets_category=True, category_id=category.id) == category.id
        assert put(filename="other.pdf") == category.id
        assert put(sets_category=True, category_id=None) is None
        assert put(filename="third.pdf") is None

    def test_no_file_is_begun_in_a_category_that_is_none(self, world) -> None:
        """Nothing may be left at S3 or KMS of a request that is refused."""
        large = a_new_file(category_id=new_id(), size_bytes=200 * 2**20)
        with pytest.raises(Invalid) as caught:
            create_file(large, a_user(), NOW, **creating(world))
        assert caught.value.errors == {"category_id": ["There is no category with this id."]}
        assert world.objects.calls == world.keys.calls == world.files.calls == []

    def test_those_of_a_page_in_one_call(self, world) -> None:
        made = [create(world, f"{number}") for number in range(3)]
        files = [a_ready_file(category_id=made[number % 2].id) for number in range(20)] + [a_ready_file()]
        world.categories.calls.clear()
        assert categories_of(files, categories=world.categories) == {one.id: one for one in made[:2]}
        assert world.categories.calls == ["find_many"]

    def test_none_no_call(self, world) -> None:
        assert categories_of([a_ready_file(), a_ready_file()], categories=world.categories) == {}
        assert categories_of([], categories=world.categories) == {}
        assert world.categories.calls == []

    def test_one_that_went_is_none(self, world) -> None:
        file = a_ready_file(category_id=CategoryId(new_id()))
        assert categories_of([file], categories=world.categories) == {}


def test_what_is_another_accounts_or_never_was(world) -> None:
    category = world.categories.add(a_category(account_id=BOBS))
    for category_id in (category.id, new_id(), "x", ""):
        with pytest.raises(NotFound):
            update_category(ALICES, category_id, CategoryChanges(name="mine"), categories=world.categories)
        with pytest.raises(NotFound):
            delete_category(ALICES, category_id, NOW, categories=world.categories)
    assert world.categories.find(category.id) == category
