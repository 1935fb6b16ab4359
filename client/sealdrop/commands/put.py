"""sealdrop put"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, each, json_option
from sealdrop.durations import expiry
from sealdrop.errors import ApiError, UsageError

if TYPE_CHECKING:
    from sealdrop.models import EncryptionMode, File

EPILOG = """\b
Examples:
  sealdrop put report.pdf
  sealdrop put *.jpg --expires 7d
  tar cz photos | sealdrop put - --name photos.tar.gz
  sealdrop put big.iso --encryption server    resumed when run again

A file sealed here (the default) cannot be resumed: an interrupted upload begins again, as a new file.
"""


@click.command("put", epilog=EPILOG, short_help="Upload files; prints their ids.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--encryption",
    type=click.Choice(["client", "server"]),
    default="client",
    show_default=True,
    help="Seal here, before it leaves this machine, or leave it to the storage.",
)
@click.option("--name", help="File name to give it; needed for standard input (-).")
@click.option("--expires", "expires_text", metavar="WHEN", help="As 30m, 12h, 7d, 2w, or a time.")
@json_option
def command(
    files: tuple[str, ...],
    encryption: "EncryptionMode",
    name: str | None,
    expires_text: str | None,
    json_wanted: bool,  # noqa: FBT001 - click passes options by name
) -> int:
    """Upload files, sealed on this machine unless --encryption server. Each file's id goes to standard output."""
    from sealdrop.output import note, print_json
    from sealdrop.progress import bar
    from sealdrop.units import human_size

    _check(name, files)
    expires_at = expiry(expires_text, datetime.now(UTC)) if expires_text else None
    client, done = connect(), list["File"]()

    def put(path: str) -> None:
        source = sys.stdin.buffer if path == "-" else path
        with _explained(path, encryption), bar(name or path) as progress:
            file = client.put(source, name=name, encryption=encryption, expires_at=expires_at, progress=progress)
        done.append(file)
        how = "sealed" if file.encryption_mode == "client" else "uploaded"
        note(f"{file.full_filename}: {human_size(file.size)}, {how}")
        if not json_wanted:
            click.echo(file.id)

    code = each(files, put, json_wanted=json_wanted)
    if json_wanted:
        print_json(done)
    return code


@contextmanager
def _explained(path: str, encryption: "EncryptionMode") -> Iterator[None]:
    """What to do about an upload that did not come to its end."""
    try:
        yield
    except ApiError as error:
        if "filename" in error.errors:
            error.hint = "Give it another name with: --name NAME"
        raise
    except KeyboardInterrupt:
        if encryption == "server" and path != "-":
            click.echo("sealdrop: run it again to go on: parts that have arrived are not sent again", err=True)
        raise


def _check(name: str | None, files: tuple[str, ...]) -> None:
    if name and len(files) > 1:
        raise UsageError("--name names one file, and there are several")
    if name is not None and not name.strip():
        raise UsageError("the name is empty: leave out --name for the file's own")
    if "-" in files and not name:
        raise UsageError("standard input has no file name", hint="Add: --name NAME")
