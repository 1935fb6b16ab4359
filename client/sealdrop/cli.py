"""The command `sealdrop`. Errors become exit codes here, and nowhere else."""

import signal
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

import click

from sealdrop.errors import ExitCode, LocalFileError, SealdropError

COMMANDS = (
    "put",
    "get",
    "ls",
    "edit",
    "rm",
    "restore",
    "send",
    "link",
    "inbox",
    "mails",
    "events",
    "token",
    "webhook",
    "pin",
    "whoami",
    "login",
)


class Verbs(click.Group):
    """One module per verb, imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click names it
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"sealdrop.commands.{cmd_name}").command
        return command


EPILOG = """\b
Examples:
  sealdrop login
  sealdrop put report.pdf                  seals and uploads it, prints its id
  sealdrop get 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sealdrop send report.pdf --to carol@example.net
  sealdrop ls --json | jq -r '.[].full_filename'

\b
Environment:
  SEALDROP_URL       the service's API, as in https://HOST/api
  SEALDROP_TOKEN     an API token
  SEALDROP_PIN       your PIN; else it is asked for
  SEALDROP_MAIL_PIN  a mail's or link's: that you send, or were sent
  SEALDROP_INSECURE  1 allows plain http to other machines

\b
Exit codes: 0 done, 1 failed, 2 usage, 3 not allowed, 4 not found or gone,
5 could not reach the service. Interrupted: 130.
"""


@click.command(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sealdrop")
def cli() -> None:
    """Send and receive sealed files."""


def run(words: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end)
    try:
        return int(cli.main(list(words), prog_name="sealdrop", standalone_mode=False) or ExitCode.DONE)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.FAILED
    except click.Abort:
        click.echo("sealdrop: interrupted", err=True)
        return ExitCode.INTERRUPTED
    except (SealdropError, OSError) as error:
        from sealdrop.output import print_error

        known = error if isinstance(error, SealdropError) else LocalFileError(str(error))
        print_error(known, json_wanted="--json" in words)
        return known.exit_code


def _end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signal module passes it
    """Leave by an exception, so that temporary files and pending uploads are cleaned up on the way."""
    raise SystemExit(128 + number)
