"""Run a command and learn its own peak of memory.

The kernel starts a child's peak at that of whoever forked it, and a test process is large: so a small process in
between forks, and waits.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
_BETWEEN = """
import json, os, sys
report, *command = sys.argv[1:]
child = os.posix_spawnp(command[0], command, os.environ)
_, status, used = os.wait4(child, 0)
with open(report, "w") as file:
    json.dump({"code": os.waitstatus_to_exitcode(status), "peak_kib": used.ru_maxrss}, file)
"""


@dataclass(frozen=True)
class Run:
    code: int
    peak_bytes: int
    seconds: float
    out: str
    err: str


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, patience_seconds: float) -> Run:
    report = folder / ".peak.json"
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-I", "-S", "-c", _BETWEEN, str(report), *command],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=patience_seconds,
        check=True,
    )
    seconds = time.monotonic() - started
    told = json.loads(report.read_text())
    report.unlink()
    return Run(told["code"], told["peak_kib"] * 1024, seconds, done.stdout, done.stderr)


def sparse_file(path: Path, size: int) -> None:
    """Takes next to no room, yet no two of its MiB are alike: what is swapped or lost shows."""
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.seek(start)
            file.write(b"%016x" % start)
        file.truncate(size)
