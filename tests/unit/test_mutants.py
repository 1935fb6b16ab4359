"""The mutants' table is whole: every check of docs/threat-model.md is in it, and each of its lines is in the code.

`make mutants` takes them out, one after the other (tests/mutants/test_none_survives.py).
"""

import re
from pathlib import Path

import pytest

from tests.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "docs" / "threat-model.md"


def numbered() -> dict[str, str]:
    """The table's rows: number and the modules that hold the check."""
    rows = re.findall(r"^\| \*\*([A-Z]\d)\*\* \|.*\| (.*) \|$", MODEL.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_its_line_is_there_once(mutant: Mutant) -> None:
    text = (ROOT / mutant.path).read_text(encoding="utf-8")
    assert text.count(mutant.source) == 1, f"{mutant.path} has changed: {mutant.source!r} is there once no more"
    assert mutant.replacement != mutant.source


@pytest.mark.parametrize("test", sorted({test for mutant in MUTANTS for test in mutant.tests}))
def test_its_test_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert not name or f"def {name.rpartition('::')[2].partition('[')[0]}(" in source


def test_every_numbered_check_has_a_mutant_in_every_module_that_holds_it() -> None:
    rows = numbered()
    assert len(rows) > 30
    assert {mutant.number for mutant in MUTANTS} == set(rows)
    for number, held_in in rows.items():
        touched = [mutant.path for mutant in MUTANTS if mutant.number == number]
        for module in re.findall(r"`([\w./]+)`", held_in):
            assert any(path.removeprefix("chalicelib/").startswith(module) for path in touched), (number, module)


def test_no_two_mutants_have_one_name() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
