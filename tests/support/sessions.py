"""Pages whose ```console blocks are one session in one shell: run, and compared with what the page shows.

    python -m tests.support.sessions docs/cli.md      runs the page and writes what came out

What differs from run to run (ids, tokens, keys, times, ports, sizes of temporary things) is compared by its kind.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from infra.local.process import ROOT, clean_environment, stack_process

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE_SECONDS = 180
_END = "\x1e"  # between what two commands print
_SHOWN = (  # what a page must not show as it is, or need not
    (re.compile(r"sdt_[0-9A-Za-z]{49}"), "sdt_…"),
    (re.compile(r"\bhttp://127\.0\.0\.1:\d+/api"), "http://127.0.0.1:8080/api"),
)
_KINDS = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])"), "<key>"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| UTC)"), "<time>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), "<port>"),
    (re.compile(r"/[^\s\"]*/sealdrop-outbox-\w+"), "<outbox>"),
    (re.compile(r"(?<=Reference: )\w{7}\b"), "<identifier>"),
)


@dataclass(frozen=True)
class Command:
    text: str
    output: str
    status: int = 0


def commands_of(page: str) -> list[Command]:
    """Lines that begin with `$ ` are commands; those with `> ` after them go on with it."""
    found: list[Command] = []
    for block in BLOCK.findall(page):
        for piece in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = piece.splitlines()
            length = 1 + len(list(takewhile(lambda line: line.startswith("> "), lines[1:])))
            text = "\n".join([lines[0], *(line[2:] for line in lines[1:length])])
            found.append(Command(text, "".join(f"{line}\n" for line in lines[length:])))
    return found


def run(commands: list[Command], environment: Mapping[str, str], folder: Path) -> list[Command]:
    """The same commands with what they printed, one shell for all of them. A failed one ends nothing, as typed."""
    script = "status=0\n" + "".join(
        f"{{ (exit $status)\n{command.text}\n}} 2>&1\nstatus=$?\nprintf '{_END}%s{_END}' $status\n"
        for command in commands
    )
    shell = subprocess.Popen(  # noqa: S603 - our own pages
        ["bash", "-c", script],  # noqa: S607 - the one that a reader has
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = shell.communicate(timeout=PATIENCE_SECONDS)
    finally:
        with suppress(ProcessLookupError):  # what the session has begun ends with it, come what may
            os.killpg(shell.pid, signal.SIGTERM)
    pieces = said.split(_END)
    ended = zip(commands, pieces[::2], pieces[1::2], strict=False)  # the last piece is what follows the last command
    home = environment["HOME"]
    return [Command(it.text, _shown(output, home), int(status)) for it, output, status in ended]


def written(page: str, ran: list[Command]) -> str:
    """The page with these outputs."""
    left = iter(ran)

    def block(match: re.Match[str]) -> str:
        shown = [
            "$ " + it.text.replace("\n", "\n> ") + f"\n{it.output}" for it in islice(left, len(commands_of(match[0])))
        ]
        return f"```console\n{''.join(shown)}```"

    return BLOCK.sub(block, page)


def comparable(text: str) -> str:
    for pattern, kind in _KINDS:
        text = pattern.sub(kind, text)
    return text


def unannounced_failures(ran: list[Command]) -> list[Command]:
    """A page that shows a failure says so: the next command is `echo $?`."""
    followed = zip(ran, [*ran[1:], Command("", "")], strict=True)
    return [command for command, after in followed if command.status and after.text != "echo $?"]


def desk(folder: Path, ready: Mapping[str, Any], sealdrop: Sequence[str] = ()) -> dict[str, str]:
    """A folder with the commands where `make dev` puts them, and the environment of somebody who works there.

    `sealdrop`: the words that run that command, where it is not to be the installed script.
    """
    installed = Path(sys.executable)
    commands = folder / ".venv" / "bin"
    commands.mkdir(parents=True)
    # not links: Python looks for its packages beside the name it is called by
    for name, command in (("python", [installed]), ("sealdrop", sealdrop or [installed.with_name("sealdrop")])):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, command))} "$@"\n')
        script.chmod(0o755)
    environment = clean_environment()
    return environment | {
        "API": ready["api_url"],
        "TOKEN": ready["users"][0]["token"],
        "SEALDROP_URL": ready["api_url"],
        "SEALDROP_TOKEN": ready["users"][0]["token"],
        "SEALDROP_PIN": ready["users"][0]["pin"],
        "OUTBOX": ready["outbox"],
        "HOME": str(folder),
        "PATH": f"{commands}:{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "80",
        "TZ": "UTC",
    }


def _shown(output: str, home: str) -> str:
    output = output.replace(home, "~")
    for pattern, shown in _SHOWN:
        output = pattern.sub(shown, output)
    return output if not output or output.endswith("\n") else output + "\n"


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as name, stack_process(Path(name)) as stack:
            folder = Path(name) / "desk"
            folder.mkdir()
            page = path.read_text(encoding="utf-8")
            ran = run(commands_of(page), desk(folder, stack.ready), folder)
            path.write_text(written(page, ran), encoding="utf-8")


if __name__ == "__main__":
    main()
