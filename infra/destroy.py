"""`python -m infra.destroy --stage dev`: take the service away, and keep its data unless told otherwise.

Tables with files and the audit log, buckets and keys stay when the stack goes (DeletionPolicy), and are named. The
artefact bucket stays as well: other stages use it.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from infra import operating
from infra.deploy import STAGES, stack_name
from infra.package import joined_template
from infra.stacks import Stack, StackFailed

DONE, FAILED = 0, 1
KEY_DAYS = 30  # in which a key's deletion can be called off: aws kms cancel-key-deletion

EXAMPLES = f"""examples:
  python -m infra.destroy --stage dev
  python -m infra.destroy --stage dev --with-data     and asks for the stack's name
  make destroy STAGE=dev

What stays costs what it stores, and keeps its names: a stack of this stage cannot be created beside it. Keys that are
deleted with the data can be had back for {KEY_DAYS} days; nothing else can.

{operating.CREDENTIALS}
"""


class NotDestroyed(Exception):
    """The text says why."""


@dataclass(frozen=True)
class Left:
    """What is there although the stack is not."""

    what: str
    why: str
    is_meant: bool = True


def destroy(stack: Stack, eraser: "Eraser | None") -> list[Left]:
    """Raises NotDestroyed, StackFailed."""
    if stack.find() is None:
        raise NotDestroyed(f"there is no stack {stack.name} in this account and region")
    kept = [(event["ResourceType"], event["PhysicalResourceId"]) for event in stack.delete()]
    if eraser is None:
        return [Left(f"{kind} {name}", "kept") for kind, name in kept]
    return [left for kind, name in kept if (left := eraser.erase(kind, name))]


class Eraser:
    """Deletes what a stack kept."""

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._s3, self._dynamodb, self._kms = (clients[name] for name in ("s3", "dynamodb", "kms"))
        self._by_type: Mapping[str, Callable[[str], None]] = {
            "AWS::S3::Bucket": self._bucket,
            "AWS::DynamoDB::Table": self._table,
            "AWS::KMS::Key": self._key,
        }

    def erase(self, kind: str, name: str) -> Left | None:
        """None when it is gone. One that cannot be deleted keeps no other from it."""
        if kind not in self._by_type:
            return Left(f"{kind} {name}", "no data, and may serve others: left alone")
        try:
            self._by_type[kind](name)
        except operating.REFUSALS as error:
            return Left(f"{kind} {name}", operating.explained(error), is_meant=False)
        return None

    def _bucket(self, name: str) -> None:
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=name):
            found = page.get("Versions", []) + page.get("DeleteMarkers", [])
            if found:
                objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
                self._s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        self._s3.delete_bucket(Bucket=name)

    def _table(self, name: str) -> None:
        if self._dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            self._dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
            self._dynamodb.get_waiter("table_exists").wait(TableName=name)
        self._dynamodb.delete_table(TableName=name)

    def _key(self, name: str) -> None:
        self._kms.schedule_key_deletion(KeyId=name, PendingWindowInDays=KEY_DAYS)


def confirmed(name: str, ask: Callable[[str], str]) -> bool:
    try:
        return ask(f"Files, mails and the audit log of {name} will be gone for good. Type its name: ").strip() == name
    except EOFError:
        return False


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.destroy",
        description="Delete the stack. Its data stays, unless it is to go as well.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", required=True, choices=STAGES, help="the deployment")
    parser.add_argument("--with-data", action="store_true", help="delete the data, too; asks for the stack's name")
    return parser.parse_args(arguments)


def _destroy(stage: str, *, with_data: bool) -> list[Left]:
    name = stack_name(joined_template(stage), stage)
    if with_data and not confirmed(name, input):
        raise NotDestroyed("that is not its name; nothing was changed")
    with ExitStack() as opened:
        session = operating.session()
        services = ("cloudformation", "s3", "dynamodb", "kms")
        clients = {each: opened.enter_context(closing(session.client(each))) for each in services}
        return destroy(Stack(clients["cloudformation"], name), Eraser(clients) if with_data else None)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        left = _destroy(options.stage, with_data=options.with_data)
    except (NotDestroyed, StackFailed, *operating.REFUSALS) as error:
        print(f"not destroyed: {operating.explained(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("left alone: a deletion that CloudFormation has begun goes on there", file=sys.stderr)
        return FAILED
    print("the stack is gone" + (", and this stays:" if left else ""))
    for each in left:
        print(f"  {each.what}: {each.why}", file=sys.stdout if each.is_meant else sys.stderr)
    return DONE if all(each.is_meant for each in left) else FAILED


if __name__ == "__main__":
    sys.exit(main())
