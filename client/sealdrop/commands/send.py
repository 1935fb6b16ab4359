"""sealdrop send"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import click

from sealdrop.commands.common import connect, json_option, ready_files, uploads_kept
from sealdrop.durations import expiry
from sealdrop.errors import UsageError

if TYPE_CHECKING:
    from sealdrop.models import EncryptionMode, File

EPILOG = """\b
Examples:
  sealdrop send invoice.pdf --to carol@example.net
  sealdrop send a.pdf b.pdf --to carol@example.net --to "Dave <dave@example.net>"
  sealdrop send offer.pdf --to carol@example.net --subject Offer --body-file letter.txt
  SEALDROP_MAIL_PIN=1a2s3d sealdrop send offer.pdf --to carol@example.net --expires 3d
  sealdrop send 7c9e6679-7425-40de-944b-e07fc1f90ae7 --to carol@example.net

A FILE that is an id means a file that is there already. Each recipient gets a mail of their own: users of the
service find it in their inbox, others get an e-mail with a link.

A mail's PIN is asked of whoever gets the files: tell it by another way than the mail. It is not SEALDROP_PIN, which is
yours. What is on a command line, --pin too, can be seen by other users of the machine.
"""


@click.command("send", epilog=EPILOG, short_help="Send files to people; prints the mails' ids.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--to", "recipients", multiple=True, required=True, metavar="EMAIL", help="May be repeated, 50 times.")
@click.option("--subject", metavar="S", help="Else the files' names.")
@click.option("--body", metavar="B", help="Plain text.")
@click.option("--body-file", type=click.File(encoding="utf-8"), metavar="PATH", help="From a file; - is stdin.")
@click.option("--pin", envvar="SEALDROP_MAIL_PIN", metavar="P", help="Asked of its readers; or SEALDROP_MAIL_PIN.")
@click.option("--expires", "expires_text", metavar="WHEN", help="As 12h, 7d, 2w, or a time; else 14 days.")
@click.option("--max-downloads", type=click.IntRange(1, 100), metavar="N", help="Of each recipient; else 10.")
@click.option("--encryption", type=click.Choice(["client", "server"]), default="client", help="As sealdrop put has it.")
@json_option
def command(
    files: tuple[str, ...],
    recipients: tuple[str, ...],
    subject: str | None,
    body: str | None,
    body_file: TextIO | None,
    pin: str | None,
    expires_text: str | None,
    max_downloads: int | None,
    encryption: "EncryptionMode",
    json_wanted: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Upload files, sealed on this machine, and send them by mail. A FILE may also be the id of one that is ready."""
    from sealdrop.mailing import recipient_of
    from sealdrop.output import note, print_json

    if body is not None and body_file is not None:
        raise UsageError("--body and --body-file are two bodies, and a mail has one")
    expires_at = expiry(expires_text, datetime.now(UTC)) if expires_text else None
    for recipient in recipients:
        recipient_of(recipient)  # refused before anything is uploaded
    text = _text_of(body_file) if body_file else body or ""
    client = connect()
    ready = ready_files(client, files, encryption)
    with uploads_kept(files, ready):
        sent = client.send(
            ready,
            recipients,
            subject or _subject(ready),
            text,
            pin=pin,
            expires_at=expires_at,
            max_downloads=max_downloads,
        )
    if json_wanted:
        print_json(sent)
        return
    for mail in sent:
        note(f"{mail.identifier} to {mail.recipient.email}, until {mail.expires_at:%Y-%m-%d}")
        click.echo(mail.id)


def _text_of(file: TextIO) -> str:
    try:
        return file.read()
    except UnicodeDecodeError:
        raise UsageError("the mail's body is not text in UTF-8") from None


def _subject(files: "list[File]") -> str:
    first = files[0].full_filename[:180]
    return first if len(files) == 1 else f"{first} and {len(files) - 1} more"
