"""Commands that start in a moment: each runs in a child of one process that has imported what they all import.

Of ours nothing is imported before: a command reads our modules as a process of its own does. It has the directory, the
environment and the three streams of whoever calls it, ends as it would, and with who calls it. What is saved is half a
second each time.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

SERVER, CALLER = (Path(__file__).with_name(name) for name in ("warm_server.py", "warm_caller.py"))
STOP_SECONDS = 30


class Warm:
    """Made by `started`. Where a command is written `[sys.executable, "-m", name, …]`, write `[*warm(name), …]`."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __call__(self, module: str) -> list[str]:
        if sys.platform == "darwin":  # whose own libraries do not bear a fork that no exec follows
            return [sys.executable, "-m", module]
        return [sys.executable, "-I", "-S", str(CALLER), self._place, module]


@contextmanager
def started(*modules: str) -> Iterator[Warm]:
    """A process that has imported these modules."""
    with tempfile.TemporaryDirectory(prefix="sealdrop-warm-") as folder:  # a socket's name must be short
        place = f"{folder}/socket"
        process = Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", str(SERVER), place, *modules],
            env={**os.environ, "PYTHONPATH": ""},
            stdin=PIPE,
            stdout=PIPE,
            start_new_session=True,
        )
        try:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n", "it says why on stderr"
            yield Warm(place)
        finally:
            process.communicate(timeout=STOP_SECONDS)
