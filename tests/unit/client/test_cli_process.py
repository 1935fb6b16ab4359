"""The command line as a process: signals, closed pipes, a real terminal, and what it loads."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.client.conftest import tree
from tests.unit.client.fake_service import FakeService

MIB = 1 << 20
CLIENT = Path(__file__).parents[3] / "client"
PATIENCE_SECONDS = 60


def heeds_interrupts() -> None:
    """A command in a shell's background is started deaf to SIGINT, and so would be whatever it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Started:
    """A command under way; the service may send it a signal."""

    def __init__(self, service: FakeService, *words: str) -> None:
        environment = {"PYTHONPATH": str(CLIENT), "SEALDROP_URL": service.url, "SEALDROP_TOKEN": service.token}
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "sealdrop", *words],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=heeds_interrupts,
        )

    def finish(self) -> tuple[int, bytes, bytes]:
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err


@pytest.fixture
def started() -> Iterator[list[Started]]:
    """Whatever a test starts ends with it."""
    running: list[Started] = []
    yield running
    for command in running:
        if command.process.poll() is None:
            command.process.kill()
            command.finish()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_sealed_put_that_is_stopped_withdraws_its_file(
    service: FakeService, here: Path, started: list[Started], number: int, code: int
) -> None:
    (here / "x").write_bytes(bytes(20 * MIB))
    service.fail("PUT /storage", before=lambda: started[0].process.send_signal(number))
    started.append(Started(service, "put", "x"))
    assert started[0].finish()[0] == code
    assert service.files == {}
    assert service.count("DELETE") == 1


def test_a_plain_put_that_is_stopped_is_resumed(service: FakeService, here: Path, started: list[Started]) -> None:
    (here / "x").write_bytes(os.urandom(120 * MIB))
    stopped = "PUT /storage"

    def stop() -> None:
        service.fail(stopped, times=99, status=503)  # nothing more gets through
        started[0].process.send_signal(signal.SIGINT)

    service.fail(stopped, times=40, before=lambda: stop() if service.count(stopped) == 40 else None)
    started.append(Started(service, "put", "x", "--encryption", "server"))
    code, out, err = started[0].finish()
    assert (code, out) == (130, b"")
    goes_on = b"sealdrop: run it again to go on: parts that have arrived are not sent again"
    assert err.split(b"\n") == [goes_on, b"", b"sealdrop: interrupted", b""]
    (pending,) = service.files.values()
    arrived = list(service.stored)
    assert arrived
    service.faults.clear()
    started.append(Started(service, "put", "x", "--encryption", "server"))
    assert started[1].finish() == (0, f"{pending.id}\n".encode(), b"")
    assert set(arrived).isdisjoint(service.stored[len(arrived) :])
    assert pending.body == (here / "x").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("mode", ["client", "server"])
def test_a_get_that_is_stopped_leaves_nothing(
    service: FakeService, here: Path, started: list[Started], mode: str, number: int, code: int
) -> None:
    record = service.add("x", bytes(20 * MIB), mode)
    service.fail("GET /storage", drop_after=MIB)
    service.fail("GET /storage", before=lambda: started[0].process.send_signal(number))
    started.append(Started(service, "get", record.id))
    assert started[0].finish()[0] == code
    assert tree(here) == []


def test_a_reader_that_goes_away(service: FakeService, started: list[Started]) -> None:
    """As in `sealdrop ls | head -1`."""
    for number in range(400):
        service.add(f"{number} " + "x" * 200, b"x")
    service.page_size = 100
    started.append(Started(service, "ls", "--limit", "400"))
    stdout = started[0].process.stdout
    assert stdout
    assert stdout.readline().startswith(b"ID ")
    stdout.close()
    stderr = started[0].process.stderr
    assert stderr
    with stderr:
        assert b"Traceback" not in stderr.read()
    assert started[0].process.wait(PATIENCE_SECONDS) == 1


def test_bars_on_a_terminal_and_the_id_in_the_pipe(service: FakeService, here: Path) -> None:
    (here / "big.bin").write_bytes(bytes(20 * MIB))
    master, slave = pty.openpty()
    environment = {"PYTHONPATH": str(CLIENT), "SEALDROP_URL": service.url, "SEALDROP_TOKEN": service.token}
    process = subprocess.Popen(
        [sys.executable, "-m", "sealdrop", "put", "big.bin"],
        env={**os.environ, **environment, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 4096):
            shown += piece
    except OSError:  # how a terminal whose other side is closed ends
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        os.close(master)
    assert process.returncode == 0
    assert out.decode().strip() in service.files
    assert b"big.bin" in shown
    assert b"/20.0 MiB" in shown
    assert b"sealed" in shown


def test_an_interrupt_while_it_still_loads(here: Path) -> None:
    (here / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "sealdrop", "--help"],
        env={**os.environ, "PYTHONPATH": f"{here}:{CLIENT}"},
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        preexec_fn=heeds_interrupts,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"sealdrop: interrupted\n")


HEAVY = ("urllib3", "rich", "aws_encryption_sdk", "boto3", "cryptography", "attr")


@pytest.mark.parametrize(
    ("code", "light_of"),
    [
        ("import sealdrop", (*HEAVY, "click")),
        ("from sealdrop.__main__ import main; main(['--help'])", HEAVY),
        ("from sealdrop.__main__ import main; main(['put', '--help'])", HEAVY),
        ("from sealdrop import Client; Client('https://x.example')", HEAVY[1:]),
    ],
)
def test_what_is_loaded(code: str, light_of: tuple[str, ...]) -> None:
    report = f"{code}; import sys; print(*sorted(set(sys.modules) & set({light_of!r})), file=sys.stderr)"
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", report],
        env={**os.environ, "PYTHONPATH": str(CLIENT)},
        capture_output=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.stderr.split() == []


def test_every_public_name_is_there() -> None:
    import sealdrop

    for name in sealdrop.__all__:
        assert getattr(sealdrop, name).__name__ == name
    assert sealdrop.__version__
    with pytest.raises(AttributeError):
        sealdrop.nonsense  # noqa: B018
