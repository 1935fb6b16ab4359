"""Large files up and down by the command line, in a few MiB of the client's memory."""

import filecmp
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack
from tests.support import peak

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("large")]  # one at a time: each needs 4 GiB of disk

SIZES = {"client": 2 * 2**30, "server": 2**29}  # what is not sealed passes through less
MOST_BYTES = 200 * peak.MIB
PATIENCE_SECONDS = 240


@pytest.mark.parametrize("mode", SIZES)
def test_it_goes_up_and_down(
    stack: Stack, tmp_path: Path, mode: str, record_property: Callable[[str, object], None]
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SEALDROP_URL": stack.api_url,
        "SEALDROP_TOKEN": stack.alice.token,
        "SEALDROP_PIN": stack.alice.pin,
    }

    def sealdrop(*words: str) -> peak.Run:
        command = [str(Path(sys.executable).with_name("sealdrop")), *words]
        done = peak.run(command, environment, tmp_path, PATIENCE_SECONDS)
        assert done.code == 0, done.err
        record_property(f"{words[0]}, {mode}: peak MiB", done.peak_bytes // peak.MIB)  # `make bench` prints them
        assert done.peak_bytes < MOST_BYTES
        return done

    peak.sparse_file(tmp_path / "large.bin", SIZES[mode])
    put = sealdrop("put", "large.bin", "--encryption", mode)
    sealdrop("get", put.out.strip(), "-o", "back.bin")
    sealdrop("rm", "--permanent", put.out.strip())
    assert (tmp_path / "back.bin").stat().st_size == SIZES[mode]
    assert filecmp.cmp(tmp_path / "back.bin", tmp_path / "large.bin", shallow=False)
    (tmp_path / "back.bin").unlink()


def test_the_measure_sees_what_a_command_takes_and_nothing_else(tmp_path: Path) -> None:
    """Also when whoever asks is larger than what it asks about."""
    ballast = bytearray(os.urandom(256)) * peak.MIB
    greedy = [sys.executable, "-c", "bytearray(b'x') * (300 * 2**20)"]
    frugal = [sys.executable, "-c", "print('hello')"]
    large, small = (peak.run(command, os.environ, tmp_path, 60) for command in (greedy, frugal))
    assert 300 * peak.MIB < large.peak_bytes < 400 * peak.MIB
    assert small.peak_bytes < 100 * peak.MIB
    assert (small.out, small.code, len(ballast)) == ("hello\n", 0, 256 * peak.MIB)
