"""Categories through the API, and what files say of theirs."""

import pytest

from tests.support.app_client import AppClient
from tests.support.builders import Caller, a_file, a_ready_file, new_id, stored
from tests.support.fakes import FakeWorld

CATEGORY = {"id", "name", "color", "created_at"}


@pytest.fixture
def my(api: AppClient, alice: Caller) -> AppClient:
    return api.with_token(alice.text)


def made(my: AppClient, name: str = "Invoices", **more: str) -> dict:
    answer = my.post("/categories", {"name": name, **more})
    assert answer.status == 201, answer.text
    return answer.data


def test_made_listed_changed_and_deleted(my) -> None:
    created = made(my, " Invoices ", color="#1F5FA8")
    assert set(created) == CATEGORY
    assert (created["name"], created["color"]) == ("Invoices", "#1f5fa8")
    changed = my.patch(f"/categories/{created['id']}", {"name": "Bills"})
    assert (changed.status, changed.data) == (200, created | {"name": "Bills"})
    listed = my.get("/categories").json
    assert listed == {"data": [created | {"name": "Bills"}], "meta": {"next_cursor": None}}
    assert my.delete(f"/categories/{created['id']}").status == 204
    assert my.get("/categories").data == []
    assert my.delete(f"/categories/{created['id']}").status == 404


def test_in_pages_by_name_or_by_age(my, clock) -> None:
    for name in ("b", "C", "a", "D"):
        made(my, name)
        clock.tick(seconds=1)

    def walk(**query: str) -> list[str]:
        seen, cursor = [], None
        for _ in range(9):
            answer = my.get("/categories", query={"limit": "1", **query} | ({"cursor": cursor} if cursor else {}))
            seen += [category["name"] for category in answer.data]
            cursor = answer.json["meta"]["next_cursor"]
            if cursor is None:
                break
        return seen

    assert walk() == walk(sort="name") == ["a", "b", "C", "D"]
    assert walk(sort="-name") == ["D", "C", "b", "a"]
    assert walk(sort="created_at") == ["b", "C", "a", "D"]
    assert walk(sort="-created_at") == ["D", "a", "C", "b"]


@pytest.mark.parametrize("name", ["INVOICES", "invoices", "\uff29nvoices"])
def test_a_name_that_is_taken(my, name: str) -> None:
    made(my)
    other = made(my, "Bills")
    for answer in (my.post("/categories", {"name": name}), my.patch(f"/categories/{other['id']}", {"name": name})):
        assert (answer.status, set(answer.json["errors"])) == (422, {"name"})


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\nb", "a\u202eb", "a\x00", 5, None, ["x"]])
def test_p1_names_that_are_none(my, name) -> None:
    answer = my.post("/categories", {"name": name})
    assert (answer.status, set(answer.json["errors"])) == (422, {"name"})


@pytest.mark.parametrize("color", ["red", "#12345", "#1234567", "#12345g", "123456", "", "#123456\n", 5])
def test_p1_colors_that_are_none(my, color) -> None:
    answer = my.post("/categories", {"name": "x", "color": color})
    assert (answer.status, set(answer.json["errors"])) == (422, {"color"})


@pytest.mark.parametrize("body", [{"name": None}, {"color": None}])
def test_nothing_can_be_cleared(my, body) -> None:
    assert my.patch(f"/categories/{made(my)['id']}", body).status == 422


def test_a_name_is_stored_composed(my) -> None:
    assert made(my, "Cafe\u0301")["name"] == "Café"
    assert len(made(my, "e\u0301" * 40)["name"]) == 40


class TestFiles:
    def test_a_file_says_its_category_and_shows_it_when_asked(self, my) -> None:
        category = made(my)
        created = my.post("/files", {"filename": "a", "size": 1, "category_id": category["id"]})
        assert created.data["category_id"] == category["id"]
        assert "category" not in created.data
        path = f"/files/{created.data['id']}"
        for listing in ("/files", path):
            query = {"status": "pending"} if listing == "/files" else {}
            plain = my.get(listing, query=query).data
            shown = my.get(listing, query=query | {"include": "category"}).data
            plain, shown = (plain[0], shown[0]) if listing == "/files" else (plain, shown)
            assert "category" not in plain
            assert plain["category_id"] == shown["category_id"] == category["id"]
            assert shown["category"] == category

    def test_every_answer_about_a_file_tells_it(self, my, world, alice) -> None:
        category = made(my)
        file = stored(world, a_file(account_id=alice.account_id, category_id=category["id"]))
        path = f"/files/{file.id}"
        answers = [
            my.post(f"{path}/parts", {"parts": [{"number": 1}]}),
            my.post(f"{path}/complete"),
            my.patch(path, {"filename": "b"}),
            my.get(path),
        ]
        assert [answer.data["category_id"] for answer in answers] == [category["id"]] * 4

    def test_a_file_without_one(self, my, world, alice) -> None:
        file = stored(world, a_ready_file(account_id=alice.account_id))
        shown = my.get(f"/files/{file.id}", query={"include": "category"}).data
        assert (shown["category_id"], shown["category"]) == (None, None)

    def test_a_deleted_category_leaves_its_files(self, my, world, alice) -> None:
        category = made(my)
        file = stored(world, a_ready_file(account_id=alice.account_id, category_id=category["id"]))
        assert my.delete(f"/categories/{category['id']}").status == 204
        for path in ("/files", f"/files/{file.id}"):
            data = my.get(path, query={"include": "category"}).data
            shown = data[0] if path == "/files" else data
            assert (shown["category_id"], shown["category"]) == (None, None)
        assert my.patch(f"/files/{file.id}", {"category_id": category["id"]}).status == 422
        other = made(my)["id"]
        assert my.patch(f"/files/{file.id}", {"category_id": other}).data["category_id"] == other
        assert my.patch(f"/files/{file.id}", {"category_id": None}).data["category_id"] is None

    def test_a_page_costs_one_look_up(self, my, world: FakeWorld, alice) -> None:
        for number in range(3):
            category = made(my, str(number))
            for _ in range(5):
                stored(world, a_ready_file(account_id=alice.account_id, category_id=category["id"]))
        world.categories.calls.clear()
        assert len({file["category"]["id"] for file in my.get("/files", query={"include": "category"}).data}) == 3
        assert world.categories.calls == ["find_many"]

    @pytest.mark.parametrize("wrong", ["x", "", 5, [], "0" * 101])
    def test_p1_ids_that_are_none(self, my, wrong) -> None:
        file = my.post("/files", {"filename": "a", "size": 1}).data
        for answer in (
            my.post("/files", {"filename": "a", "size": 1, "category_id": wrong}),
            my.patch(f"/files/{file['id']}", {"category_id": wrong}),
        ):
            assert (answer.status, set(answer.json["errors"])) == (422, {"category_id"})

    @pytest.mark.parametrize("include", ["", "categories", "category,category", "created_by"])
    def test_there_is_nothing_else_to_include(self, my, include: str) -> None:
        for path in ("/files", f"/files/{new_id()}"):
            answer = my.get(path, query={"include": include})
            assert (answer.status, set(answer.json["errors"])) == (422, {"include"})
