"""What several verbs share."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from sealdrop.errors import ExitCode, NotAllowed, SealdropError

if TYPE_CHECKING:
    from sealdrop.client import Client

json_option = click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")

# With these the next item would fail in the same way.
_POINTLESS = (ExitCode.NOT_ALLOWED, ExitCode.UNREACHABLE)


def connect() -> "Client":
    """A client for the configured service. Raises NotAllowed where there is no token for it."""
    from sealdrop.client import Client  # late, with all of its HTTP: `--help` needs none of it
    from sealdrop.config import load

    settings = load()
    if settings.token is None:
        raise NotAllowed(401, "unauthenticated", f"no token is set for {settings.url}")
    return Client(settings.url, settings.token)


def each(items: Sequence[str], do: Callable[[str], Any], *, json_wanted: bool) -> int:
    """Do it to every item, telling of each failure; the exit code of the first one."""
    from sealdrop.output import print_error

    code = int(ExitCode.DONE)
    for item in items:
        try:
            do(item)
        except SealdropError as error:
            print_error(error, json_wanted=json_wanted, about=item if len(items) > 1 else None)
            code = code or int(error.exit_code)
            if error.exit_code in _POINTLESS:
                break
    return code
