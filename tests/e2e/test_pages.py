"""The pages under docs/ that show sessions: run as they stand, and compared with what they show."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from infra.local.process import StackProcess, stack_process
from sealdrop.cli import cli
from tests.e2e.conftest import IMPORTED
from tests.support import sessions
from tests.support.warm import Warm, started

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("pages")]

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("cli.md", "local-stack.md")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that nobody else uses: pages list what is there."""
    with stack_process(tmp_path_factory.mktemp("stack")) as process:
        yield process


@pytest.fixture(scope="module")
def command() -> Iterator[Warm]:
    with started(*IMPORTED) as command:
        yield command


@pytest.mark.parametrize("name", PAGES)
def test_the_session_goes_as_the_page_shows(fresh: StackProcess, command: Warm, tmp_path: Path, name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    commands = sessions.commands_of(page)
    assert len(commands) > 20
    desk = sessions.desk(tmp_path, fresh.ready, command("sealdrop"))
    ran = sessions.run(commands, desk, tmp_path)
    for shown, seen in zip(commands, ran, strict=True):
        assert sessions.comparable(seen.output) == sessions.comparable(shown.output), (
            f"$ {shown.text}\npython -m tests.support.sessions docs/{name} writes what comes out"
        )
    assert sessions.unannounced_failures(ran) == []


def test_every_command_has_its_help_on_the_page() -> None:
    shown = {command.text for command in sessions.commands_of((DOCS / "cli.md").read_text(encoding="utf-8"))}
    assert {f"{words} --help" for words in commands_under(cli, "sealdrop")} <= shown


def commands_under(command: click.Command, words: str) -> Iterator[str]:
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands_under(inner, f"{words} {name}")
