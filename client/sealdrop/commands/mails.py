"""sealdrop mails"""

from functools import partial
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, json_option, limit_options, looked_up, up_to

if TYPE_CHECKING:
    from sealdrop.mail_models import Mail
    from sealdrop.models import Person

EPILOG = """\b
Examples:
  sealdrop mails
  sealdrop mails 1d0f3a52-9c41-8f2e-a9b7-0f4f6b6e2a11
  sealdrop mails 1d0f3a52-9c41-8f2e-a9b7-0f4f6b6e2a11 --revoke
  sealdrop mails --keyword carol@example.net --json
"""


@click.command("mails", epilog=EPILOG, short_help="List mails sent, show one, or revoke it.")
@click.argument("mail_id", required=False, metavar="[ID]")
@click.option("--keyword", metavar="TEXT", help="Only those whose subject, reference, recipient or sender holds it.")
@limit_options
@click.option("--revoke", is_flag=True, help="End every access through the mail, at once.")
@json_option
def command(
    mail_id: str | None,
    keyword: str | None,
    limit: int,
    all_wanted: bool,  # noqa: FBT001 - click passes by name
    revoke: bool,  # noqa: FBT001 - the same
    json_wanted: bool,  # noqa: FBT001 - the same
) -> None:
    """List the mails your account has sent, newest first, or show one of them. Times are in your own time zone."""
    from sealdrop.errors import UsageError
    from sealdrop.output import print_json

    client = connect()
    if mail_id is None:
        if revoke:
            raise UsageError("name the mail to revoke")
        return _list(up_to(limit, partial(client.mails, keyword=keyword), all_wanted=all_wanted), json_wanted)
    if revoke:
        with looked_up("sealdrop mails"):
            client.revoke(mail_id)
        done = {"id": mail_id, "outcome": "revoked"}
        return click.echo(f"revoked {mail_id}") if not json_wanted else print_json(done)
    with looked_up("sealdrop mails"):
        mail = client.mail(mail_id)
    return print_json(mail) if json_wanted else _show(mail)


def _list(mails: "list[Mail]", json_wanted: bool) -> None:  # noqa: FBT001 - passed on as it came
    from sealdrop.output import local_time, print_json, print_table

    if json_wanted:
        return print_json(mails)
    if not mails:
        return click.echo("no mails yet: sealdrop send FILE… --to EMAIL", err=True)
    rows = [(mail.id, local_time(mail.created_at), _state(mail), mail.recipient.email, mail.subject) for mail in mails]
    return print_table(("ID", "CREATED", "STATE", "TO", "SUBJECT"), rows)


def _state(mail: "Mail") -> str:
    from sealdrop.mail_text import state_of

    if mail.status == "failed":
        return "failed"
    ended = state_of(mail.revoked_at, mail.expires_at)
    if ended != "open":
        return ended
    return "opened" if mail.opened_at else "sent" if mail.status == "success" else mail.status


def _show(mail: "Mail") -> None:
    from sealdrop.html_text import as_text
    from sealdrop.mail_text import writing
    from sealdrop.output import local_time

    lines = [
        ("To", _addressed(mail.recipient)),
        ("Created", local_time(mail.created_at)),
        ("Sent", local_time(mail.sent_at)),
        ("Opened", local_time(mail.opened_at)),
        ("Subject", mail.subject),
        ("Reference", mail.identifier),
        ("State", f"{_state(mail)}: {mail.failed_reason}" if mail.failed_reason else _state(mail)),
        ("Expires", local_time(mail.expires_at)),
        ("Downloads", f"{'-' if mail.uses_left is None else mail.uses_left} of {mail.max_downloads} left"),
    ]
    click.echo(writing(lines, as_text(mail.body or ""), mail.files))


def _addressed(recipient: "Person") -> str:
    """A recipient without a name is called by the address."""
    return recipient.email if recipient.name == recipient.email else f"{recipient.name} <{recipient.email}>"
