"""python -m infra.local: the service on this machine, in the foreground."""

import argparse
import gc
import json
import logging
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.settings import DEFAULT_RATE_LIMIT
from infra.private import write_privately

if TYPE_CHECKING:
    from infra.local.http_server import Bound

EXAMPLES = """examples:
  python -m infra.local                                    on port 8080, until Ctrl-C
  python -m infra.local --port 9000 --log stack.log        on port 9000, with nothing on the screen but how to use it
  python -m infra.local --port 0 --ready-file ready.json   on a free port, named in ready.json once it answers
  python -m infra.local --rate-limit 1000000               for tests that send more than 300 requests a minute

`make up PORT=9000` is the second. Nothing is kept between runs. AWS is emulated at the address that is printed, with
the credentials testing/testing.
"""
OTHER_PORTS = "Name another: `--port 9000` (`make up PORT=9000`), or 0 for a free one."


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # Imported here, so that --help and a signal during start-up do not wait for it.
    from infra.local.http_server import PortTaken, bound

    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)  # of a run that was killed
    _allow_many_files()
    try:
        with bound(options.port) as server:  # before all that takes time
            _run(server, options, stop)
    except PortTaken as error:
        print(f"{error}. {OTHER_PORTS}", file=sys.stderr)
        return 1
    return 0


def _run(server: "Bound", options: argparse.Namespace, stop: threading.Event) -> None:
    screen = sys.stdout
    with _logging_to(options.log):
        from infra.local.stack import local_stack  # a second's work

        with local_stack(server, options.rate_limit) as stack:
            ready = ready_document(stack)
            if options.ready_file:
                write_privately(options.ready_file, json.dumps(ready, indent=2) + "\n")
            print(_for_people(ready, options.log), file=screen, flush=True)
            gc.freeze()  # all that is loaded stays: not to be looked through for garbage time and again
            gc.set_threshold(50_000, 20, 20)  # and of the rest, reference counts free nearly all
            stop.wait()
            if options.ready_file:
                options.ready_file.unlink(missing_ok=True)


@contextmanager
def _logging_to(path: Path | None) -> Iterator[None]:
    """The log lines of the functions and of the stack, which go to standard output and error where no file is named."""
    with ExitStack() as held:
        if path:
            file = held.enter_context(path.open("w", encoding="utf-8"))
            held.enter_context(redirect_stdout(file))
            held.enter_context(redirect_stderr(file))
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
        yield


def _allow_many_files() -> None:
    """Every connection and every larger object is an open file; the usual 1024 are soon gone."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local",
        description="The whole service on this machine: API, storage, keys, events and two users.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=8080, help="of the API, on 127.0.0.1; 0 picks one (8080)")
    parser.add_argument("--ready-file", type=_file, metavar="PATH", help="written once the stack answers, as JSON")
    parser.add_argument("--log", type=_file, metavar="PATH", help="where log lines go (standard output)")
    parser.add_argument(
        "--rate-limit",
        type=_positive,
        default=DEFAULT_RATE_LIMIT,
        metavar="N",
        help=f"requests that one address may make a minute ({DEFAULT_RATE_LIMIT})",
    )
    return parser.parse_args(arguments)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():  # said now, not when everything runs
        raise argparse.ArgumentTypeError(f"there is no directory {path.parent}")
    return path


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"not a port: {text!r}. Name a number up to 65535, as 9000")
    return int(text)


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"not a number from 1 up: {text!r}")
    return int(text)


def ready_document(stack: Any) -> dict[str, Any]:
    """What the ready file holds: all that a test or a program needs to use the stack."""
    aws = stack.aws
    return {
        "api_url": stack.api_url,
        "web_url": stack.web_url,
        "docs_url": stack.docs_url,
        "aws_endpoint_url": aws.endpoint_url,
        "region": aws.region,
        "bucket": aws.bucket,
        "metadata_table": aws.metadata_table,
        "ratelimit_table": aws.ratelimit_table,
        "kms_key_arn": aws.kms_key_arn,
        "outbox": str(aws.outbox),
        "users": [vars(user) for user in stack.users],
    }


def _for_people(ready: dict[str, Any], log: Path | None) -> str:
    width = max(len(user["email"]) for user in ready["users"])
    users = "\n".join(f"  {user['email']:<{width}}  {user['pin']}  {user['token']}" for user in ready["users"])
    token = ready["users"][0]["token"]
    logged = f"\n  Log  {log} (a line of JSON a request)" if log else ""
    return f"""Sealdrop runs on this machine.
  API  {ready["api_url"]}
  Docs {ready["docs_url"]}
  AWS  {ready["aws_endpoint_url"]} (emulated; region {ready["region"]}, credentials testing/testing)
  Mail {ready["outbox"]} (.eml files of what SES sent){logged}
Users, their PINs and their tokens:
{users}
Try:
  curl -s -H 'Authorization: Bearer {token}' {ready["api_url"]}/user
Ctrl-C stops it; nothing is kept."""


if __name__ == "__main__":
    sys.exit(main())
