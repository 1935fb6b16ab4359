"""sealdrop events"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from sealdrop.commands.common import connect, json_option, limit_options, up_to

if TYPE_CHECKING:
    from sealdrop.events import Event

EPILOG = """\b
Examples:
  sealdrop events
  sealdrop events --file 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sealdrop events --type download.performed --all --json
  sealdrop events --verify
"""


@click.command("events", epilog=EPILOG, short_help="List the audit log, newest first, or verify it.")
@click.option("--file", "file_id", metavar="ID", help="Only what concerns this file.")
@click.option("--mail", "mail_id", metavar="ID", help="Only what concerns this mail.")
@click.option("--type", "event_type", metavar="TYPE", help="Only these, as download.performed.")
@limit_options
@click.option("--verify", "verify_wanted", is_flag=True, help="Follow the chain of all events, and say what is wrong.")
@click.option("--known", metavar="END", help="With --verify: an end that it printed before.")
@json_option
def command(
    file_id: str | None,
    mail_id: str | None,
    event_type: str | None,
    limit: int,
    all_wanted: bool,  # noqa: FBT001 - click passes by name
    verify_wanted: bool,  # noqa: FBT001 - click passes by name
    known: str | None,
    json_wanted: bool,  # noqa: FBT001 - click passes by name
) -> int:
    """Who did what, when and from where: the account's audit log. Times are in your own time zone."""
    from sealdrop.errors import UsageError
    from sealdrop.output import print_json

    given = [value for value in (file_id, mail_id, event_type) if value is not None]
    if len(given) > 1 or (given and verify_wanted):
        raise UsageError("use one of --file, --mail, --type and --verify")
    if verify_wanted:
        return _verify(known, json_wanted=json_wanted)
    if known:
        raise UsageError("--known is for --verify")
    listed = partial(connect().events, file=file_id, mail=mail_id, type=event_type)
    events = up_to(limit, listed, all_wanted=all_wanted)
    if json_wanted:
        print_json(events)
        return 0
    if not events:
        click.echo("no such events", err=True)
        return 0
    _print(events)
    return 0


def _print(events: Sequence["Event"]) -> None:
    from sealdrop.output import print_table

    rows = [
        (
            str(event.sequence),
            event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z"),
            event.type,
            event.outcome,
            event.actor,
            event.ip or "-",
            " ".join(f"{kind}:{value}" for kind, value in sorted(event.subject.items())),
        )
        for event in events
    ]
    print_table(("NO.", "AT", "TYPE", "OUTCOME", "ACTOR", "ADDRESS", "SUBJECT"), rows)


def _verify(known: str | None, *, json_wanted: bool) -> int:
    from sealdrop.events import ChainEnd
    from sealdrop.output import print_json

    verified = connect().verify_events(ChainEnd.parse(known) if known else None)
    if json_wanted:
        print_json(
            {
                "sound": not verified.problems,
                "count": verified.count,
                "end": str(verified.end),
                "problems": verified.problems,
            }
        )
    else:
        for problem in verified.problems:
            click.echo(problem, err=True)
        state = "are not as they were written" if verified.problems else "are sound"
        click.echo(f"{verified.count} events {state}; end {verified.end}")
    return 1 if verified.problems else 0
