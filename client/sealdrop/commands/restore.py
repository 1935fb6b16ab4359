"""sealdrop restore"""

import click

from sealdrop.commands.common import connect, each, json_option


@click.command(
    "restore",
    epilog="\b\nExamples:\n  sealdrop restore 7c9e6679-7425-40de-944b-e07fc1f90ae7\n  sealdrop ls --trashed\n",
    short_help="Take files out of the trash.",
)
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@json_option
def command(ids: tuple[str, ...], json_wanted: bool) -> int:  # noqa: FBT001 - click passes by name
    """Take files out of the trash, as they were. Repeating it changes nothing."""
    from sealdrop.output import print_json

    client, done = connect(), list[dict[str, str]]()

    def restore(file_id: str) -> None:
        client.restore(file_id)
        done.append({"id": file_id, "outcome": "restored"})
        if not json_wanted:
            click.echo(f"restored {file_id}")

    code = each(ids, restore, json_wanted=json_wanted)
    if json_wanted:
        print_json(done)
    return code
