"""sealdrop rm"""

import click

from sealdrop.commands.common import connect, each, json_option

EPILOG = """\b
Examples:
  sealdrop rm 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sealdrop rm --permanent ID ID
  sealdrop ls --trashed

The trash is emptied after 30 days. What is purged never comes back: its key goes first.
"""


@click.command("rm", epilog=EPILOG, short_help="Move files to the trash, or purge them.")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@click.option("--permanent", is_flag=True, help="Purge: key, bytes and record end now.")
@json_option
def command(ids: tuple[str, ...], permanent: bool, json_wanted: bool) -> int:  # noqa: FBT001 - click passes by name
    """Move files to the trash. Repeating it changes nothing; --permanent ends them for good."""
    from sealdrop.output import print_json

    client, done = connect(), list[dict[str, str]]()
    outcome = "purged" if permanent else "trashed"

    def remove(file_id: str) -> None:
        if permanent:
            client.purge(file_id)
        else:
            client.trash(file_id)
        done.append({"id": file_id, "outcome": outcome})
        if not json_wanted:
            click.echo(f"{outcome} {file_id}")

    code = each(ids, remove, json_wanted=json_wanted)
    if json_wanted:
        print_json(done)
    return code
