"""sealdrop edit"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sealdrop.commands.common import connect, json_option
from sealdrop.durations import expiry
from sealdrop.errors import UsageError

if TYPE_CHECKING:
    from sealdrop.models import File

EPILOG = """\b
Examples:
  sealdrop edit 7c9e6679-7425-40de-944b-e07fc1f90ae7 --name invoice-2026.pdf
  sealdrop edit 7c9e6679-7425-40de-944b-e07fc1f90ae7 --expires 30d
  sealdrop edit 7c9e6679-7425-40de-944b-e07fc1f90ae7 --no-expiry --no-category

What is not named stays as it is. Mails and downloads show a new name from then on.
"""


@click.command("edit", epilog=EPILOG, short_help="Rename a file, change its expiry or category.")
@click.argument("file_id", metavar="ID")
@click.option("--name", metavar="NAME", help="With its extension.")
@click.option("--expires", "expires_text", metavar="WHEN", help="As 30m, 12h, 7d, 2w, or a time.")
@click.option("--no-expiry", is_flag=True, help="It does not end by itself.")
@click.option("--category", "category_id", metavar="ID", help="Put it in this category.")
@click.option("--no-category", is_flag=True, help="It is in none.")
@json_option
def command(
    file_id: str,
    name: str | None,
    expires_text: str | None,
    no_expiry: bool,  # noqa: FBT001 - click passes by name
    category_id: str | None,
    no_category: bool,  # noqa: FBT001 - the same
    json_wanted: bool,  # noqa: FBT001 - the same
) -> None:
    """Change a file's name, expiry or category. Prints what it is then."""
    from sealdrop.output import print_json

    if expires_text and no_expiry:
        raise UsageError("--expires and --no-expiry cannot both be")
    if category_id and no_category:
        raise UsageError("--category and --no-category cannot both be")
    changes: dict[str, Any] = {} if name is None else {"name": name}
    if expires_text or no_expiry:
        changes["expires_at"] = expiry(expires_text, datetime.now(UTC)) if expires_text else None
    if category_id or no_category:
        changes["category_id"] = category_id
    if not changes:
        raise UsageError("there is nothing to change", hint="Name --name, --expires, --category, or their opposites.")
    file = connect().update_file(file_id, **changes)
    if json_wanted:
        print_json(file)
    else:
        click.echo(_told(file))


def _told(file: "File") -> str:
    from sealdrop.names import printable
    from sealdrop.output import local_time

    expiry_told = f"expires {local_time(file.expires_at)}" if file.expires_at else "does not expire"
    category = f"category {file.category_id}" if file.category_id else "no category"
    return printable(f"changed {file.id}: {file.full_filename}, {expiry_told}, {category}")
