"""sealdrop ls"""

from itertools import islice

import click

from sealdrop.commands.common import connect, json_option

EPILOG = """\b
Examples:
  sealdrop ls
  sealdrop ls --trashed
  sealdrop ls --status rejected
  sealdrop ls --limit 1000 --json
"""


@click.command("ls", epilog=EPILOG, short_help="List files, newest first.")
@click.option("--trashed", is_flag=True, help="List the trash.")
@click.option("--status", type=click.Choice(["ready", "pending", "rejected"]), help="Only these.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List this many at most.")
@json_option
def command(trashed: bool, status: str | None, limit: int, json_wanted: bool) -> int:  # noqa: FBT001 - click passes by name
    """List the account's files, newest first. Times are in your own time zone."""
    from sealdrop.errors import UsageError
    from sealdrop.output import human_size, local_time, note, print_json, print_table

    if trashed and status:
        raise UsageError("the trash holds ready files only: leave out --status or --trashed")
    listed = connect().files(trashed=trashed, status=status, page_size=min(limit, 100))
    files = list(islice(listed, limit))
    if json_wanted:
        print_json(files)
        return 0
    if not files:
        click.echo("the trash is empty" if trashed else f"no {status} files" if status else EMPTY, err=True)
        return 0
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
    if next(listed, None) is not None:
        note(f"there are more: sealdrop ls --limit {limit * 2}")
    return 0


EMPTY = "no files yet: sealdrop put FILE"
