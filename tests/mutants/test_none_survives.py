"""Every check of docs/threat-model.md is taken out of a copy of the project, and its tests are seen to fail there."""

import compileall
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

from tests.mutants import MUTANTS, Mutant
from tests.support.warm import Warm, started

ROOT = Path(__file__).parents[2]
COPIED = ("app.py", "chalicelib", "infra", "client", "tests", "pyproject.toml")
LEFT_OUT = ("__pycache__", "*.pyc", "vectors", "node_modules")
PATIENCE_SECONDS = 120
# Other people's packages that nearly every test imports.
IMPORTED = (
    "anyio._backends._asyncio",
    "aws_encryption_sdk",
    "boto3",
    "chalice.app",
    "hypothesis",
    "jsonschema",
    "pydantic",
    "pytest",
    "xdist.plugin",
    "yaml",
)
# The package that brings a plugin is imported before pytest could rewrite its asserts: none of ours.
KNOWN = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PASSED, FAILED = 0, 1  # pytest's exit status; 2 to 5 mean that it found, collected or understood nothing


class Workshop:
    """A copy of the project in which one file at a time is changed."""

    def __init__(self, root: Path, warm: Warm) -> None:
        self.root = root
        for name in COPIED:
            source, target = ROOT / name, root / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copy2(source, target)
        # Python tells a changed source by the second of its change, and we are faster: these go by its content.
        compileall.compile_dir(root, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        self._warm = warm

    def run(self, *tests: str) -> tuple[int, str]:
        """The exit status, and what pytest said."""
        # what a failed assert compared is of no interest here, and takes long to find out
        order = ["-x", "-q", "--tb=line", "-p", "no:xdist", "--assert=plain", *KNOWN, *tests]
        ended = subprocess.run(  # noqa: S603 - our own tests
            [*self._warm("pytest"), *order],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return ended.returncode, ended.stdout

    def without(self, mutant: Mutant) -> tuple[int, str]:
        """The mutant's tests, run where the check is missing."""
        path = self.root / mutant.path
        honest = path.read_text(encoding="utf-8")
        try:
            path.write_text(honest.replace(mutant.source, mutant.replacement), encoding="utf-8")
            return self.run(*mutant.tests)
        finally:
            path.write_text(honest, encoding="utf-8")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    root = tmp_path_factory.mktemp("workshop")
    with started(*IMPORTED) as warm:
        yield Workshop(root, warm)
    shutil.rmtree(root)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_without_its_check_a_test_fails(workshop: Workshop, mutant: Mutant) -> None:
    status, said = workshop.without(mutant)
    assert status == FAILED, f"nothing failed without this check:\n{said}"
    assert re.search(r"^FAILED tests/", said, re.MULTILINE), said
    assert not re.search(r"^ERROR tests/", said, re.MULTILINE), said


def test_with_all_checks_in_place_the_same_tests_pass(workshop: Workshop) -> None:
    """So what fails above fails for want of the check, and not because of the copy."""
    status, said = workshop.run(*sorted({test for mutant in MUTANTS for test in mutant.tests}))
    assert status == PASSED, said
