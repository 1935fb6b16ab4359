"""Runs of pytest, each in a fresh child of one process that has imported other people's packages, and nothing of ours.

What a run imports of ours is as new as in a process of its own; what is saved is the half second before that. Started
as a script, in the tree that is to be tested: a line of JSON in, `[arguments, path for the output]`, the status out.
"""

import json
import os
import sys
from pathlib import Path

import anyio._backends._asyncio  # noqa: F401 - imported for the children, as all of these
import aws_encryption_sdk  # noqa: F401
import boto3  # noqa: F401
import chalice.app  # noqa: F401
import hypothesis  # noqa: F401
import jsonschema  # noqa: F401
import pydantic  # noqa: F401
import pytest
import xdist.plugin  # noqa: F401
import yaml  # noqa: F401

# The package that brings a plugin is imported before pytest could rewrite its asserts: none of ours.
KNOWN = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


def run(arguments: list[str], output: str) -> int:
    child = os.fork()
    if child == 0:
        status = 70  # of a crash of this function itself; pytest knows 0 to 5
        try:
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(file, 1)
            os.dup2(file, 2)
            status = int(pytest.main([*KNOWN, *arguments]))
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    sys.path[0] = str(Path.cwd())  # as `python -m pytest` has it, in place of this script's folder
    ours = [
        name for name in sys.modules if name.partition(".")[0] in {"app", "chalicelib", "infra", "sealdrop", "tests"}
    ]
    assert not ours, ours
    for line in sys.stdin:
        arguments, output = json.loads(line)
        sys.stdout.write(f"{run(arguments, output)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
