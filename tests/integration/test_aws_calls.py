"""What each route asks of AWS, counted on the real app: the limits that were promised, and the page that says so."""

from pathlib import Path
from typing import NamedTuple

import pytest

import app as table_of_contents
from bench import calls, cost, cost_page
from bench.calls import Measured
from tests.support.every_route import GOOD, name_of
from tests.support.fakes import InlinePool

OVER_THE_LIMIT = "GET /files, over the limit, from then on"
MOST = {  # request: calls, steps
    "GET /files": (3, 2),
    "POST /files, server": (3, 2),
    "POST /files, client": (4, 3),
    "POST /public/downloads/{key}, client": (5, 3),
    "POST /public/downloads/{key}, server": (4, 3),
    OVER_THE_LIMIT: (0, 0),
}


class Run(NamedTuple):
    routes: list[Measured]
    variants: list[Measured]
    transfer: cost.Transfer


@pytest.fixture(scope="module")
def run() -> Run:
    """Once, for both pages."""
    with calls.quietly(), calls.on_emulated_aws() as bench:
        routes = list(calls.every_route(bench))
        sent = cost.transfer(bench.for_another_user("sender@example.com"))
        return Run(routes, list(calls.variants(bench.for_another_user())), sent)


@pytest.fixture(scope="module")
def measured(run: Run) -> dict[str, Measured]:
    return {it.request: it for it in (*run.routes, *run.variants)}


@pytest.mark.parametrize("request_name", MOST)
def test_no_more_than_promised(measured: dict[str, Measured], request_name: str) -> None:
    it = measured[request_name]
    most_calls, most_steps = MOST[request_name]
    assert it.calls <= most_calls, it.steps
    assert len(it.steps) <= most_steps, it.steps


def test_every_route_is_measured(measured: dict[str, Measured]) -> None:
    assert {name_of(route) for route in GOOD} <= set(measured)


def test_every_request_but_a_remembered_refusal_asks_the_limiter_first(measured: dict[str, Measured]) -> None:
    for it in measured.values():
        if it.request != OVER_THE_LIMIT:
            assert "DynamoDB UpdateItem rate limit" in it.steps[0], it


def test_the_page_says_what_is_measured(measured: dict[str, Measured]) -> None:
    said = calls.PAGE.read_text(encoding="utf-8")
    assert said == calls.page(list(measured.values())), "python -m bench.calls --write"


def test_the_cost_page_says_what_is_measured(run: Run) -> None:
    said = cost.PAGE.read_text(encoding="utf-8")
    assert said == cost_page.page(list(map(cost.Work, run.routes)), run.transfer), "python -m bench.cost --write"


def test_what_somebody_asked_for_is_no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chalice keeps an entry of every path that it was asked for, in whichever test that was."""
    before = cost.fixed()
    monkeypatch.setitem(table_of_contents.app.routes, "/nowhere", {})
    assert cost.fixed() == before


@pytest.mark.parametrize(
    ("request_name", "reads", "writes", "why"),
    [
        ("GET /health", 0, 0, "only the limiter, which is counted apart"),
        ("GET /files/{file_id}", 2, 0, "a token and a file, each strongly consistent and of less than 4 KB"),
        ("GET /files", 1.5, 0, "a token, and a page of an index, which is read eventually consistent"),
        ("POST /downloads", 2, 1, "a token, a file; a put of less than 1 KB"),
        ("POST /downloads/{download_id}/keys", 3, 4, "two writes in a transaction, at twice a write each"),
        ("POST /files, server", 1, 9, "two in a transaction, and five index entries of the file"),
    ],
)
def test_capacity_units_are_counted_by_the_rules(
    measured: dict[str, Measured], request_name: str, reads: float, writes: int, why: str
) -> None:
    units = measured[request_name].units
    assert units.reads == reads, why
    metadata = sum(count for table, count in units.writes.items() if table.endswith("metadata"))
    assert (metadata, sum(units.writes.values()) - metadata) == (writes, 1), why


def test_a_page_of_another_day_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale = tmp_path / "cost.md"
    stale.write_text("# What it cost\n")
    monkeypatch.setattr(cost, "measure", lambda: ([cost.Work(it) for it in run.routes], run.transfer))
    monkeypatch.setattr(cost, "PAGE", stale)
    for arguments, status in ((["--check"], 1), (["--write"], 0), (["--check"], 0)):
        monkeypatch.setattr("sys.argv", ["cost", *arguments])
        assert cost.main() == status


def test_without_the_pool_every_call_is_a_step_of_its_own() -> None:
    """So the steps above are owed to what the service does at the same time."""
    with calls.on_emulated_aws() as bench:
        bench.api.get("/user")
        vars(bench.world)["pool"] = InlinePool()
        listed = bench.measure("GET /files", lambda: bench.api.get("/files"), 200)
    assert (listed.calls, len(listed.steps)) == (3, 3)
