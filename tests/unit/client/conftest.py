"""A service of our own on 127.0.0.1, a client of it that does not wait, and a command line with a terminal's habits."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sealdrop import Client, Retry
from sealdrop.__main__ import main
from tests.unit.client.fake_service import PART, SINGLE, FakeService

AT_ONCE = Retry(base_seconds=0)

__all__ = ["PART", "SINGLE"]


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService() as service:
        yield service


@pytest.fixture(autouse=True)
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working directory that hold nothing; nothing waits."""
    for name in ("home", "config", "state", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path / "here")
    # Parts of 1 MiB, so that a handful of megabytes is a large file; the real sizes are seen to by tests/e2e.
    monkeypatch.setattr("sealdrop.upload.SINGLE_PUT_BYTES", SINGLE)
    monkeypatch.setattr("sealdrop.upload.SEALED_PART_BYTES", PART)
    monkeypatch.setattr("sealdrop.upload.SEALED_AHEAD_BYTES", 4 * PART)
    monkeypatch.setattr("sealdrop.upload.HASHED_AHEAD_BYTES", 4 * PART)
    monkeypatch.setattr("sealdrop.retry.pause", lambda _seconds: None)
    monkeypatch.setattr("sealdrop.retry.random.uniform", lambda _low, _high: 0.0)
    return tmp_path


@pytest.fixture
def here(world: Path) -> Path:
    return world / "here"


@pytest.fixture
def client(service: FakeService) -> Client:
    return Client(service.url, service.token, retry=AT_ONCE)


@dataclass(frozen=True)
class Session:
    """What a command left behind."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class _Stream(io.TextIOWrapper):
    def __init__(self, data: bytes, *, tty: bool) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def written(self) -> bytes:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()


Run = Callable[..., Session]


@pytest.fixture
def run(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("ls", "--json")` is a command line, logged in to the service by its environment."""
    monkeypatch.setenv("SEALDROP_URL", service.url)
    monkeypatch.setenv("SEALDROP_TOKEN", service.token)

    def run(*words: str, stdin: bytes = b"", tty: bool = False) -> Session:
        with monkeypatch.context() as patched:
            out, err = _Stream(b"", tty=tty), _Stream(b"", tty=tty)
            patched.setattr(sys, "stdin", _Stream(stdin, tty=tty))
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            code = main(words)
            return Session(int(code), out.written(), err.written().decode())

    return run


def tree(folder: Path) -> list[str]:
    """Every file below a directory, hidden ones too."""
    return sorted(os.path.relpath(path, folder) for path in folder.rglob("*"))
