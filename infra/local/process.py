"""The stack in a process of its own, for the demo, the end-to-end tests and the benchmark."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START_SECONDS = 60  # on a busy machine; 2 as a rule
STOP_SECONDS = 20
LOG = "stack.log"


class StackFailed(Exception):
    """It did not get ready, or did not stop cleanly; the text holds what it printed."""


@dataclass(frozen=True)
class StackProcess:
    pid: int
    ready: Mapping[str, Any]  # the ready file
    log: Path  # what it prints


@contextmanager
def stack_process(
    directory: Path, *options: str, module: str = "infra.local", patience: float = STOP_SECONDS
) -> Iterator[StackProcess]:
    """`python -m infra.local`, or another that takes its options, on free ports until the block ends.

    Raises StackFailed; `patience` is how many seconds it may take to stop.
    """
    process, ready = start_stack(directory, *options, module=module)
    try:
        yield StackProcess(process.pid, ready, directory / LOG)
    finally:
        stop_stack(process, patience)


def start_stack(
    directory: Path, *options: str, module: str = "infra.local"
) -> tuple[subprocess.Popen[bytes], Mapping[str, Any]]:
    """The process, and its ready file's content. What it prints goes to stack.log. Raises StackFailed."""
    ready_file, log = directory / "ready.json", directory / LOG
    command = [sys.executable, "-m", module, "--port", "0", "--ready-file", str(ready_file), *options]
    with log.open("wb") as output:  # a pipe that nobody reads would block it one day
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=clean_environment())
    try:
        _wait_until_ready(process, ready_file, log)
        return process, json.loads(ready_file.read_text(encoding="utf-8"))
    except BaseException:
        process.kill()
        process.wait()
        raise


def stop_stack(process: subprocess.Popen[bytes], patience: float = STOP_SECONDS) -> None:
    """By SIGTERM. Raises StackFailed when it does not end, or not with status 0."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        status = process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise StackFailed(f"the stack did not stop within {patience} s of SIGTERM") from None
    if status != 0:
        raise StackFailed(f"the stack ended with status {status}")


def clean_environment() -> dict[str, str]:
    """This process's, less what a developer may have set for a real account or service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SEALDROP_"))}


def _wait_until_ready(process: subprocess.Popen[bytes], ready_file: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready_file.exists():
        if process.poll() is not None:
            raise StackFailed(f"the stack ended with status {process.returncode}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise StackFailed(f"the stack was not ready after {START_SECONDS} s:\n{_tail(log)}")
        time.sleep(0.02)


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:]
