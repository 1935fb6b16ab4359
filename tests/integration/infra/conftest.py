"""What tests of the operator's commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def session() -> Any:
    """One for all, which has read AWS's models: that takes longer than what a command does with them."""
    return boto3.Session(region_name="eu-west-1")


@pytest.fixture
def command(
    session: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[Callable[[list[str]], int]], Run]:
    """Makes a `main` one that runs in an empty folder, and answers status, output and errors."""
    monkeypatch.setattr("infra.operating.session", lambda: session)
    monkeypatch.chdir(tmp_path)

    def running(main: Callable[[list[str]], int]) -> Run:
        def run(*arguments: str) -> tuple[int, str, str]:
            status = main(list(arguments))
            said = capsys.readouterr()
            return status, said.out, said.err

        return run

    return running
