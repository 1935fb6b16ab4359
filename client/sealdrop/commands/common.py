"""What several verbs share."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sealdrop.errors import ExitCode, LocalFileError, NotAllowed, NotFound, PinRequired, SealdropError

if TYPE_CHECKING:
    from sealdrop.client import Client
    from sealdrop.models import EncryptionMode, File

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

MOST_A_PAGE = 100  # the service's own bound

json_option = click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")

# With these the next item would fail in the same way.
_POINTLESS = (ExitCode.NOT_ALLOWED, ExitCode.UNREACHABLE)


def connect() -> "Client":
    """A client for the configured service. Raises NotAllowed where there is no token for it."""
    from sealdrop.client import Client  # late, with all of its HTTP: `--help` needs none of it
    from sealdrop.config import load

    settings = load()
    if settings.token is None:
        raise NotAllowed(401, "unauthenticated", f"no token is set for {settings.url}")
    return Client(settings.url, settings.token)


def limit_options(command: Command) -> Command:
    """--limit and --all, for `up_to`."""
    more = click.option("--all", "all_wanted", is_flag=True, help="List all, however many there are.")
    at_most = click.IntRange(min=1)
    return click.option("--limit", type=at_most, default=50, show_default=True, help="List this many at most.")(
        more(command)
    )


def up_to(limit: int, listed: Callable[..., Iterator[T]], *, all_wanted: bool) -> list[T]:
    """As many rows as are wanted. Where there are more, a hint follows what the command prints."""
    if all_wanted:
        return list(listed(page_size=MOST_A_PAGE))
    rows = list(islice(listed(page_size=min(limit + 1, MOST_A_PAGE)), limit + 1))
    if len(rows) > limit:
        hint = f"sealdrop: there are more than these {limit}: see them with --all, or with a larger --limit"
        click.get_current_context().call_on_close(lambda: click.echo(hint, err=True))
    return rows[:limit]


def ready_files(client: "Client", words: Sequence[str], encryption: "EncryptionMode") -> "list[File]":
    """Files of this machine, uploaded, and those that are there by their ids: all are looked for before one is sent."""
    from sealdrop.progress import bar

    def uploaded(path: str) -> "File":
        with bar(path) as progress:
            return client.put(path, encryption=encryption, progress=progress)

    there = [_known(client, word) for word in words]
    return [file or uploaded(word) for word, file in zip(words, there, strict=True)]


def _known(client: "Client", word: str) -> "File | None":
    """The service's file by this id; None for a file of this machine. Raises LocalFileError where it is neither."""
    from sealdrop.paths import is_id

    if not Path(word).exists() and is_id(word.lower()):
        return client.file(word.lower())
    if not Path(word).is_file():
        raise LocalFileError(f"there is no file {word}")
    return None


@contextmanager
def uploads_kept(words: Sequence[str], files: "Sequence[File]") -> Iterator[None]:
    """What is refused after an upload says how to do without another one."""
    try:
        yield
    except SealdropError as error:
        if any(Path(word).exists() for word in words):
            again = f"Nothing need be sent again: name {' '.join(file.id for file in files)} instead of the files."
            error.hint = f"{error.hint} {again}" if error.hint else again
        raise


@contextmanager
def looked_up(where: str) -> Iterator[None]:
    """For ids that are not those of files: where the right one is found."""
    try:
        yield
    except NotFound as error:
        if error.code == "not_found":
            error.hint = f"Check the id with: {where}"
        raise


def with_pin(do: Callable[[str | None], T], pin: str | None, title: str = "PIN") -> T:
    """Do it, and where a PIN turns out to be needed, ask for it: once, at a terminal, unseen."""
    try:
        return do(pin)
    except PinRequired:
        if not sys.stdin.isatty():
            raise
    return do(ask_pin(title))


def with_pins(do: Callable[[str | None, str | None], T], own: str | None, senders: str | None) -> T:
    """The same where two may be needed, one's own and that of a mail's sender: each is asked for once."""
    while True:
        try:
            return do(own, senders)
        except PinRequired as error:
            if not sys.stdin.isatty() or (senders if error.is_the_senders else own) is not None:
                raise
            asked = ask_pin("The sender's PIN" if error.is_the_senders else "PIN")
            own, senders = (own, asked) if error.is_the_senders else (asked, senders)


def ask_pin(title: str, *, twice: bool = False) -> str:
    pin: str = click.prompt(title, hide_input=True, confirmation_prompt=twice, err=True)
    return pin


def each(items: Sequence[str], do: Callable[[str], Any], *, json_wanted: bool) -> int:
    """Do it to every item, telling of each failure; the exit code of the first one."""
    from sealdrop.output import print_error

    code = int(ExitCode.DONE)
    for item in items:
        try:
            do(item)
        except SealdropError as error:
            print_error(error, json_wanted=json_wanted, about=item if len(items) > 1 else None)
            code = code or int(error.exit_code)
            if error.exit_code in _POINTLESS:
                break
    return code
