"""One account's files in DynamoDB's terms, as far as lists and searches read them, counting what is read.

An emulator with a hundred thousand files, their indexes and their three million postings does not fit on a small
machine. Here a file is made up when it is read; only its sort keys are held. tests/integration/test_list_reads.py sees
that pages and counts are those of the emulated DynamoDB.
"""

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.file_names import file_names
from chalicelib.adapters.dynamo_files import file_lists, to_item
from chalicelib.adapters.dynamo_lists import INDEXES
from chalicelib.adapters.dynamo_postings import postings
from chalicelib.adapters.dynamo_table import Item, from_dynamo, to_dynamo
from chalicelib.domain.file import EncryptionMode, File, Status
from chalicelib.domain.folding import fold
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import SEPARATOR
from chalicelib.domain.people import Author
from chalicelib.domain.search import SUFFIX_LENGTH

ACCOUNT = AccountId("a11ce000-0000-4000-8000-00000000000a")
METADATA, SEARCH = "metadata", "search"
ANSWER_BYTES = 2**20  # a Query ends after them
UNIT_BYTES = 4096  # of a read unit
_AUTHOR = Author(name="Alice Archer", email="alice@example.com", timezone="Europe/Vienna")
_ATTRIBUTE_OF_INDEX = {index.name: index.attribute for index in INDEXES}


@dataclass
class Reads:
    """What DynamoDB has read, and would charge for it."""

    requests: int = 0
    items: int = 0
    units: float = 0.0


class CountingTable:
    """As much of a DynamoDB client as MetadataTable and SearchTable call."""

    def __init__(self, count: int) -> None:
        self.reads = Reads()
        self._names = list(file_names(count))
        self.folded = [fold(name) for name in self._names]
        self._orders: dict[str, list[tuple[str, int]]] = {attribute: [] for attribute in _ATTRIBUTE_OF_INDEX.values()}
        for number in range(count):
            keys = file_lists.attributes("", self.file(number))
            for attribute, order in self._orders.items():
                order.append((keys[attribute], number))
        for order in self._orders.values():
            order.sort()

    def file(self, number: int) -> File:
        scattered = _scattered(number)
        return File(
            id=_id_of(number),
            account_id=ACCOUNT,
            created_by=_AUTHOR,
            created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number),
            filename=self._names[number],
            type="application/pdf",
            size_bytes=scattered % 50_000_000,
            stored_bytes=scattered % 50_000_000 + 700,
            encryption_mode=EncryptionMode.SERVER,
            wrapped_key=None,
            multipart=None,
            checksum_sha256=None,
            expires_at=None,
            status=Status.READY,
            alive_at=datetime(2026, 1, 1, tzinfo=UTC),
            settled_at=datetime(2026, 1, 1, tzinfo=UTC),
            object_version="0123456789abcdefghijklmnopqrstuv",
            revision=2,
        )

    def query(self, **request: Any) -> dict[str, Any]:
        given = from_dynamo(request["ExpressionAttributeValues"])
        found = self._postings(given) if request["TableName"] == SEARCH else self._listed(request)
        read: list[Any] = []
        size, more = 0, False
        for item in found:
            if len(read) == request["Limit"] or size + item_size(item) > ANSWER_BYTES:
                more = True
                break
            size += item_size(item)
            read.append(item)
        self._count(len(read), units_of(size) / 2)  # indexes and postings are read with eventual consistency
        wanted = given.get(":text", "")
        answer: dict[str, Any] = {"Items": [item for item in read if wanted in item.get("search_text", {"S": ""})["S"]]}
        if more:
            answer["LastEvaluatedKey"] = read[-1]
        return answer

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        keys = request["RequestItems"][METADATA]["Keys"]
        items = [self._item(_number_of(key["pk"]["S"])) for key in keys]
        self._count(len(items), sum(units_of(item_size(item)) for item in items))
        return {"Responses": {METADATA: items}}

    def _count(self, items: int, units: float) -> None:
        self.reads = Reads(self.reads.requests + 1, self.reads.items + items, self.reads.units + units)

    def _item(self, number: int) -> Mapping[str, Any]:
        return to_dynamo(to_item(self.file(number)))

    def _listed(self, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        attribute = _ATTRIBUTE_OF_INDEX[request["IndexName"]]
        order = self._orders[attribute]
        start = request.get("ExclusiveStartKey", {}).get(attribute, {}).get("S")
        if request["ScanIndexForward"]:
            at = 0 if start is None else bisect.bisect_right(order, (start, len(order)))
            numbers: Any = range(at, len(order))
        else:
            at = len(order) if start is None else bisect.bisect_left(order, (start, -1))
            numbers = range(at - 1, -1, -1)
        return (self._item(order[place][1]) for place in numbers)

    def _postings(self, given: Item) -> Iterator[Mapping[str, Any]]:
        beginning = given[":beginning"]
        keys = sorted(
            (f"{suffix}{SEPARATOR}{_id_of(number)}", number)
            for number, name in enumerate(self.folded)
            if beginning in name
            for suffix in {name[start : start + SUFFIX_LENGTH] for start in _places_of(beginning, name)}
        )
        return (to_dynamo(self._posting(key, number, given[":pk"])) for key, number in keys)

    def _posting(self, sort_key: str, number: int, partition: str) -> Item:
        item = {name: value for name, value in to_item(self.file(number)).items() if value is not None}
        return postings(item)[partition, sort_key]


def _scattered(number: int) -> int:
    """Each once, in no order."""
    return number * 2_654_435_761 % 2**32


def _id_of(number: int) -> FileId:
    return FileId(f"{_scattered(number):08x}-0000-4000-8000-{number:012x}")


def _number_of(key: str) -> int:
    return int(key.rpartition("-")[2], 16)


def _places_of(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def units_of(size_bytes: int) -> int:
    """Read units of a strongly consistent read."""
    return max(1, -(-size_bytes // UNIT_BYTES))


def item_size(item: Mapping[str, Any]) -> int:
    """Bytes, as DynamoDB counts them (developer guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return len(held) // 2 + 2
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_size(inner) for name, inner in held.items())
    if kind == "BOOL":
        return 1
    raise ValueError(f"no {kind} in the items of this bench")
