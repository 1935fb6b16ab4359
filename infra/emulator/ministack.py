"""MiniStack, an emulator of AWS that shares no code with the stack on one machine, in a process of its own."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import urllib3
from boto3.session import Session
from botocore.config import Config

from infra.local.process import ROOT, clean_environment

PROGRAM = ROOT / ".venv-ministack" / "bin" / "ministack"
REGION = "eu-west-1"
CREDENTIALS = "testing"  # id and secret of the account's root; functions get those of their roles
START_SECONDS = 60


class EmulatorFailed(Exception):
    """It is not installed, or did not start; the text has what it printed."""


class Emulator:
    def __init__(self, url: str) -> None:
        self.url = url
        self._session: Any = Session(CREDENTIALS, CREDENTIALS, region_name=REGION)

    def client(self, service: str) -> Any:
        config = Config(s3={"addressing_style": "path"}, read_timeout=120, retries={"total_max_attempts": 1})
        return self._session.client(service, endpoint_url=self.url, config=config)


@contextmanager
def emulator(log: Path) -> Iterator[Emulator]:
    """On a free port of this machine alone, until the block ends; nothing of it is kept. Raises EmulatorFailed.

    With AUTH it checks signatures, and evaluates the policies of roles and resources as IAM does.
    """
    if not PROGRAM.is_file():
        raise EmulatorFailed("MiniStack is not there: `make e2e-package` installs it")
    with tempfile.TemporaryDirectory(prefix="sealdrop-ministack-") as folder, log.open("wb") as output:
        port = _free_port()
        told = {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "AWS_ACCESS_KEY_ID": CREDENTIALS,
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS,
            "TMPDIR": folder,
        }
        process = subprocess.Popen(
            [PROGRAM],
            cwd=folder,
            env={**clean_environment(), **told},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(process, url, log)
            yield Emulator(url)
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace")[-4000:]
            raise EmulatorFailed(f"MiniStack did not start (status {process.poll()}):\n{said}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/_ministack/health", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """With the workers that it started for functions, and at once: it waits for them, and there is nothing to keep."""
    with suppress(ProcessLookupError):  # it ended by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
