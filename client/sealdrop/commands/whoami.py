"""sealdrop whoami"""

import click

from sealdrop.commands.common import connect, json_option


@click.command(
    "whoami",
    epilog="\b\nExamples:\n  sealdrop whoami\n  sealdrop whoami --json\n",
    short_help="Show whose token this is.",
)
@json_option
def command(json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """Show the user, the account and the token in use."""
    from sealdrop.names import printable
    from sealdrop.output import local_time, print_json

    client = connect()
    user = client.user()
    if json_wanted:
        print_json(user)
        return
    expires = f", expires {local_time(user.token.expires_at)}" if user.token.expires_at else ""
    for title, text in (
        ("user", f"{user.name} <{user.email}>"),
        ("account", user.account.name),
        ("token", f"{user.token.name}{expires}"),
        ("scopes", " ".join(user.token.scopes)),
        ("service", client.url),
    ):
        click.echo(f"{title:8} {printable(text)}")
