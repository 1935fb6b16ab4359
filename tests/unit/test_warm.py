"""tests/support/warm.py: a command has what it would have in a process of its own, and nothing of the one before."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.warm import Warm, started

PATIENCE_SECONDS = 30
TELLS = """
import json, os, sys, time, thing
thing.count += 1
said = {
    "words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "path": sys.path,
    "count": thing.count, "zone": time.tzname[0], "child": os.waitstatus_to_exitcode(os.system("exit 3")),
    "seeks": sys.stdin.buffer.seekable(), "read": len(sys.stdin.read()),
}
print(json.dumps(said))
print("a word", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""
TYPED = b"typed\n" * 100_000  # more than a pipe holds


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    with started("json", "pytest") as warm:
        yield warm


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tells.py").write_text(TELLS)
    (tmp_path / "thing.py").write_text("count = 0\n")
    (tmp_path / "ends.py").write_text("import os, sys\nos.kill(os.getpid(), int(sys.argv[1]))\n")
    (tmp_path / "sleeps.py").write_text("import time\nprint('asleep', flush=True)\ntime.sleep(600)\n")
    return tmp_path


def run(command: list[str], folder: Path, environment: dict[str, str], **more: Any) -> subprocess.CompletedProcess[str]:
    more = more or {"input": TYPED.decode()}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.run(  # noqa: S603 - our own script
        command, cwd=folder, env=environment, timeout=PATIENCE_SECONDS, check=False, **streams, **more
    )


def test_it_is_as_in_a_process_of_its_own(warm: Warm, folder: Path) -> None:
    path = f"{folder / 'one'}{os.pathsep}{folder / 'two'}"
    environment = {"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "PYTHONPATH": path}
    words = ["3", "--flag", "", "später €"]
    own = run([sys.executable, "-m", "tells", *words], folder, environment)
    ended = run([*warm("tells"), *words], folder, environment)
    assert own.returncode == 3, own.stderr
    assert (ended.returncode, ended.stdout, ended.stderr) == (own.returncode, own.stdout, own.stderr)


def test_what_comes_from_a_file_can_be_read_anywhere(warm: Warm, folder: Path) -> None:
    (folder / "typed.txt").write_bytes(TYPED)
    for command in ([sys.executable, "-m", "tells", "0"], [*warm("tells"), "0"]):
        with (folder / "typed.txt").open("rb") as file:
            said = json.loads(run(command, folder, {}, stdin=file).stdout)
        assert (said["seeks"], said["read"]) == (True, len(TYPED))


def test_nothing_of_one_reaches_the_next(warm: Warm, folder: Path) -> None:
    said = {run([*warm("tells"), "0"], folder, {}).stdout for _ in range(3)}
    assert len(said) == 1
    assert '"count": 1' in said.pop()


def test_a_changed_module_is_read_again(warm: Warm, folder: Path) -> None:
    assert '"count": 1' in run([*warm("tells"), "0"], folder, {}).stdout
    (folder / "thing.py").write_text("count = 41  # of another length: compiled files go by that, and by the second\n")
    assert '"count": 42' in run([*warm("tells"), "0"], folder, {}).stdout


def test_what_failed_and_what_is_not_there_are_told_apart(warm: Warm, folder: Path) -> None:
    (folder / "test_it.py").write_text("def test_wrong():\n    assert False\n")
    order = [*warm("pytest"), "-q", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    failed = run([*order, "test_it.py::test_wrong"], folder, {})
    assert (failed.returncode, "FAILED test_it.py::test_wrong" in failed.stdout) == (1, True), failed
    assert run([*order, "test_it.py::test_absent"], folder, {}).returncode == 4


def test_ended_by_a_signal_and_by_an_error(warm: Warm, folder: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        assert run([*warm("ends"), str(int(number))], folder, {}).returncode == -number
    absent = run(warm("absent"), folder, {})
    assert (absent.returncode, "No module named absent" in absent.stderr) == (1, True), absent


def asleep(warm: Warm, folder: Path) -> subprocess.Popen[bytes]:
    caller = subprocess.Popen(warm("sleeps"), cwd=folder, env={}, stdout=subprocess.PIPE)  # noqa: S603 - our own script
    assert caller.stdout
    assert caller.stdout.readline() == b"asleep\n"
    return caller


def test_it_ends_with_who_called_it(warm: Warm, folder: Path) -> None:
    caller = asleep(warm, folder)
    caller.kill()
    caller.communicate(timeout=PATIENCE_SECONDS)  # its output ends, which the command held open


def test_what_hangs_ends_with_the_server(folder: Path) -> None:
    with started("json") as warm:
        caller = asleep(warm, folder)
    caller.communicate(timeout=PATIENCE_SECONDS)


def test_nothing_of_ours_is_imported_before(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="it says why"), started("sealdrop"):
        pass
    assert "AssertionError: ['sealdrop'" in capfd.readouterr().err
