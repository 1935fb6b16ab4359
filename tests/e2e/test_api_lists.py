"""Orders, keywords and categories on the running stack."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.api_kit import (
    UNKNOWN_ID,
    Backstage,
    assert_headers,
    assert_refused,
    content,
    eventually,
    uploaded,
)
from tests.e2e.conftest import User

pytestmark = pytest.mark.e2e

NAMES = ("Beta 1.txt", "alpha 2.txt", "Gamma.PDF", "delta.txt")


def walked(user: User, **query: Any) -> list[dict[str, Any]]:
    """Every page of a list."""
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(100):
        answer = user.api("GET", f"/files?{urlencode(query | ({'cursor': cursor} if cursor else {}))}")
        assert_headers(answer)
        seen += answer.data
        cursor = answer.json["meta"]["next_cursor"]
        if cursor is None:
            return seen
    raise AssertionError("no end")


@pytest.fixture(scope="module")
def made(bob: User) -> list[str]:
    return [uploaded(bob.api, content(size), f"orders {name}")["id"] for size, name in enumerate(NAMES, 3)]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("created_at", [0, 1, 2, 3]),
        ("filename_original", [1, 0, 3, 2]),
        ("size", [0, 1, 2, 3]),
        ("encrypted_size", [0, 1, 2, 3]),
    ],
)
def test_every_order_both_ways_in_pages(bob: User, made: list[str], sort: str, order: list[int]) -> None:
    expected = [made[place] for place in order]
    for query in ({"limit": 1}, {"limit": 3}, {}):
        ascending = [file["id"] for file in walked(bob, sort=sort, keyword="orders", **query)]
        assert ascending == expected
        descending = [file["id"] for file in walked(bob, sort=f"-{sort}", keyword="ORDERS", **query)]
        assert descending == expected[::-1]
    among_all = [file["id"] for file in walked(bob, sort=sort, limit=100) if file["id"] in made]
    assert among_all == expected


def test_a_keyword_finds_names_as_they_are_now(alice: User, bob: User, backstage: Backstage) -> None:
    file = uploaded(alice.api, b"x", "Straße 7.txt")
    uploaded(bob.api, b"x", "Straße 8.txt")

    def found(keyword: str, **query: str) -> list[str]:
        return [file["id"] for file in walked(alice, keyword=keyword, **query)]

    def indexed(folded: str) -> bool:
        return folded in backstage.postings_of(file["id"])

    assert found("strasse") == found("ASSE 7") == found("\uff53tra") == [file["id"]]
    assert found("straße 8") == found("stra%") == []
    eventually(lambda: indexed("strasse 7.txt"), "the index to follow")
    assert alice.api("PATCH", f"/files/{file['id']}", {"filename": "Gasse 7.txt"}).status == 200
    assert found("gasse") == [file["id"]]
    assert found("straße") == []
    eventually(lambda: indexed("gasse 7.txt") and not indexed("strasse 7.txt"), "the index to follow")
    assert alice.api("DELETE", f"/files/{file['id']}").status == 204
    assert found("gasse") == []
    assert found("gasse", trashed="true") == [file["id"]]
    assert_refused(alice.api("GET", "/files?keyword="), 422, "invalid", ["keyword"])
    assert_refused(alice.api("GET", "/files?sort=name"), 422, "invalid", ["sort"])


def test_categories(alice: User, bob: User) -> None:
    created = alice.api("POST", "/categories", {"name": "Verträge"})
    assert created.status == 201
    category = created.data
    assert_refused(alice.api("POST", "/categories", {"name": "VERTRÄGE"}), 422, "invalid", ["name"])
    assert bob.api("POST", "/categories", {"name": "Verträge"}).status == 201
    file = uploaded(alice.api, b"x", "in a category.txt")
    path = f"/files/{file['id']}"
    assert alice.api("PATCH", path, {"category_id": category["id"]}).data["category_id"] == category["id"]
    assert alice.api("GET", f"{path}?include=category").data["category"] == category
    assert "category" not in alice.api("GET", path).data
    listed = walked(alice, include="category", keyword="in a category")
    assert [file["category"] for file in listed] == [category]
    renamed = alice.api("PATCH", f"/categories/{category['id']}", {"name": "Contracts", "color": "#ABCDEF"}).data
    assert renamed == category | {"name": "Contracts", "color": "#abcdef"}
    assert alice.api("GET", f"{path}?include=category").data["category"] == renamed
    for other in (category["id"], UNKNOWN_ID):
        assert_refused(bob.api("PATCH", f"/categories/{other}", {"name": "x"}), 404, "not_found")
        assert_refused(bob.api("DELETE", f"/categories/{other}"), 404, "not_found")
        refused = bob.api("POST", "/files", {"filename": "a", "size": 1, "category_id": other})
        assert_refused(refused, 422, "invalid", ["category_id"])
    assert alice.api("DELETE", f"/categories/{category['id']}").status == 204
    shown = alice.api("GET", f"{path}?include=category").data
    assert (shown["category_id"], shown["category"]) == (None, None)
    assert category["id"] not in [each["id"] for each in alice.api("GET", "/categories?limit=100").data]
