"""tests/support/warm.py: a command has what it would have in a process of its own, and nothing of the one before."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.warm import Warm, started

PATIENCE_SECONDS = 30
TELLS = """
import json, os, sys, time, thing
thing.count += 1
said = {"words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "count": thing.count,
        "read": sys.stdin.read(), "zone": time.tzname[0], "child": os.waitstatus_to_exitcode(os.system("exit 3"))}
print(json.dumps(said))
print("a word", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with started("json", "pytest") as warm:
        yield warm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tells.py").write_text(TELLS)
    (tmp_path / "thing.py").write_text("count = 0\n")
    (tmp_path / "ends.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    (tmp_path / "sleeps.py").write_text("import time\nprint('asleep', flush=True)\ntime.sleep(600)\n")
    return tmp_path


def run(
    warm: Warm, folder: Path, *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    first, *rest = words
    return subprocess.run(  # noqa: S603 - our own script
        [*warm(first), *rest],
        cwd=folder,
        env=environment or {},
        input="typed\n" * 100_000,  # more than a pipe holds
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_it_is_as_in_a_process_of_its_own(warm: Warm, folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "0"}
    words = ["3", "--flag", "", "später €"]
    own = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-m", "tells", *words],
        cwd=folder,
        env=environment,
        input="typed\n" * 100_000,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    ended = run(warm, folder, "tells", *words, environment=environment)
    assert own.returncode == 3, own.stderr
    assert (ended.returncode, ended.stdout, ended.stderr) == (own.returncode, own.stdout, own.stderr)


def test_nothing_of_one_reaches_the_next(warm: Warm, folder: Path) -> None:
    said = {run(warm, folder, "tells", "0").stdout for _ in range(3)}
    assert len(said) == 1
    assert '"count": 1' in said.pop()


def test_a_changed_module_is_read_again(warm: Warm, folder: Path) -> None:
    assert '"count": 1' in run(warm, folder, "tells", "0").stdout
    (folder / "thing.py").write_text("count = 41  # of another length: compiled files go by that, and by the second\n")
    assert '"count": 42' in run(warm, folder, "tells", "0").stdout


def test_what_failed_and_what_is_not_there_are_told_apart(warm: Warm, folder: Path) -> None:
    (folder / "test_it.py").write_text("def test_wrong():\n    assert False\n")
    order = ("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder))
    failed = run(warm, folder, *order, "test_it.py::test_wrong")
    assert (failed.returncode, "FAILED test_it.py::test_wrong" in failed.stdout) == (1, True), failed
    assert run(warm, folder, *order, "test_it.py::test_absent").returncode == 4


def test_ended_by_a_signal_and_by_an_error(warm: Warm, folder: Path) -> None:
    assert run(warm, folder, "ends").returncode == -signal.SIGTERM
    absent = run(warm, folder, "absent")
    assert (absent.returncode, "No module named absent" in absent.stderr) == (1, True), absent


def test_what_hangs_ends_with_it(folder: Path) -> None:
    with started("json") as warm:
        caller = subprocess.Popen(  # noqa: S603 - our own script
            warm("sleeps"), cwd=folder, env={}, stdout=subprocess.PIPE
        )
        assert caller.stdout
        assert caller.stdout.readline() == b"asleep\n"
        caller.kill()
    caller.communicate(timeout=PATIENCE_SECONDS)  # its output ends, which it held open


def test_nothing_of_ours_is_imported_before(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="it says why"), started("sealdrop"):
        pass
    assert "AssertionError: ['sealdrop'" in capfd.readouterr().err
