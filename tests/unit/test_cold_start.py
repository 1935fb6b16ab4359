"""A cold start costs 1.3 of what it cannot do without, at most: in calls of functions, which no machine can move.

`make bench` has the seconds of the real archive.
"""

import itertools

import pytest

from bench import cold_start
from bench.cold_start import ROUTES, ColdStart, calls

LIMIT = 1.3
ROUTE = "POST /public/downloads/{key}"  # the ports of the most clients


def test_a_cold_start_keeps_the_limit() -> None:
    found = calls(ROUTES[ROUTE])
    assert found.ratio <= LIMIT, found


def test_one_that_loads_the_encryption_sdk_does_not() -> None:
    assert calls(ROUTES[ROUTE], more="import aws_encryption_sdk").ratio > LIMIT


def test_the_table_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "ARCHIVE", cold_start.ROOT / "out" / "nothing.zip")
    assert cold_start.report().endswith("There is no out/nothing.zip: `make package` makes it.")


def test_the_table_has_its_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold_start, "measure", lambda *_: itertools.repeat(ColdStart(0.3, (0.05, 0.1, 0.1), 0.2)))
    monkeypatch.setattr(cold_start, "calls", lambda *_: ColdStart(120, (20, 40, 40), 80))
    assert cold_start._row(ROUTE, cold_start.ROOT) == [ROUTE, "300", "50", "100", "100", "1.20", "1.20", "1.50"]
