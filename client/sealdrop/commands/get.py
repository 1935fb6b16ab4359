"""sealdrop get"""

import sys
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, json_option

if TYPE_CHECKING:
    from sealdrop.client import Client
    from sealdrop.targets import Key

EPILOG = """\b
Examples:
  sealdrop get 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sealdrop get https://HOST/api/public/downloads/KEY -o invoice.pdf
  sealdrop get KEY -o inbox/            several files: into a directory
  sealdrop get ID -o - | tar xz

Nothing appears at its place before all of it has been received and verified. Names come from the sender: they are
used without any directory, with _ in place of a dot at their start, and never replace a file unless --force is given.
A path named with -o is replaced; a link is followed, a device or pipe written into.
"""


@click.command("get", epilog=EPILOG, short_help="Download by id, key or link.")
@click.argument("what", metavar="ID|KEY|LINK")
@click.option("-o", "output", metavar="PATH", help="File or directory to write; - is standard output.")
@click.option("--force", is_flag=True, help="Replace files that are in the way.")
@json_option
def command(what: str, output: str | None, force: bool, json_wanted: bool) -> int:  # noqa: FBT001 - click passes by name
    """Download a file of yours by its id, or whatever a download key or link gives. Prints the paths written."""
    from sealdrop.names import printable
    from sealdrop.output import human_size, note, print_json
    from sealdrop.progress import bar
    from sealdrop.targets import FileId, parse_target

    target = parse_target(what)
    client = connect() if isinstance(target, FileId) else _without_token(target)
    path = sys.stdout.buffer if output == "-" else output or None
    with bar("receiving") as progress:
        saved = client.get(what, path, overwrite=force, progress=progress)
    for file in saved:
        note(f"{file.full_filename}: {human_size(file.size)}, {'verified' if file.verified else 'size checked'}")
        if file.renamed:
            said = (
                f"sealdrop: {file.full_filename}: saved as {file.path}, since a name that starts with a dot is hidden"
            )
            click.echo(printable(said), err=True)
    if json_wanted and output != "-":
        print_json(saved)
    elif output != "-":
        for file in saved:
            click.echo(printable(str(file.path)) if sys.stdout.isatty() else str(file.path))
    return 0


def _without_token(target: "Key") -> "Client":
    """A key is all that a download takes; a link even names its service."""
    from sealdrop.client import Client
    from sealdrop.config import load

    return Client(target.api_url or load().url)
