"""`make bench` works, in small: its tables have their rows and their ratios."""

import re

import pytest

from bench import __main__ as bench
from bench import handling, imports, sealing
from bench.tables import table


def cells(text: str) -> list[list[str]]:
    rows = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows]


def test_a_table_is_aligned() -> None:
    lines = table("Title", ["a", "bcd"], [["long", "1"], ["x", "22"]]).splitlines()
    assert lines[0] == "## Title"
    assert len({len(line) for line in lines[2:]}) == 1


def test_what_is_not_there_is_said_with_what_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "sealing", "odd"])
    assert bench.main() == 2
    assert capsys.readouterr().err == f"no such table: odd. There are: {', '.join(bench.TABLES)}.\n"


def test_only_what_is_asked_for_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "TABLES", {"a": lambda: "table a", "b": lambda: "table b"})
    monkeypatch.setattr("sys.argv", ["bench", "b"])
    assert bench.main() == 0
    assert capsys.readouterr().out == "table b\n\n"


def test_sealing_is_a_ratio_to_the_cipher_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SIZE", sealing.MIB)
    monkeypatch.setattr(sealing, "ROUNDS", 1)
    rows = cells(sealing.report())[1:]
    assert [row[2] for row in rows[::2]] == ["1.00", "1.00"]
    assert all(float(row[2]) > 0 for row in rows)


def test_handling_has_p50_and_p99_of_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handling, "ROUNDS", 5)
    monkeypatch.setattr(handling, "WARM_UP", 1)
    head, base, *rows = cells(handling.report())
    assert head[1:3] == ["p50 µs", "p99 µs"]
    assert base[3] == "1.0"
    assert any(row[0].startswith("GET /files?limit=0") for row in rows)
    assert all(re.fullmatch(r"[\d,]+", cell) for row in rows for cell in row[1:3])


def test_importing_is_a_ratio_to_what_cannot_be_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "ROUNDS", 1)
    rows = {row[0]: row[2] for row in cells(imports.report())[1:]}
    assert set(rows) == set(imports.JOBS) - {"interpreter alone"}
    assert rows["both"] == "1.00"
