"""sealdrop webhook add|ls|rm|deliveries|redeliver"""

from functools import partial

import click

from sealdrop.commands.common import connect, each, json_option, limit_options, looked_up, up_to

# For help, and to refuse a typing error before anything is sent; the service has the last word.
TYPES = ("file.ready", "mail.opened", "download.performed")


@click.group("webhook", short_help="Have events sent to an address.")
def command() -> None:
    """Webhooks: events are posted to an address of yours, signed as Standard Webhooks has it."""


@command.command(
    "add",
    epilog="""\b
Examples:
  sealdrop webhook add https://example.com/hooks
  sealdrop webhook add https://example.com/hooks --type file.ready --type mail.opened
""",
)
@click.argument("url")
@click.option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), metavar="TYPE", help=f"One of {', '.join(TYPES)}; all."
)
@json_option
def add(url: str, types: tuple[str, ...], json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """Make a webhook. The secret that its requests are signed with goes to standard output, this once."""
    from sealdrop.output import note, print_json

    made = connect().create_webhook(url, types)
    if json_wanted:
        print_json(made)
        return
    note(f"webhook {made.id}, its secret shown this once:")
    click.echo(made.secret)


@command.command("ls", epilog="\b\nExamples:\n  sealdrop webhook ls\n  sealdrop webhook ls --json\n")
@json_option
def ls(json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """List the account's webhooks, without their secrets."""
    from sealdrop.output import local_time, print_json, print_table

    webhooks = connect().webhooks()
    if json_wanted:
        print_json(webhooks)
        return
    if not webhooks:
        click.echo("no webhooks yet: sealdrop webhook add URL", err=True)
        return
    rows = [(each.id, local_time(each.created_at), " ".join(each.types), each.url) for each in webhooks]
    print_table(("ID", "CREATED", "TYPES", "URL"), rows)


@command.command("rm", epilog="\b\nExamples:\n  sealdrop webhook rm 3f0e6f7c-5a53-4d0b-9d0e-2b1f0f4d3c11\n")
@click.argument("ids", nargs=-1, required=True, metavar="ID…")
@json_option
def rm(ids: tuple[str, ...], json_wanted: bool) -> int:  # noqa: FBT001 - click passes by name
    """Delete webhooks: nothing is sent there any more."""
    from sealdrop.output import print_json

    client, done = connect(), list[dict[str, str]]()

    def delete(webhook_id: str) -> None:
        with looked_up("sealdrop webhook ls"):
            client.delete_webhook(webhook_id)
        done.append({"id": webhook_id, "outcome": "deleted"})
        if not json_wanted:
            click.echo(f"deleted {webhook_id}")

    code = each(ids, delete, json_wanted=json_wanted)
    if json_wanted:
        print_json(done)
    return code


@command.command(
    "deliveries", epilog="\b\nExamples:\n  sealdrop webhook deliveries 3f0e6f7c-5a53-4d0b-9d0e-2b1f0f4d3c11\n"
)
@click.argument("webhook_id", metavar="ID")
@limit_options
@json_option
def deliveries(webhook_id: str, limit: int, all_wanted: bool, json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """List what was sent to a webhook in the last 30 days, newest first, and what came of it."""
    from sealdrop.output import local_time, print_json, print_table

    with looked_up("sealdrop webhook ls"):
        found = up_to(limit, partial(connect().deliveries, webhook_id), all_wanted=all_wanted)
    if json_wanted:
        print_json(found)
        return
    if not found:
        click.echo("nothing was sent there yet", err=True)
        return
    rows = [
        (
            each.id,
            each.type,
            each.status,
            str(each.attempts),
            local_time(each.tried_at),
            local_time(each.next_at),
            str(each.response_status or each.problem or "-"),
        )
        for each in found
    ]
    print_table(("ID", "TYPE", "STATUS", "TRIES", "LAST", "NEXT", "ANSWER"), rows)


@command.command(
    "redeliver",
    epilog="""\b
Examples:
  sealdrop webhook redeliver $WEBHOOK $DELIVERY
""",
)
@click.argument("webhook_id", metavar="ID")
@click.argument("delivery_id", metavar="DELIVERY")
@json_option
def redeliver(webhook_id: str, delivery_id: str, json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """Send a delivery again, under the id that it had."""
    from sealdrop.output import print_json

    with looked_up("sealdrop webhook deliveries"):
        ordered = connect().redeliver(webhook_id, delivery_id)
    if json_wanted:
        print_json(ordered)
        return
    click.echo(f"ordered {ordered.id} again")
