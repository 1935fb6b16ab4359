"""sealdrop pin set|rm"""

import sys

import click

from sealdrop.commands.common import ask_pin, connect, json_option
from sealdrop.errors import PinRequired

current_option = click.option(
    "--current-pin", "current", envvar="SEALDROP_PIN", metavar="PIN", help="The PIN as it is now; or SEALDROP_PIN."
)


@click.group("pin", short_help="Set, change or remove your PIN.")
def command() -> None:
    """Your PIN: asked for before files are handed out in your name. Five wrong ones lock it for 15 minutes."""


@command.command(
    "set",
    epilog="""\b
Examples:
  sealdrop pin set
  SEALDROP_PIN=old SEALDROP_NEW_PIN=new sealdrop pin set

PINs are asked for, unseen, where they are not given. What is on a command line can be seen by other users of the
machine.
""",
)
@click.option("--pin", "new", envvar="SEALDROP_NEW_PIN", metavar="PIN", help="The new PIN; or SEALDROP_NEW_PIN.")
@current_option
@json_option
def set_pin(new: str | None, current: str | None, json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """Set your PIN, 4 to 64 characters, or change it."""
    from sealdrop.output import print_json

    client = connect()
    known = _known(current, "Current PIN") if client.user().has_pin else None
    user = client.set_pin(new if new is not None else _asked("New PIN", "SEALDROP_NEW_PIN", twice=True), known)
    if json_wanted:
        print_json({"has_pin": user.has_pin})
    else:
        click.echo("the PIN is changed" if known is not None else "the PIN is set")


@command.command("rm", epilog="\b\nExamples:\n  sealdrop pin rm\n  SEALDROP_PIN=old sealdrop pin rm\n")
@current_option
@json_option
def rm(current: str | None, json_wanted: bool) -> None:  # noqa: FBT001 - click passes by name
    """Do without a PIN from now on."""
    from sealdrop.output import print_json

    client = connect()
    if client.user().has_pin:
        client.remove_pin(_known(current, "Current PIN"))
    if json_wanted:
        print_json({"has_pin": False})
    else:
        click.echo("there is no PIN any more")


def _known(given: str | None, title: str) -> str:
    return given if given is not None else _asked(title, "SEALDROP_PIN")


def _asked(title: str, variable: str, *, twice: bool = False) -> str:
    """Raises PinRequired where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise PinRequired(f"the {title.lower().replace('pin', 'PIN')} is needed", hint=f"Set {variable}.")
    return ask_pin(title, twice=twice)
