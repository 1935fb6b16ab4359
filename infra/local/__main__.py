"""python -m infra.local: the service on this machine, in the foreground."""

import argparse
import json
import logging
import os
import resource
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

EXAMPLES = """examples:
  python -m infra.local                                    on port 8080, until Ctrl-C
  python -m infra.local --port 0 --ready-file ready.json   on a free port, named in ready.json once it answers
  python -m infra.local --rate-limit 1000000               for tests that send more than 300 requests a minute

Nothing is kept between runs. AWS is emulated at the address that is printed, with the credentials testing/testing.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    # Imported here, so that --help and a signal during start-up do not wait for them.
    from infra.local.http_server import PortTaken
    from infra.local.stack import local_stack

    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)  # of a run that was killed
    _allow_many_files()
    try:
        with local_stack(options.port, options.rate_limit) as stack:
            ready = ready_document(stack)
            if options.ready_file:
                write_privately(options.ready_file, json.dumps(ready, indent=2) + "\n")
            print(_for_people(ready), flush=True)
            stop.wait()
            if options.ready_file:
                options.ready_file.unlink(missing_ok=True)
    except PortTaken as error:
        print(f"{error}. Name another with --port, or 0 for a free one.", file=sys.stderr)
        return 1
    return 0


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
    parser.add_argument(
        "--ready-file", type=_ready_file, metavar="PATH", help="written once the stack answers, as JSON"
    )
    parser.add_argument(
        "--rate-limit",
        type=_positive,
        default=300,
        metavar="N",
        help="requests that one address may make a minute (300)",
    )
    return parser.parse_args(arguments)


def _ready_file(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():  # said now, not when everything runs
        raise argparse.ArgumentTypeError(f"there is no directory {path.parent}")
    return path


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is not a port")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return number


def ready_document(stack: Any) -> dict[str, Any]:
    """DESIGN's ready file."""
    aws = stack.aws
    return {
        "api_url": stack.api_url,
        "aws_endpoint_url": aws.endpoint_url,
        "region": aws.region,
        "bucket": aws.bucket,
        "metadata_table": aws.metadata_table,
        "ratelimit_table": aws.ratelimit_table,
        "kms_key_arn": aws.kms_key_arn,
        "users": [vars(user) for user in stack.users],
    }


def write_privately(path: Path, text: str) -> None:
    """Whole or not at all, and for the owner's eyes: it holds tokens. mkstemp makes files with mode 0600."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _for_people(ready: dict[str, Any]) -> str:
    width = max(len(user["email"]) for user in ready["users"])
    users = "\n".join(f"  {user['email']:<{width}}  {user['token']}" for user in ready["users"])
    token = ready["users"][0]["token"]
    return f"""Sealdrop runs on this machine.
  API  {ready["api_url"]}
  AWS  {ready["aws_endpoint_url"]} (emulated; region {ready["region"]}, credentials testing/testing)
Users and their tokens:
{users}
Try:
  curl -s -H 'Authorization: Bearer {token}' {ready["api_url"]}/user
Ctrl-C stops it; nothing is kept."""


if __name__ == "__main__":
    sys.exit(main())
