"""FileStore.search: what its port promises, of the fake and of the adapter.

The adapter finds what many records hold by looking at the records, and what few hold by the search table: `ways` turns
its bounds so that each of the ways is taken.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.adapters import dynamo_search
from chalicelib.bootstrap import World
from chalicelib.domain.file import FILE_SORTS, File, Shelf
from chalicelib.domain.folding import fold
from chalicelib.domain.page import NEWEST_FIRST, Order, Page, Position
from chalicelib.domain.search import SUFFIX_LENGTH
from infra.local.stack import EmulatedAws
from tests.integration.pages import rows
from tests.integration.stream import Stream
from tests.support.builders import ALICES, BOBS, NOW, a_file, a_ready_file

BY_NAME = Order("filename_original", descending=False)
WAYS = {  # how many are looked at, at first and further; how many postings are few
    "as it is": (100, 900, 5000),
    "by looking alone": (100, 900, 0),
    "by looking on": (1, 100, 0),
    "by the table": (1, 0, 5000),
    "in short pages": (1, 1, 0),
}
Find = Callable[..., list[str]]


@pytest.fixture(params=WAYS)
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in zip(("FIRST_LOOK", "FURTHER_LOOK", "FEW"), WAYS[request.param], strict=True):
        monkeypatch.setattr(dynamo_search, name, value)
    return str(request.param)


@pytest.fixture
def settle(request: pytest.FixtureRequest, ports: World) -> Callable[[], None]:
    """The index has followed."""
    if request.node.callspec.params["ports"] == "fakes":
        return lambda: None
    aws: EmulatedAws = request.getfixturevalue("aws")
    return Stream(aws, ports).settle


@pytest.fixture
def search(ports: World, settle: Callable[[], None], ways: str) -> Callable[..., list[File]]:
    """All that is found, page by page."""

    def found(
        keyword: str, shelf: Shelf = Shelf.READY, order: Order = NEWEST_FIRST, limit: int = 2, account=ALICES
    ) -> list[File]:
        def read(after: Position | None) -> Page[File]:
            return ports.files.search(account, shelf, fold(keyword), order, limit, after)

        settle()
        return rows(read)

    return found


@pytest.fixture
def find(search: Callable[..., list[File]]) -> Find:
    return lambda keyword, **where: sorted(file.filename for file in search(keyword, **where))


def named(ports: World, *names: str, **changes) -> list[File]:
    return [ports.files.add(a_ready_file(**{"filename": name} | changes)) for name in names]


def test_anywhere_in_the_name_from_one_character_on(ports: World, find: Find) -> None:
    name = "Invoice (42) für Łukasz.pdf"
    named(ports, name, "other", "")
    for start in range(len(name)):
        for end in (start + 1, start + 2, start + 5, len(name)):
            if fold(name[start:end]) not in {"o", "r", "e"}:
                assert find(name[start:end]) == [name], name[start:end]
    for absent in ("invoices", "invoice  ", "43", "pdf.", "\u0142ukas", "*", "%", "_", "^invoice", "Invoice.*"):
        assert find(absent) == ([name] if absent == "\u0142ukas" else [])


def test_the_same_however_it_is_spelt(ports: World, find: Find) -> None:
    names = ["STRASSE.pdf", "straße.pdf", "Cafe\u0301", "CAFÉ", "\uff21BC", "abc"]
    named(ports, *names)
    assert find("Strasse") == find("sTRAßE") == names[:2]
    assert find("café") == sorted(names[2:4])
    assert find("cafe") == []
    assert find("ABC") == sorted(names[4:])


def test_a_name_that_holds_it_twice_is_found_once(ports: World, find: Find) -> None:
    named(ports, "banana", "aaaa")
    assert find("an") == ["banana"]
    assert find("a") == find("A") == ["aaaa", "banana"]
    assert find("aa") == ["aaaa"]


def test_a_keyword_longer_than_what_the_index_has(ports: World, find: Find) -> None:
    common = "x" * SUFFIX_LENGTH
    named(ports, common + "1.pdf", common + "2.pdf")
    assert find(common + "1") == [common + "1.pdf"]
    assert find(common + "1.PDF") == [common + "1.pdf"]
    assert find(common + "3") == []
    assert len(find(common)) == 2


def test_what_is_the_accounts_own(ports: World, find: Find) -> None:
    named(ports, "hers")
    named(ports, "his", account_id=BOBS)
    assert find("h") == ["hers"]
    assert find("h", account=BOBS) == ["his"]
    assert find("hers", account=BOBS) == []


def test_on_each_shelf_what_is_there(ports: World, find: Find) -> None:
    file = ports.files.add(a_file(filename="one.txt"))
    named(ports, "two.txt", trashed_at=NOW)

    def shelves(keyword: str) -> list[str]:
        return [shelf for shelf in Shelf if find(keyword, shelf=shelf)]

    assert shelves("one") == [Shelf.PENDING]
    file = ports.files.save(file.made_ready("v", NOW))
    assert shelves("one") == [Shelf.READY]
    assert shelves("txt") == [Shelf.READY, Shelf.TRASHED]
    file = ports.files.save(file.trashed(NOW))
    assert shelves("one") == [Shelf.TRASHED]
    assert len(find("txt", shelf=Shelf.TRASHED)) == 2
    file = ports.files.save(file.restored())
    assert shelves("one") == [Shelf.READY]
    file = ports.files.save(file.purging(NOW))
    assert shelves("one") == []
    ports.files.remove(file)
    assert shelves("one") == []
    ports.files.add(a_file(filename="one.txt", status="rejected"))
    assert shelves("one") == [Shelf.REJECTED]


def test_by_the_new_name_and_no_more_by_the_old(ports: World, find: Find) -> None:
    (file,) = named(ports, "draft.pdf")
    assert find("draft") == ["draft.pdf"]
    file = ports.files.save(replace(file, filename="final.pdf"))
    assert find("draft") == []
    assert find("final") == find("pdf") == ["final.pdf"]
    ports.files.save(replace(file, filename="draft.pdf"))
    assert find("draft") == ["draft.pdf"]
    assert find("final") == []


@pytest.mark.parametrize("field", FILE_SORTS)
def test_in_every_order_both_ways(ports: World, search: Callable[..., list[File]], field: str) -> None:
    for number in (3, 1, 4, 1, 5, 9, 2, 6):
        kind = {
            "created_at": {"created_at": NOW + timedelta(minutes=number), "filename": f"match {number}"},
            "filename_original": {"filename": f"{number} match"},
            "size": {"size_bytes": number, "filename": "match"},
            "encrypted_size": {"stored_bytes": number, "filename": "match"},
        }[field]
        ports.files.add(a_ready_file(**kind))
        ports.files.add(a_ready_file(**kind | {"filename": f"{number}"}))
    for limit in (1, 3, 50):
        ascending = search("MATCH", order=Order(field, descending=False), limit=limit)
        assert len(ascending) == 8
        assert ascending == sorted(ascending, key=lambda file: (FILE_SORTS[field](file), file.id))
        assert search("MATCH", order=Order(field, descending=True), limit=limit) == ascending[::-1]


def test_a_place_outlives_its_record(ports: World, settle: Callable[[], None], ways: str) -> None:
    made = named(ports, "a match", "b match", "c match", "d match", "e")
    settle()

    def read(after: Position | None) -> Page[File]:
        return ports.files.search(ALICES, Shelf.READY, "match", BY_NAME, 2, after)

    seen, after = [], None
    while len(seen) < 2:
        page = read(after)
        seen, after = [*seen, *page.rows], page.next
    for gone in made[1:3]:
        ports.files.remove(gone)
    named(ports, "aa match", "dd match")
    settle()
    while after:
        page = read(after)
        seen, after = [*seen, *page.rows], page.next
    assert [file.filename for file in seen] == ["a match", "b match", "d match", "dd match"]
