"""Every check of docs/threat-model.md is taken out of a copy of the project, and its tests are seen to fail there."""

import compileall
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

from tests.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("app.py", "chalicelib", "infra", "client", "tests", "pyproject.toml")
LEFT_OUT = ("__pycache__", "*.pyc", "vectors", "node_modules")
PATIENCE_SECONDS = 120
PASSED, FAILED = 0, 1  # pytest's exit status; 2 to 5 mean that it found, collected or understood nothing


class Workshop:
    """A copy of the project in which one file at a time is changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            source, target = ROOT / name, root / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
            else:
                shutil.copy2(source, target)
        # Python tells a changed source by the second of its change, and we are faster: these go by its content.
        compileall.compile_dir(root, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        self._runner = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(root / "tests" / "support" / "warm_pytest.py")],
            cwd=root,
            env={**os.environ, "PYTHONPATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        self._runner.communicate(timeout=PATIENCE_SECONDS)
        shutil.rmtree(self.root)

    def run(self, *tests: str) -> tuple[int, str]:
        """The exit status, and what pytest said."""
        output = self.root / "said.txt"
        # what a failed assert compared is of no interest here, and takes long to find out
        order = ["-x", "-q", "--tb=line", "-p", "no:xdist", "--assert=plain", *tests]
        assert self._runner.stdin
        assert self._runner.stdout
        self._runner.stdin.write(json.dumps([order, str(output)]) + "\n")
        self._runner.stdin.flush()
        if not select.select([self._runner.stdout], [], [], PATIENCE_SECONDS)[0]:
            os.killpg(self._runner.pid, signal.SIGKILL)
            raise AssertionError(f"no end after {PATIENCE_SECONDS} s: {tests}")
        return int(self._runner.stdout.readline()), output.read_text(encoding="utf-8")

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
    workshop = Workshop(tmp_path_factory.mktemp("workshop"))
    yield workshop
    workshop.close()


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
