"""A list is walked while its records come, go and change their names.

Whoever walks is shown nothing twice, and misses nothing that was there, and where it was, all the while.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters import dynamo_search
from chalicelib.bootstrap import World
from chalicelib.domain.file import FILE_SORTS, File, Shelf
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import Order, Page, Position
from infra.local.stack import EmulatedAws
from tests.integration.stream import Stream
from tests.support.builders import NOW, a_ready_file, new_id

KEYWORD = "a"
Read = Callable[[Position | None], Page[File]]
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


class Shelved:
    """The ready files of an account of their own, and what happens to them."""

    def __init__(self, world: World, data: Any) -> None:
        self.store, self.data = world.files, data
        self.account = AccountId(new_id())
        self.standing: dict[str, File] = {}
        self.stirred: set[str] = set()  # came, went or moved since the walk began
        self.made = 0

    def new_file_id(self) -> FileId:
        """In one order whenever Hypothesis comes back to an example: ids break ties, so what is drawn hangs on them."""
        self.made += 1
        return FileId(f"{self.made * 2654435761 % 2**32:08x}{self.account[8:]}")

    def add(self) -> None:
        draw = self.data.draw
        file = self.store.add(
            a_ready_file(
                id=self.new_file_id(),
                account_id=self.account,
                filename=draw(st.text("abB ", max_size=3)),
                created_at=NOW + timedelta(minutes=draw(st.integers(0, 5))),
                size_bytes=draw(st.integers(0, 3)),
                stored_bytes=draw(st.integers(0, 3)),
            )
        )
        self.standing[file.id] = file
        self.stirred.add(file.id)

    def stir(self) -> None:
        """Whatever one of them can meet with."""
        what = self.data.draw(st.sampled_from(["add", "rename", "trash", "purge"]))
        if what == "add" or not self.standing:
            return self.add()
        file = self.standing.pop(self.data.draw(st.sampled_from(sorted(self.standing))))
        self.stirred.add(file.id)
        if what == "rename":
            renamed = replace(file, filename=self.data.draw(st.text("ab", max_size=3)))
            self.standing[file.id] = self.store.save(renamed)
        else:
            self.store.save(file.trashed(NOW) if what == "trash" else file.purging(NOW))
        return None

    def walk(self, read: Read) -> list[File]:
        seen, after = [], None
        for _ in range(200):
            page = read(after)
            seen += page.rows
            after = page.next
            if after is None:
                return seen
            for _ in range(self.data.draw(st.integers(0, 2))):
                self.stir()
        raise AssertionError("the walk has no end")

    def check(self, seen: list[File], wanted: Callable[[File], bool], order: Order) -> None:
        shown = [file.id for file in seen if file.id not in self.stirred]
        unmoved = [file for file in self.standing.values() if file.id not in self.stirred and wanted(file)]
        expected = sorted(unmoved, key=lambda file: (FILE_SORTS[order.field](file), file.id), reverse=order.descending)
        assert shown == [file.id for file in expected]
        steady = [file.id for file in seen if file.id not in self.renamed_ids(seen)]
        assert len(steady) == len(set(steady))

    @staticmethod
    def renamed_ids(seen: list[File]) -> set[str]:
        """Shown under two names: it was met, moved ahead, and was met again."""
        names: dict[str, set[str]] = {}
        for file in seen:
            names.setdefault(file.id, set()).add(file.filename)
        return {file_id for file_id, found in names.items() if len(found) > 1}


ORDERS = st.builds(Order, st.sampled_from(sorted(FILE_SORTS)), st.booleans())


@settings(max_examples=30, suppress_health_check=QUIET)
@given(order=ORDERS, limit=st.integers(1, 4), data=st.data())
def test_a_list_in_every_order(ports: World, order: Order, limit: int, data: Any) -> None:
    shelf = Shelved(ports, data)
    for _ in range(data.draw(st.integers(0, 9))):
        shelf.add()
    shelf.stirred.clear()

    seen = shelf.walk(lambda after: ports.files.list_of(shelf.account, Shelf.READY, order, limit, after))

    shelf.check(seen, lambda _: True, order)


@pytest.mark.parametrize("bounds", [(1, 0, 50), (1, 2, 0), (2, 1, 3)], ids=str)
@settings(max_examples=20, suppress_health_check=QUIET)
@given(order=ORDERS, limit=st.integers(1, 4), data=st.data())
def test_what_holds_a_keyword_in_every_order(
    world: World,
    aws: EmulatedAws,
    monkeypatch: pytest.MonkeyPatch,
    bounds: tuple[int, int, int],
    order: Order,
    limit: int,
    data: Any,
) -> None:
    """By looking, by the search table, and by both in turns: a cursor of one is good for the other."""
    for name, value in zip(("FIRST_LOOK", "FURTHER_LOOK", "FEW"), bounds, strict=True):
        monkeypatch.setattr(dynamo_search, name, value)
    stream, shelf = Stream(aws, world), Shelved(world, data)
    for _ in range(data.draw(st.integers(0, 9))):
        shelf.add()
    shelf.stirred.clear()

    def read(after: Position | None) -> Page[File]:
        stream.settle()
        return world.files.search(shelf.account, Shelf.READY, KEYWORD, order, limit, after)

    seen = shelf.walk(read)

    assert all(KEYWORD in file.filename.lower() for file in seen)
    shelf.check(seen, lambda file: KEYWORD in file.filename.lower(), order)
