"""sealdrop login"""

import sys

import click

EPILOG = """\b
Examples:
  sealdrop login https://files.example.com/api
  pass show sealdrop | sealdrop login https://files.example.com/api

The token is asked for, or read from standard input; it is never an argument, where other users of the machine could
see it. Address and token are stored in a file that only you can read.
"""


@click.command("login", epilog=EPILOG, short_help="Store the service's address and a token.")
@click.argument("url", required=False)
def command(url: str | None) -> None:
    """Store the service's address and an API token, after trying them."""
    from sealdrop.client import Client
    from sealdrop.config import Settings, store
    from sealdrop.errors import ApiError
    from sealdrop.http import api_base
    from sealdrop.names import printable

    interactive = sys.stdin.isatty()
    if not url and not interactive:
        raise click.UsageError("name the service's address: sealdrop login URL")
    base = api_base(url or click.prompt("Address of the service", err=True))
    token = click.prompt("API token", hide_input=True, err=True) if interactive else sys.stdin.readline(4096)
    client = Client(base, token.strip())
    try:
        who = client.user().email
    except ApiError as error:
        if error.code != "missing_scope":  # a token may do without the scope to read its user
            raise
        who = "a token without the scope account"
    path = store(Settings(base, token.strip()))
    click.echo(f"logged in to {base} as {printable(who)}; stored in {path}", err=True)
