"""python -m infra.emulator: what `make package` left, deployed to MiniStack, in the foreground until it is stopped."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from infra.create_user import NotCreated
from infra.deploy import NotDeployed, Package
from infra.emulator.deployment import STAGE, Deployed, deploy
from infra.emulator.fitting import CHANGES
from infra.emulator.gaps import SEEN, UNSEEN
from infra.emulator.ministack import REGION, Emulator, EmulatorFailed, emulator
from infra.operating import REFUSALS, explained
from infra.package import ROOT
from infra.private import write_privately
from infra.stacks import BadParameters, StackFailed

STOPPED, FAILED = 0, 1


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        package = Package.of(options.packaged, STAGE)
        with emulator(options.log) as running:
            deployed = deploy(package, running, options.rate_limit)
            print(_told(deployed, running), flush=True)
            if options.ready_file:
                write_privately(options.ready_file, json.dumps(_ready(deployed, running), indent=2) + "\n")
            stop.wait()
    except (EmulatorFailed, NotDeployed, NotCreated, BadParameters, StackFailed, *REFUSALS) as error:
        print(f"not running: {explained(error)}", file=sys.stderr)
        return FAILED
    return STOPPED


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.emulator", description="Deploy the package to MiniStack, and keep it until Ctrl-C."
    )
    out = ROOT / "out"
    parser.add_argument("--packaged", type=Path, default=out, metavar="FOLDER", help="what `make package` left (out)")
    parser.add_argument("--ready-file", type=Path, metavar="PATH", help="written once the API answers, as JSON")
    parser.add_argument("--log", type=Path, default=out / "ministack.log", metavar="PATH", help="what MiniStack says")
    parser.add_argument(
        "--rate-limit", type=int, default=300, metavar="N", help="requests of one address a minute (300)"
    )
    parser.add_argument("--port", type=int, choices=[0], default=0, help="always a free one")
    return parser.parse_args(arguments)


def _ready(deployed: Deployed, running: Emulator) -> dict[str, object]:
    """As the ready file of `python -m infra.local` has it, as far as it goes: MiniStack writes no e-mails to files."""
    outputs = deployed.outputs
    return {
        "api_url": deployed.api_url,
        "aws_endpoint_url": running.url,
        "region": REGION,
        "bucket": outputs["FilesBucketName"],
        "metadata_table": outputs["MetadataTableName"],
        "ratelimit_table": outputs["RateLimitTableName"],
        "kms_key_arn": outputs["DataKeyArn"],
        "users": [vars(user) for user in deployed.users],
    }


def _told(deployed: Deployed, running: Emulator) -> str:
    made = "\n".join(f"  {count:>3} {kind}" for kind, count in sorted(deployed.resources.items()))
    return f"""The package runs on MiniStack.
  API  {deployed.api_url}
  AWS  {running.url} (region {REGION}, credentials testing/testing)
Made of its template:
{made}
{_differences()}"""


def _differences() -> str:
    """What is not as on AWS, and why: docs/second-emulator.md has the same."""
    changes = "\n".join(f"  {change.what}: {change.why}" for change in CHANGES)
    gaps = "\n".join(f"  {gap.what}: {gap.instead}" for gap in (*SEEN.values(), *UNSEEN))
    return f"Changed in its template:\n{changes}\nWhat MiniStack does not do, and so nothing here shows:\n{gaps}"


if __name__ == "__main__":
    sys.exit(main())
