"""sealdrop token create|ls|rm"""

from datetime import UTC, datetime

import click

from sealdrop.commands.common import connect, each, json_option, limit_options, looked_up, up_to
from sealdrop.durations import expiry

# For help, and to refuse a typing error before anything is sent; the service has the last word.
SCOPES = (
    "files:read",
    "files:write",
    "downloads",
    "tokens",
    "account",
    "mails:read",
    "mails:send",
    "inbox:read",
    "events",
    "webhooks",
)
SCOPE_HELP = f"What it may do; may be repeated. One of {', '.join(SCOPES)}."


@click.group("token", short_help="Create, list and revoke API tokens.")
def command() -> None:
    """API tokens: what programs use in your name. A token can't make one wider than itself."""


@command.command(
    "create",
    epilog="""\b
Examples:
  sealdrop token create backup --scope files:write
  sealdrop token create ci --scope files:read --scope downloads --expires 30d
""",
)
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), metavar="SCOPE", help=SCOPE_HELP
)
@click.option("--expires", "expires_text", metavar="WHEN", help="As 30m, 12h, 7d, 2w, or a time.")
@json_option
def create(name: str, scopes: tuple[str, ...], expires_text: str | None, json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """Create a token. Its secret goes to standard output, this once."""
    from sealdrop.output import note, print_json

    expires_at = expiry(expires_text, datetime.now(UTC)) if expires_text else None
    made = connect().create_token(name, scopes, expires_at)
    if json_wanted:
        print_json(made)
        return
    note(f"token {made.id}, shown this once:")
    click.echo(made.token)


@command.command("ls", epilog="\b\nExamples:\n  sealdrop token ls\n  sealdrop token ls --json\n")
@limit_options
@json_option
def ls(limit: int, all_wanted: bool, json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """List your tokens, without their secrets."""
    from sealdrop.output import local_time, print_json, print_table

    tokens = up_to(limit, connect().tokens, all_wanted=all_wanted)
    if json_wanted:
        print_json(tokens)
        return
    if not tokens:
        click.echo("no tokens yet: sealdrop token create NAME --scope SCOPE", err=True)
        return
    rows = [
        (
            token.id,
            token.name,
            local_time(token.created_at),
            local_time(token.expires_at),
            local_time(token.last_used_at),
            " ".join(token.scopes),
        )
        for token in tokens
    ]
    print_table(("ID", "NAME", "CREATED", "EXPIRES", "LAST USED", "SCOPES"), rows)


@command.command("rm", epilog="\b\nExamples:\n  sealdrop token rm 3f0e6f7c-5a53-4d0b-9d0e-2b1f0f4d3c11\n")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@json_option
def rm(ids: tuple[str, ...], json_wanted: bool) -> int:  # noqa: FBT001 - click passes by name
    """Revoke tokens: they stop working at once."""
    from sealdrop.output import print_json

    client, done = connect(), list[dict[str, str]]()

    def revoke(token_id: str) -> None:
        with looked_up("sealdrop token ls"):
            client.revoke_token(token_id)
        done.append({"id": token_id, "outcome": "revoked"})
        if not json_wanted:
            click.echo(f"revoked {token_id}")

    code = each(ids, revoke, json_wanted=json_wanted)
    if json_wanted:
        print_json(done)
    return code
