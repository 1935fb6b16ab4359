"""House rules that no linter knows, each as a walk over the syntax tree of our own files."""

import ast
import functools
import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHIPPED = ("app.py", "chalicelib", "infra", "client/sealdrop")
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 40
SKIPPED = {".git", ".venv", ".hypothesis", "__pycache__", "out", "build", "vectors", "node_modules"}
MOCKS = {"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "PropertyMock"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files_in(*names: str, suffix: str = ".py") -> list[Path]:
    found: list[Path] = []
    for name in names:
        start = ROOT / name
        found += [start] if start.is_file() else sorted(start.rglob(f"*{suffix}"))
    return [path for path in found if not SKIPPED & set(path.relative_to(ROOT).parts)]


@functools.cache
def every_file() -> dict[Path, str]:
    """All of our own that is text."""
    found = {}
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in SKIPPED and not name.startswith(".venv")]
        below[:] = [name for name in below if not name.endswith((".egg-info", "_cache"))]
        for path in (Path(folder, name) for name in names):
            try:
                found[path] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # not text
    return found


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def swallowing(module: ast.AST) -> list[int]:
    """Lines of handlers that do nothing at all."""
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.ExceptHandler) and all(map(does_nothing, node.body))
    ]


def does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def unspecified_mocks(module: ast.AST) -> list[int]:
    """A mock without a spec agrees with everything, also with a method that was renamed."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if (call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")) in MOCKS
        and not call.args
        and not {"spec", "spec_set"} & {keyword.arg for keyword in call.keywords}
    ]


@pytest.mark.parametrize("path", files_in(*SHIPPED), ids=named)
class TestBudgets:
    def test_a_module_fits_the_eye(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_MODULE_LINES

    def test_a_function_fits_the_screen(self, path: Path) -> None:
        functions = [node for node in ast.walk(tree(path)) if isinstance(node, Function)]
        too_long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES]
        assert too_long == []


def test_app_is_a_table_of_contents() -> None:
    module = tree(ROOT / "app.py")
    assert len((ROOT / "app.py").read_text().splitlines()) <= 60
    imported = {node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom)}
    assert imported == {"typing", "chalice.app", "chalicelib.routes"}
    for function in (node for node in module.body if isinstance(node, ast.FunctionDef)):
        body = [node for node in function.body if not does_nothing(node)]
        assert [type(node) for node in body] == [ast.Return], f"{function.name} does more than call"


@pytest.mark.parametrize("path", files_in(*SHIPPED, "tests", "bench"), ids=named)
class TestEveryPythonFile:
    def test_no_failure_is_swallowed(self, path: Path) -> None:
        assert swallowing(tree(path)) == []

    def test_no_mock_without_a_spec(self, path: Path) -> None:
        assert unspecified_mocks(tree(path)) == []


class TestTheWalksSee:
    """A rule that finds nothing anywhere may be blind."""

    @pytest.mark.parametrize("body", ["pass", "...", '"never mind"'])
    def test_a_swallowed_failure(self, body: str) -> None:
        assert swallowing(ast.parse(f"try:\n    x()\nexcept ValueError:\n    {body}")) == [3]
        assert swallowing(ast.parse("try:\n    x()\nexcept ValueError:\n    log()")) == []

    @pytest.mark.parametrize("call", ["Mock()", "mock.MagicMock(name='x')", "unittest.mock.AsyncMock(return_value=1)"])
    def test_a_mock_without_a_spec(self, call: str) -> None:
        assert unspecified_mocks(ast.parse(call)) == [1]
        assert unspecified_mocks(ast.parse("Mock(spec=Thing); Mock(spec_set=Thing); Mock(Thing)")) == []


def test_unit_tests_never_sleep() -> None:
    sleeping = [
        named(path)
        for path in files_in("tests/unit", "tests/support")
        if any(isinstance(node, ast.Attribute) and node.attr == "sleep" for node in ast.walk(tree(path)))
        and "client" not in path.parts
    ]
    assert sleeping == []


@pytest.mark.parametrize("path", files_in("app.py", "chalicelib"), ids=named)
def test_every_exception_to_a_rule_says_why(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not re.search(r"# noqa(?!: [A-Z0-9, ]+ [-(] ?\S)", line), f"line {number}: noqa without its reason"
        assert not re.search(r"# type: ignore(?!\[[a-z-, ]+\] +# \S)", line), (
            f"line {number}: ignore without its reason"
        )


class TestNothingOfThisMachine:
    """The brackets keep this file from finding itself."""

    REGISTRY = re.compile(
        r"(?<!no-emit-)\b(extra-)?inde[x]-url\s*=?\s*\S*//|--find-link[s][ =]|--trusted-hos[t][ =]"
        r"|\bpypi[.](org|io)|\bpythonhosted[.]org|\bregistry[.](npmjs|yarnpkg)[.](org|com)"
    )
    HOMES = re.compile(r"(?<![\w.<{])/(home|Users)/[a-z]\w*/|(?<![\w.<{])/roo[t]/")

    def test_no_registry_is_named(self) -> None:
        assert [named(path) for path, text in every_file().items() if self.REGISTRY.search(text)] == []

    def test_no_path_of_it(self) -> None:
        here = {f"{place}/" for place in (ROOT, ROOT.parent, sys.base_prefix) if len(Path(place).parts) > 2}
        texts = every_file().items()
        found = [named(path) for path, text in texts if self.HOMES.search(text) or any(place in text for place in here)]
        assert found == []
