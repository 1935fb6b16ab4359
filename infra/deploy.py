"""`python -m infra.deploy --stage prod`: package, upload, create or update the stack, put the pages in place.

Each step is harmless to repeat: after a failure, mend its cause and run the command again. A stack that cannot be
changed is rolled back by CloudFormation; what came before it (uploads) stays, and does no harm.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra import create_user, operating, pages
from infra.artefacts import ArtefactBucket, bucket_name, forget_pages, point_at, sync_pages
from infra.package import ROOT, PackagingFailed, package
from infra.stacks import BadParameters, Stack, StackFailed, values

STAGES = tuple(json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"])
DONE, FAILED = 0, 1
SERVICES = ("sts", "s3", "cloudformation", "cloudfront", "lambda")

EXAMPLES = f"""examples:
  python -m infra.deploy --stage prod --set MailFrom=sealdrop@example.com --set AlarmEmail=ops@example.com
  python -m infra.deploy --stage prod --first-user alice@example.com 'Alice Archer'
  python -m infra.deploy --stage prod --packaged out          what `make package STAGE=prod` left there
  make deploy STAGE=prod ARGS='--set MailFrom=sealdrop@example.com'

Parameters that are not named keep their values; the first time, MailFrom must be. It ends with 0 when all is done.

{operating.CREDENTIALS}
They need to make whatever the template holds: an administrator's, or a pipeline's of your own.
"""


class NotDeployed(Exception):
    """The text says why, and what to do."""


@dataclass(frozen=True)
class Package:
    template: dict[str, Any]
    archive: bytes

    @classmethod
    def of(cls, folder: Path, stage: str) -> "Package":
        """Raises NotDeployed."""
        try:
            template = yaml.safe_load((folder / "packaged.yaml").read_text(encoding="utf-8"))
            archive = (folder / "deployment.zip").read_bytes()
        except FileNotFoundError as error:
            raise NotDeployed(f"{error.filename} is not there: leave --packaged out, and it is made") from None
        made_for = template["Parameters"]["Stage"]["Default"]
        if made_for != stage:
            raise NotDeployed(f"what is in {folder} was packaged for the stage {made_for}, not for {stage}")
        return cls(template, archive)


def stack_name(template: Mapping[str, Any], stage: str) -> str:
    return f"{template['Parameters']['ServiceName']['Default']}-{stage}"


@dataclass(frozen=True)
class Deployment:
    stage: str
    package: Package
    pages: Path | None  # the folder; None: leave the pages as they are
    caller: Mapping[str, str]  # as STS knows it
    clients: Mapping[str, Any]

    def run(self, given: Mapping[str, str], *, may_replace: bool) -> dict[str, str]:
        """The stack's outputs. Raises NotDeployed, BadParameters, StackFailed and what AWS raises."""
        if self.pages and not (self.pages / "docs" / "index.html").is_file():
            raise NotDeployed(f"the pages are not in {self.pages}: run `make web`, or leave them out with --no-pages")
        template = self.package.template
        stack = Stack(self.clients["cloudformation"], stack_name(template, self.stage))
        parameters = values(template["Parameters"], {**given, "Stage": self.stage}, stack.find())
        url = self._upload()
        print(f"changing the stack {stack.name}")
        if not stack.change(url, parameters, may_replace=may_replace):
            print("  nothing to change")
        if self.pages:
            try:
                self._place_pages(stack, self.pages)
            except operating.REFUSALS as error:
                raise NotDeployed(f"the stack is deployed, its pages are not: {operating.explained(error)}") from error
        return stack.outputs()

    def _upload(self) -> str:
        """The template's address."""
        s3, caller = self.clients["s3"], self.caller
        service = self.package.template["Parameters"]["ServiceName"]["Default"]
        region, partition = s3.meta.region_name, caller["Arn"].split(":")[1]
        name = bucket_name(service, caller["Account"], region)
        bucket = ArtefactBucket(s3, name, account=caller["Account"], partition=partition)
        bucket.make()
        code = bucket.put(self.package.archive, ".zip")
        print(f"uploaded {code} to {bucket.name}")
        template = bucket.put(point_at(self.package.template, f"s3://{bucket.name}/{code}"), ".json")
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        return f"https://{bucket.name}.s3.{region}.{suffix}/{template}"

    def _place_pages(self, stack: Stack, folder: Path) -> None:
        bucket = stack.outputs()["WebBucketName"]
        sent, removed = sync_pages(self.clients["s3"], bucket, folder)
        print(f"pages: {sent} files sent to {bucket}, {removed} removed")
        (web,) = (each["PhysicalResourceId"] for each in stack.resources() if each["LogicalResourceId"] == "Web")
        forget_pages(self.clients["cloudfront"], web)


def make_package(options: argparse.Namespace) -> Package:
    if options.packaged:
        return Package.of(options.packaged, options.stage)
    print(f"packaging for {options.stage}")
    with tempfile.TemporaryDirectory() as folder:
        package(options.stage, Path(folder))
        return Package.of(Path(folder), options.stage)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"not NAME=VALUE: {text!r}")
    return name, value


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy",
        description="Package the service, and create or update its stack, pages included.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", required=True, choices=STAGES, help="the deployment")
    parser.add_argument(
        "--set", dest="given", action="append", default=[], type=_parameter, metavar="NAME=VALUE",
        help="a parameter of the template, as in MailFrom=sealdrop@example.com; may be repeated",
    )  # fmt: skip
    parser.add_argument("--packaged", type=Path, metavar="FOLDER", help="deploy what was packaged before")
    parser.add_argument("--no-pages", action="store_true", help="leave the pages as they are")
    parser.add_argument("--allow-replacement", action="store_true", help="even where a data store is lost by it")
    parser.add_argument("--first-user", nargs=2, metavar=("EMAIL", "NAME"), help="make this user, and print the token")
    return parser.parse_args(arguments)


def _deploy(options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        session = operating.session()
        clients = {name: stack.enter_context(closing(session.client(name))) for name in SERVICES}
        caller = clients["sts"].get_caller_identity()  # no minute of packaging for who may do nothing
        folder = None if options.no_pages else pages.BUILD
        deployment = Deployment(options.stage, make_package(options), folder, caller, clients)
        outputs = deployment.run(dict(options.given), may_replace=options.allow_replacement)
        for name, value in sorted(outputs.items()):
            print(f"{name:22} {value}")
        print(f"\nAPI    {outputs['WebUrl']}api\npages  {outputs['WebUrl']}docs/")
        if options.first_user:
            email, name = options.first_user
            function = create_user.function_name(options.stage)
            made = create_user.create_user({"email": email, "name": name}, function, functions=clients["lambda"])
            print(create_user.for_people(made))


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        _deploy(options)
    except create_user.NotCreated as error:
        print(f"deployed; the user was not created: {error}", file=sys.stderr)
    except (NotDeployed, PackagingFailed, BadParameters, StackFailed, *operating.REFUSALS) as error:
        print(f"not done: {operating.explained(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("left alone: a change that CloudFormation has begun goes on there", file=sys.stderr)
    else:
        return DONE
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
