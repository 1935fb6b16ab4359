"""sealdrop get"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sealdrop.commands.common import connect, json_option, with_pin, with_pins
from sealdrop.names import printable

if TYPE_CHECKING:
    from sealdrop.client import Client
    from sealdrop.saving import SavedFile
    from sealdrop.targets import Key

EPILOG = """\b
Examples:
  sealdrop get 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sealdrop get https://HOST/d#KEY -o invoice.pdf
  sealdrop get KEY -o inbox/            several files: into a directory
  sealdrop get ID -o - | tar xz
  sealdrop get ID                       asks for your PIN, if you have one
  sealdrop get MAIL-ID                  the files of a mail in your inbox

Nothing appears at its place before all of it has been received and verified. Names come from the sender: they are
used without any directory, with _ in place of a dot at their start, and never replace a file unless --force is given.
A path named with -o is replaced; a link is followed, a device or pipe written into.

A download by key, link or mail that was cut off goes on when the same command is run again, for up to six hours, on
this machine; no further use is spent.

Where a PIN is needed it is asked for, or taken from SEALDROP_PIN for a file of yours: your own; and from
SEALDROP_MAIL_PIN for a key or a link: the sender's. A mail in your inbox may take both. Where a link names another
host than that of your own service, neither variable is read. What is on a command line, --pin too, can be seen by other
users of the machine.
"""


@click.command("get", epilog=EPILOG, short_help="Download by id, key or link.")
@click.argument("what", metavar="ID|KEY|LINK")
@click.option("-o", "output", metavar="PATH", help="File or directory to write; - is standard output.")
@click.option("--force", is_flag=True, help="Replace files that are in the way.")
@click.option(
    "--pin", envvar="SEALDROP_PIN", metavar="PIN", help="Yours; or SEALDROP_PIN. Typed, also a link's or key's."
)
@click.option("--mail-pin", envvar="SEALDROP_MAIL_PIN", metavar="PIN", help="The sender's; or SEALDROP_MAIL_PIN.")
@json_option
def command(
    what: str,
    output: str | None,
    force: bool,  # noqa: FBT001 - click passes options by name
    pin: str | None,
    mail_pin: str | None,
    json_wanted: bool,  # noqa: FBT001 - click passes options by name
) -> int:
    """Download a file of yours or a mail's files by id, or what a download key or link gives. Prints the paths."""
    from sealdrop.errors import SealdropError
    from sealdrop.output import print_error
    from sealdrop.progress import bar
    from sealdrop.targets import Id, parse_target

    target = parse_target(what)
    client = connect() if isinstance(target, Id) else _without_token(target)
    path = sys.stdout.buffer if output == "-" else output or None
    tell = None if json_wanted else _remark

    def get(pin: str | None, mail_pin: str | None) -> tuple["SavedFile", ...]:
        with bar("receiving") as progress:
            return client.get(what, path, overwrite=force, pin=pin, mail_pin=mail_pin, progress=progress, tell=tell)

    try:
        if isinstance(target, Id):
            saved = with_pins(get, pin, mail_pin)
        else:
            saved = with_pin(lambda it: get(it, None), _for_link(target, pin, mail_pin), "The sender's PIN")
    except SealdropError as error:
        if error.incomplete is None:
            raise
        _print(error.incomplete.arrived, json_wanted=json_wanted)
        for missing in error.incomplete.missing:
            print_error(missing, json_wanted=json_wanted)
        return error.exit_code
    _print(saved, json_wanted=json_wanted and output != "-")
    return 0


def _for_link(target: "Key", pin: str | None, mail_pin: str | None) -> str | None:
    """What is typed is meant for it. One's own PIN, SEALDROP_PIN, never is; and what SEALDROP_MAIL_PIN holds, which may
    be for one's recipients, is told to one's own service alone, where there is one: a link may name any host.
    """
    source = click.get_current_context().get_parameter_source
    for name, given in (("mail_pin", mail_pin), ("pin", pin)):
        if source(name) is ParameterSource.COMMANDLINE:
            return given
    return mail_pin if target.api_url in (None, _own_service(target)) else None


def _own_service(target: "Key") -> str | None:
    """The configured one; where none is, the link's own."""
    from sealdrop.config import load
    from sealdrop.errors import UsageError

    try:
        return load().url
    except UsageError:
        return target.api_url


def _remark(sentence: str) -> None:
    click.echo(printable(f"sealdrop: {sentence}"), err=True)


def _print(saved: Sequence["SavedFile"], *, json_wanted: bool) -> None:
    from sealdrop.output import note, print_json
    from sealdrop.units import human_size

    for file in saved:
        note(f"{file.full_filename}: {human_size(file.size)}, {'verified' if file.verified else 'size checked'}")
        if file.renamed:
            _remark(f"{file.full_filename}: saved as {file.path}, since a name that starts with a dot is hidden")
    if json_wanted:
        print_json(saved)
        return
    for file in saved:
        if file.path is not None:  # else it went into a stream or device
            click.echo(printable(str(file.path)) if sys.stdout.isatty() else os.fsencode(file.path))


def _without_token(target: "Key") -> "Client":
    """A key is all that a download takes; a link even names its service."""
    from sealdrop.client import Client
    from sealdrop.config import load

    return Client(target.api_url or load().url)
