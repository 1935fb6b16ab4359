"""sealdrop inbox"""

from functools import partial
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, json_option, limit_options, looked_up, up_to

if TYPE_CHECKING:
    from sealdrop.mail_models import InboxMail

EPILOG = """\b
Examples:
  sealdrop inbox
  sealdrop inbox 1d0f3a52-9c41-8f2e-a9b7-0f4f6b6e2a11     reads it: its sender sees that
  sealdrop get 1d0f3a52-9c41-8f2e-a9b7-0f4f6b6e2a11       fetches its files
  sealdrop inbox --keyword invoice --json
"""


@click.command("inbox", epilog=EPILOG, short_help="List mails received, or read one.")
@click.argument("mail_id", required=False, metavar="[ID]")
@click.option("--keyword", metavar="TEXT", help="Only those whose subject, reference or sender holds it.")
@limit_options
@click.option("--hide", is_flag=True, help="Take the mail out of the inbox; its sender sees no difference.")
@json_option
def command(
    mail_id: str | None,
    keyword: str | None,
    limit: int,
    all_wanted: bool,  # noqa: FBT001 - click passes by name
    hide: bool,  # noqa: FBT001 - the same
    json_wanted: bool,  # noqa: FBT001 - the same
) -> None:
    """List the mails you have received, newest first, or read one of them. Times are in your own time zone."""
    from sealdrop.errors import UsageError
    from sealdrop.output import print_json

    client = connect()
    if mail_id is None:
        if hide:
            raise UsageError("name the mail to hide")
        return _list(up_to(limit, partial(client.inbox, keyword=keyword), all_wanted=all_wanted), json_wanted)
    if hide:
        with looked_up("sealdrop inbox"):
            client.hide(mail_id)
        return click.echo(f"hidden {mail_id}") if not json_wanted else print_json({"id": mail_id, "outcome": "hidden"})
    with looked_up("sealdrop inbox"):
        mail = client.read(mail_id)
    return print_json(mail) if json_wanted else _show(mail)


def _list(mails: "list[InboxMail]", json_wanted: bool) -> None:  # noqa: FBT001 - passed on as it came
    from sealdrop.output import local_time, print_json, print_table

    if json_wanted:
        return print_json(mails)
    if not mails:
        return click.echo("no mails yet", err=True)
    rows = [
        (
            mail.id,
            local_time(mail.received_at),
            "" if mail.opened else "new",
            f"{mail.sender.name} <{mail.sender.email}>",
            mail.subject,
        )
        for mail in mails
    ]
    return print_table(("ID", "RECEIVED", "", "FROM", "SUBJECT"), rows)


def _show(mail: "InboxMail") -> None:
    from sealdrop.html_text import as_text
    from sealdrop.mail_text import state_of, writing
    from sealdrop.names import printable
    from sealdrop.output import local_time

    state = state_of(mail.revoked_at, mail.expires_at)
    lines = [
        ("From", f"{mail.sender.name} <{mail.sender.email}>"),
        ("Received", local_time(mail.received_at)),
        ("Subject", mail.subject),
        ("Reference", mail.identifier),
        ("State", state),
    ]
    awaits_pin = state == "open" and mail.pin_required and not mail.opened
    unread = "(it is read once its files were fetched with its PIN)" if awaits_pin else "(it cannot be read any more)"
    click.echo(writing(lines, unread if mail.body is None else as_text(mail.body), mail.files))
    if mail.files or (mail.pin_required and mail.uses_left):  # behind a PIN they are not told
        click.echo("\n" + printable(f"Fetch them: sealdrop get {mail.id}"))
