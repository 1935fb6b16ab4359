"""What a page reads of an account of ten thousand files: the page, and no more for there being many.

The records are put straight into the emulated tables; of the postings, those that the keywords here can meet. The same
is asked of bench's counting table, which stands for larger accounts: its pages and its counts must be these.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from bench.counting_table import ACCOUNT, METADATA, SEARCH, CountingTable, Reads
from bench.lists import KEYWORDS, PAGE
from bench.lists_plot import PLOT, drawn, series
from chalicelib.adapters import dynamo_search
from chalicelib.adapters.dynamo_files import DynamoFiles, to_item
from chalicelib.adapters.dynamo_postings import SearchTable, postings
from chalicelib.adapters.dynamo_table import MetadataTable, to_dynamo
from chalicelib.bootstrap import World
from chalicelib.domain.file import FILE_SORTS, File, Shelf
from chalicelib.domain.folding import fold
from chalicelib.domain.page import NEWEST_FIRST, Order, Page, Position
from chalicelib.ports import FileStore
from infra.local.stack import EmulatedAws
from tests.support import held
from tests.support.adapters import creations_on

COUNT = 10_000
WANTED = {how: fold(keyword) for how, keyword in KEYWORDS.items()} | {"in none": "xyzzy", "late": "zimmermann"}
MOST = {  # items that a page of a search may read
    "rare": 110,
    "in few": 200,
    "in some": 600,
    "in many": 400,
    "in nearly all": 100,
    "in none": 100,
    "late": 600,
}
EVERY_ORDER = [Order(field, descending=index % 2 == 0) for index, field in enumerate(FILE_SORTS)]
BY_NAME = Order("filename_original", descending=False)
each_order = pytest.mark.parametrize("order", EVERY_ORDER, ids=lambda order: f"{'-' * order.descending}{order.field}")
Read = Callable[[FileStore, Position | None], Page[File]]


@pytest.fixture(scope="module")
def counting() -> CountingTable:
    return CountingTable(COUNT)


@pytest.fixture(scope="module")
def files(aws: EmulatedAws, clients: dict[str, Any], counting: CountingTable) -> FileStore:
    """On emulated AWS."""
    beginnings = tuple(keyword[:2] for keyword in WANTED.values() if len(keyword) > 1)
    metadata, search = held.table(aws.metadata_table), held.table(aws.search_table)
    for number in range(COUNT):
        item = {name: value for name, value in to_item(counting.file(number)).items() if value is not None}
        _put(metadata, item)
        for (_, sort_key), posting in postings(item).items():
            if sort_key.startswith(beginnings):
                _put(search, posting)
    world = World()
    world._clients = clients
    return world.files


@pytest.fixture(scope="module")
def modelled(counting: CountingTable) -> FileStore:
    client = cast(Any, counting)
    table = MetadataTable(client, METADATA)
    return DynamoFiles(table, SearchTable(client, SEARCH), creations_on(table))


@pytest.fixture
def reads(clients: dict[str, Any]) -> Iterator[Reads]:
    """What DynamoDB says that it has read."""
    seen = Reads()

    def count(parsed: dict[str, Any], **_: Any) -> None:
        seen.requests += 1
        read = parsed.get("ScannedCount")
        seen.items += read if read is not None else sum(map(len, parsed["Responses"].values()))

    for call in ("Query", "BatchGetItem"):
        clients["dynamodb"].meta.events.register(f"after-call.dynamodb.{call}", count)
    yield seen
    for call in ("Query", "BatchGetItem"):
        clients["dynamodb"].meta.events.unregister(f"after-call.dynamodb.{call}", count)


def _put(table: Table, item: dict[str, Any]) -> None:
    attributes: Any = to_dynamo(item)
    pk, sk = DynamoType(attributes["pk"]), DynamoType(attributes["sk"])
    table.items[pk][sk] = Item(pk, sk, attributes)


def walked(store: FileStore, read: Read, pages: int, counted: Callable[[], Reads]) -> tuple[list[str], list[Reads]]:
    """The ids, and what each page cost."""
    ids, costs, after = [], [], None
    for _ in range(pages):
        before = counted()
        start = Reads(before.requests, before.items)
        page = read(store, after)
        ids += [file.id for file in page.rows]
        after = page.next
        costs.append(Reads(counted().requests - start.requests, counted().items - start.items))
        if after is None:
            break
    return ids, costs


def listing(order: Order) -> Read:
    return lambda store, after: store.list_of(ACCOUNT, Shelf.READY, order, PAGE, after)


def searching(keyword: str, order: Order) -> Read:
    return lambda store, after: store.search(ACCOUNT, Shelf.READY, keyword, order, PAGE, after)


@each_order
def test_a_page_of_a_list_reads_that_page(
    files: FileStore, modelled: FileStore, counting: CountingTable, reads: Reads, order: Order
) -> None:
    ids, costs = walked(files, listing(order), 2, lambda: reads)
    assert len(set(ids)) == 2 * PAGE
    assert costs == [Reads(1, PAGE)] * 2
    assert walked(modelled, listing(order), 2, lambda: counting.reads) == (ids, costs)


@pytest.mark.parametrize(("how", "order"), [*((how, NEWEST_FIRST) for how in WANTED), ("late", BY_NAME)])
def test_a_page_of_a_search_reads_what_matches(
    files: FileStore, modelled: FileStore, counting: CountingTable, reads: Reads, how: str, order: Order
) -> None:
    keyword = WANTED[how]
    ids, costs = walked(files, searching(keyword, order), 2, lambda: reads)
    assert (ids, costs) == walked(modelled, searching(keyword, order), 2, lambda: counting.reads)
    matching = sum(keyword in name for name in counting.folded)
    assert len(ids) == min(matching, 2 * PAGE)
    assert max(cost.items for cost in costs) <= MOST[how]
    assert max(cost.requests for cost in costs) <= 3


@each_order
def test_no_keyword_makes_one_request_read_more_than_its_bound(
    modelled: FileStore, counting: CountingTable, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More match than are few, and few of them near: pages are short, and still nothing is missed."""
    monkeypatch.setattr(dynamo_search, "FEW", 50)
    found = [number for number, name in enumerate(counting.folded) if WANTED["late"] in name]
    ids, costs = walked(modelled, searching(WANTED["late"], order), COUNT, lambda: counting.reads)
    assert sorted(ids) == sorted(counting.file(number).id for number in found)
    assert max(cost.items for cost in costs) <= dynamo_search.FIRST_LOOK + 51 + dynamo_search.FURTHER_LOOK


def test_the_plot_in_the_docs_shows_what_is_measured() -> None:
    """As far as it is measured quickly."""
    sizes, lines = drawn(PLOT.read_text(encoding="utf-8"))
    assert series(sizes[:2]) == {name: points[:2] for name, points in lines.items()}
