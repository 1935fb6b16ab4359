"""sealdrop ls"""

from functools import partial
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, json_option, limit_options, up_to

if TYPE_CHECKING:
    from sealdrop.models import File

SORTS = {
    "newest": "-created_at",
    "oldest": "created_at",
    "name": "filename_original",
    "largest": "-size",
    "smallest": "size",
}
EPILOG = """\b
Examples:
  sealdrop ls
  sealdrop ls --keyword invoice --sort name
  sealdrop ls --trashed
  sealdrop ls --status rejected
  sealdrop ls --all --json
"""


@click.command("ls", epilog=EPILOG, short_help="List files, newest first.")
@click.option("--keyword", metavar="TEXT", help="Only files whose name holds this text, in upper or lower case.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="newest", show_default=True, help="What comes first.")
@click.option("--trashed", is_flag=True, help="List the trash.")
@click.option("--status", type=click.Choice(["ready", "pending", "rejected"]), help="Only these.")
@limit_options
@json_option
def command(
    keyword: str | None,
    sort: str,
    trashed: bool,  # noqa: FBT001 - click passes by name
    status: str | None,
    limit: int,
    all_wanted: bool,  # noqa: FBT001 - the same
    json_wanted: bool,  # noqa: FBT001 - the same
) -> int:
    """List the account's files. Times are in your own time zone."""
    from sealdrop.errors import UsageError
    from sealdrop.output import print_json

    if trashed and status:
        raise UsageError("the trash holds ready files only: leave out --status or --trashed")
    if keyword == "":
        raise UsageError("the keyword is empty: leave out --keyword")
    listed = partial(connect().files, trashed=trashed, status=status, keyword=keyword, sort=SORTS[sort])
    files = up_to(limit, listed, all_wanted=all_wanted)
    if json_wanted:
        print_json(files)
        return 0
    if not files:
        click.echo(_nothing(keyword, status, trashed=trashed), err=True)
        return 0
    _print(files)
    return 0


def _print(files: "list[File]") -> None:
    from sealdrop.output import local_time, print_table
    from sealdrop.units import human_size

    rows = [
        (
            file.id,
            human_size(file.size),
            "yes" if file.encryption_mode == "client" else "no",
            local_time(file.created_at),
            local_time(file.expires_at),
            f"{file.full_filename}: {file.rejected_reason}" if file.rejected_reason else file.full_filename,
        )
        for file in files
    ]
    print_table(("ID", "SIZE", "SEALED", "CREATED", "EXPIRES", "NAME"), rows)


def _nothing(keyword: str | None, status: str | None, *, trashed: bool) -> str:
    if keyword is not None:
        return "no name there holds this"
    if trashed:
        return "the trash is empty"
    return f"no {status} files" if status else "no files yet: sealdrop put FILE"
