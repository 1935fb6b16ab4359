"""What one page of a list or a search reads, whatever the account's size; and what three kinds of index would read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from bench.counting_table import ACCOUNT, METADATA, SEARCH, CountingTable, Reads
from bench.file_names import RARE, file_names
from bench.tables import table
from chalicelib.adapters.dynamo_creations import Creations
from chalicelib.adapters.dynamo_files import DynamoFiles
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.adapters.dynamo_table import MetadataTable
from chalicelib.domain.file import FILE_SORTS, File, Shelf
from chalicelib.domain.folding import fold
from chalicelib.domain.page import NEWEST_FIRST, Order, Page, Position
from chalicelib.domain.search import suffixes
from chalicelib.settings import DEFAULT_QUOTA

SIZES = (100, 1_000, 10_000, 100_000)
PAGE = 50
PAGES = 3  # of each list: the mean is shown
KEYWORDS = {"rare": RARE, "in few": "Pichler 2021", "in some": "invoice", "in many": ".pdf", "in nearly all": "e"}

Read = Callable[[DynamoFiles, Position | None], Page[File]]
Costs = Mapping[str, list[Reads]]  # for each size, a page's mean


def report() -> str:
    costs = measure()
    head = ["a page of", *[f"{size:,} files" for size in SIZES], "units at the largest"]
    rows = [
        [name, *[f"{reads.items:,}" for reads in each], f"{each[-1].units:,.1f} in {each[-1].requests} requests"]
        for name, each in costs.items()
    ]
    pages = table(f"Lists: items read for a page of {PAGE}, the mean of the first {PAGES}", head, rows)
    return f"{pages}\n\n{_choices()}"


def measure(sizes: Sequence[int] = SIZES) -> Costs:
    costs: dict[str, list[Reads]] = {name: [] for name in _jobs()}
    for size in sizes:
        counting = CountingTable(size)
        client = cast(Any, counting)
        table = MetadataTable(client, METADATA)
        files = DynamoFiles(table, SearchTable(client, SEARCH), Creations(table, DynamoQuotas(table, DEFAULT_QUOTA)))
        for name, read in _jobs().items():
            costs[name].append(_mean(counting, files, read))
    return costs


def _jobs() -> dict[str, Read]:
    jobs: dict[str, Read] = {}
    for field in FILE_SORTS:
        jobs[f"sort={field}"] = _listing(Order(field, descending=False))
    for how, keyword in KEYWORDS.items():
        jobs[f"keyword={keyword} ({how})"] = _search(fold(keyword))
    return jobs


def _listing(order: Order) -> Read:
    return lambda files, after: files.list_of(ACCOUNT, Shelf.READY, order, PAGE, after)


def _search(keyword: str) -> Read:
    return lambda files, after: files.search(ACCOUNT, Shelf.READY, keyword, NEWEST_FIRST, PAGE, after)


def _mean(counting: CountingTable, files: DynamoFiles, read: Read) -> Reads:
    counting.reads = Reads()
    after, pages = None, 0
    while pages < PAGES:
        page = read(files, after)
        after, pages = page.next, pages + 1
        if after is None:
            break
    total = counting.reads
    return Reads(round(total.requests / pages), round(total.items / pages), total.units / pages)


# -- which index -------------------------------------------------------------------------------------------------------


def _choices() -> str:
    """Counted over the names themselves: what each index would hold, and what a keyword would make it read."""
    names = [fold(name) for name in file_names(SIZES[-1])]
    trigrams = [{name[at : at + 3] for at in range(len(name) - 2)} for name in names]
    shorter = [{name[at : at + length] for length in (1, 2) for at in range(len(name))} for name in names]
    head = ["index", "writes a file", *[f"{keyword} ({how})" for how, keyword in KEYWORDS.items()]]
    rows = [
        ["none: filter all", "0", *[f"{len(names):,}" for _ in KEYWORDS]],
        [
            "trigrams (and shorter)",
            f"{_mean_size(trigrams) + _mean_size(shorter):.0f}",
            *[f"{_rarest_gram(fold(keyword), trigrams, names):,}" for keyword in KEYWORDS.values()],
        ],
        [
            "suffixes",
            f"{_mean_size([suffixes(name) for name in names]):.0f}",
            *[f"{_occurrences(fold(keyword), names):,}" for keyword in KEYWORDS.values()],
        ],
    ]
    title = f"Search: entries that one keyword reads in an index of {SIZES[-1]:,} names (ours reads at most 5,000)"
    return table(title, head, rows)


def _mean_size(sets: list[set[str]]) -> float:
    return sum(map(len, sets)) / len(sets)


def _rarest_gram(keyword: str, trigrams: list[set[str]], names: list[str]) -> int:
    """As if it were known which is the rarest."""
    wanted = [keyword[at : at + 3] for at in range(len(keyword) - 2)]
    if not wanted:
        return sum(keyword in name for name in names)
    return min(sum(gram in grams for grams in trigrams) for gram in wanted)


def _occurrences(keyword: str, names: list[str]) -> int:
    return sum(suffix.startswith(keyword) for name in names if keyword in name for suffix in suffixes(name))
