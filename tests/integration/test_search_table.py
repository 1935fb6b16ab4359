"""The search table: what is written to it and read from it, when DynamoDB is busy and when there is much."""

import json
from typing import Any

import pytest

from chalicelib.adapters.dynamo_lists import LISTING, LISTING_A
from chalicelib.adapters.dynamo_postings import BATCH_WRITES, SearchTable, postings
from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy
from chalicelib.domain.page import Position
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.integration.stream import Stream
from tests.support.builders import ALICES, NOW, a_category, a_download, a_ready_file, a_token
from tests.unit.test_postings import change, item

PK = f"ACCOUNT#{ALICES}#FILES"


@pytest.fixture
def table(world: World) -> SearchTable:
    return world._postings


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("chalicelib.adapters.aws_call.time.sleep", pauses.append)
    return pauses


def held(aws: EmulatedAws) -> dict[tuple[str, str], dict[str, Any]]:
    pages = aws.clients("dynamodb").get_paginator("scan").paginate(TableName=aws.search_table)
    items = [{name: value["S"] for name, value in item.items()} for page in pages for item in page["Items"]]
    return {(item["pk"], item["sk"]): item for item in items}


def ids(places: list[Position] | None) -> set[str]:
    assert places is not None
    return {place.id for place in places}


def test_it_holds_what_the_records_are_found_by(world: World, aws: EmulatedAws) -> None:
    stream = Stream(aws, world)
    file = world.files.add(a_ready_file(filename="Invoice.pdf"))
    world.tokens.add(a_token())
    world.downloads.add(a_download(file))
    world.categories.add(a_category())
    stream.settle()
    assert held(aws) == postings(item(file))
    assert len(held(aws)) == len("invoice.pdf")
    world.files.save(file.purging(NOW))
    stream.settle()
    assert held(aws) == {}


def test_what_dynamodb_leaves_out_is_written_again(
    table: SearchTable, aws: EmulatedAws, hooks: Hooks, no_pauses: list[float]
) -> None:
    file = a_ready_file(filename="abc")
    left = [{"PutRequest": {"Item": {"pk": {"S": f"{PK}#z"}, "sk": {"S": "z"}}}}]
    answer = json.dumps({"UnprocessedItems": {aws.search_table: left}}).encode()
    hooks.answer("dynamodb.BatchWriteItem", answer, times=1)
    table.follow([change(None, file)])
    assert set(held(aws)) == {(f"{PK}#z", "z")}
    assert len(no_pauses) == 1


def test_what_dynamodb_keeps_leaving_out_makes_the_change_come_again(
    table: SearchTable, aws: EmulatedAws, hooks: Hooks, no_pauses: list[float]
) -> None:
    file = a_ready_file(filename="abc")
    left = [{"DeleteRequest": {"Key": {"pk": {"S": "x"}, "sk": {"S": "x"}}}}]
    hooks.answer("dynamodb.BatchWriteItem", json.dumps({"UnprocessedItems": {aws.search_table: left}}).encode())
    with pytest.raises(Busy):
        table.follow([change(None, file)])
    assert len(no_pauses) == 4
    hooks.remove_all()
    table.follow([change(None, file)])
    assert len(held(aws)) == 3


def test_writes_go_in_batches(table: SearchTable, aws: EmulatedAws, hooks: Hooks) -> None:
    calls = hooks.count("dynamodb.BatchWriteItem")
    name = "".join(chr(ord("a") + number % 26) for number in range(2 * BATCH_WRITES + 1))
    table.follow([change(None, a_ready_file(filename=name))])
    assert len(calls) == 3
    assert len(held(aws)) == len(name)
    table.follow([])
    assert len(calls) == 3


@pytest.mark.parametrize("at_most", [2, 3, 4])
def test_few_are_counted_in_postings(table: SearchTable, at_most: int) -> None:
    file, other = a_ready_file(filename="axa"), a_ready_file(filename="ab")
    table.follow([change(None, file), change(None, other)])
    places = table.places(PK, "a", LISTING, at_most)
    if at_most < 3:
        assert places is None
    else:
        assert ids(places) == {file.id, other.id}
    assert ids(table.places(PK, "ab", LISTING, 1)) == {other.id}
    assert table.places(PK, "zz", LISTING, 0) == []


def test_much_is_read_in_several_answers(table: SearchTable, hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB ends an answer after a megabyte."""
    files = [a_ready_file(filename=f"a{number:03}") for number in range(60)]
    table.follow([change(None, file) for file in files])
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 2000)
    calls = hooks.count("dynamodb.Query")
    assert ids(table.places(PK, "a", LISTING_A, 60)) == {file.id for file in files}
    assert len(calls) > 3
    assert table.places(PK, "a", LISTING_A, 59) is None


def test_a_place_is_the_records_own(table: SearchTable) -> None:
    file = a_ready_file(filename="Ab")
    table.follow([change(None, file)])
    assert table.places(PK, "b", LISTING_A, 9) == [Position("ab", file.id)]
    assert table.places(PK, "b", LISTING, 9) == [Position("2026-03-01T12:00:00.000000Z", file.id)]
