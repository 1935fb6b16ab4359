"""docs/threat-model.md names tests: each is there, and each item of OWASP's list has one."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)+)`", PAGE)
ITEMS = dict(re.findall(r"^\| (API\d+) [^|]*\|[^|]*\| (.*) \|$", PAGE, re.MULTILINE))
CHECKS = set(re.findall(r"^\| \*{0,2}([A-Z]\d)\*{0,2} \|", PAGE, re.MULTILINE))


@functools.cache
def named_in(path: str) -> set[str]:
    """As pytest names them: `::Class::test`, `::test`."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"::{node.name}" if isinstance(node, ast.ClassDef) else ""
        found |= {f"{prefix}::{each.name}" for each in inner if isinstance(each, ast.FunctionDef)}
    return found


@pytest.mark.parametrize(("path", "test"), NAMED, ids=["".join(named) for named in NAMED])
def test_a_test_that_is_named_is_there(path: str, test: str) -> None:
    assert test.rpartition("::")[2].startswith("test_")
    assert test in named_in(path)


def test_every_item_of_owasp_has_a_test() -> None:
    assert list(ITEMS) == [f"API{number}" for number in range(1, 11)]
    assert all("::test_" in tests for tests in ITEMS.values())


def test_every_row_that_is_named_is_there() -> None:
    sections = re.findall(r"^## (?:OWASP|Attacks by name).*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"\b([A-Z]\d)\b", "".join(re.sub(r"`[^`]*`", "", section) for section in sections)))
    assert len(sections) == 2
    assert len(named) > 20
    assert named - CHECKS - {"S3"} == set()  # S3 is a row, and where the objects are
