"""sealdrop link"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, json_option, looked_up, ready_files, uploads_kept, with_pin
from sealdrop.durations import expiry
from sealdrop.errors import PinRequired, UsageError

if TYPE_CHECKING:
    from sealdrop.client import Client
    from sealdrop.models import DownloadKey, EncryptionMode

EPILOG = """\b
Examples:
  sealdrop link invoice.pdf --encryption server      for a browser
  sealdrop link a.pdf b.pdf --expires 3d --max-downloads 5
  SEALDROP_MAIL_PIN=1a2s3d sealdrop link offer.pdf
  sealdrop link 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sealdrop link --revoke DOWNLOAD-ID                 as --json says it

Whoever has the link has the files, as often as --max-downloads says: send it by a way you trust, and its PIN by
another one. Files sealed here open with sealdrop get 'LINK' alone; a browser opens those of --encryption server.

A FILE that is an id means a file that is there already. Making a link takes your own PIN, if you have one: it is asked
for, or taken from SEALDROP_PIN. What is on a command line, --pin too, can be seen by other users of the machine.
"""


@click.command("link", epilog=EPILOG, short_help="Make a link to files; prints it.")
@click.argument("files", nargs=-1, metavar="FILE…")
@click.option("--pin", envvar="SEALDROP_MAIL_PIN", metavar="P", help="Asked of its users; or SEALDROP_MAIL_PIN.")
@click.option("--own-pin", envvar="SEALDROP_PIN", metavar="P", help="Yours, else asked for; or SEALDROP_PIN.")
@click.option("--expires", default="14d", show_default=True, metavar="WHEN", help="As 12h, 7d, 2w, or a time.")
@click.option(
    "--max-downloads",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="How often the link works.",
)
@click.option("--encryption", type=click.Choice(["client", "server"]), default="client", help="As sealdrop put has it.")
@click.option("--revoke", metavar="ID", help="End a link instead, at once, by its download's id.")
@json_option
def command(
    files: tuple[str, ...],
    pin: str | None,
    own_pin: str | None,
    expires: str,
    max_downloads: int,
    encryption: "EncryptionMode",
    revoke: str | None,
    json_wanted: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Upload files, sealed on this machine, and make one link to all of them."""
    from sealdrop.output import local_time, note, print_json

    if bool(files) == bool(revoke):
        raise UsageError("name the files to link to, or a link's download with --revoke")
    expires_at = expiry(expires, datetime.now(UTC))
    client = connect()
    if revoke:
        with looked_up("sealdrop events --type download.created"):
            client.revoke_download(revoke)
        if json_wanted:
            print_json({"id": revoke, "revoked": True})
        else:
            click.echo(f"revoked {revoke}")
        return
    client.link_to("")  # refuses before anything is uploaded
    ready = ready_files(client, files, encryption)
    with uploads_kept(files, ready):
        download = client.create_download(
            [file.id for file in ready], expires_at=expires_at, max_downloads=max_downloads, pin=pin
        )
        key = _keyed(client, download.id, own_pin)
    link = client.link_to(key.key)
    note(f"until {local_time(download.expires_at)}; to end it: sealdrop link --revoke {download.id}")
    if json_wanted:
        print_json(
            {"link": link, "id": download.id, "expires_at": download.expires_at, "uses_left": download.uses_left}
        )
    else:
        click.echo(link)


def _keyed(client: "Client", download_id: str, own_pin: str | None) -> "DownloadKey":
    try:
        return with_pin(lambda own: client.create_download_key(download_id, pin=own), own_pin, "Your PIN")
    except PinRequired as error:
        error.hint = "Give it at the prompt, by SEALDROP_PIN, or with --own-pin."  # --pin is the link's
        raise
