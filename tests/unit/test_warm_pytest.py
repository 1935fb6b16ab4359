"""tests/support/warm_pytest.py: every run is a fresh one, and its status is pytest's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "warm_pytest.py"


class Runner:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(SCRIPT)], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, *arguments: str) -> tuple[int, str]:
        output = self.folder / "said.txt"
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([["-q", "-p", "no:cacheprovider", *arguments], str(output)]) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline()), output.read_text()


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("tree")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "thing.py").write_text("count = 0\n")
    (folder / "test_thing.py").write_text(
        "import thing\n\ndef test_fresh():\n    thing.count += 1\n    assert thing.count == 1\n\n"
        "def test_wrong():\n    assert thing.count == 7\n"
    )
    runner = Runner(folder)
    yield runner
    runner.process.communicate(timeout=30)


def test_nothing_of_one_run_reaches_the_next(runner: Runner) -> None:
    for _ in range(3):
        assert runner("test_thing.py::test_fresh")[0] == 0


def test_what_fails_and_what_is_not_there_are_told_apart(runner: Runner) -> None:
    status, said = runner("test_thing.py::test_wrong")
    assert (status, "FAILED test_thing.py::test_wrong" in said) == (1, True)
    assert runner("test_thing.py::test_absent")[0] == 4


def test_a_changed_module_is_read_again(runner: Runner) -> None:
    (runner.folder / "thing.py").write_text(
        "count = 6  # of another length: compiled files go by that, and by the second\n"
    )
    assert runner("test_thing.py::test_fresh")[0] == 1
    (runner.folder / "thing.py").write_text("count = 0\n# as before\n")
    assert runner("test_thing.py::test_fresh")[0] == 0
