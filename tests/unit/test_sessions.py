"""tests/support/sessions.py: what it reads in a page, what it runs, and what it takes for the same."""

import os
import select
from pathlib import Path

import pytest

from tests.support.sessions import Command, commands_of, comparable, run, unannounced_failures, written

PAGE = """# A page

```console
$ echo one
one
$ cat <<END
> two
> END
old
```

```sh
echo never run
```

```console
$ false
$ echo $?
1
```
"""


def environment(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "PATH": "/usr/bin:/bin"}


def test_commands_and_what_follows_them() -> None:
    assert commands_of(PAGE) == [
        Command("echo one", "one\n"),
        Command("cat <<END\ntwo\nEND", "old\n"),
        Command("false", ""),
        Command("echo $?", "1\n"),
    ]


def test_one_shell_runs_them_and_the_page_can_be_written_anew(tmp_path: Path) -> None:
    ran = run(commands_of(PAGE), environment(tmp_path), tmp_path)
    assert [(command.output, command.status) for command in ran] == [("one\n", 0), ("two\n", 0), ("", 1), ("1\n", 0)]
    assert written(PAGE, ran) == PAGE.replace("old", "two")
    assert commands_of(written(PAGE, ran)) == [Command(it.text, it.output) for it in ran]


def test_what_is_said_on_stderr_and_without_a_line_end_is_shown_too(tmp_path: Path) -> None:
    (ran,) = run([Command("printf oops >&2", "")], environment(tmp_path), tmp_path)
    assert ran.output == "oops\n"


def test_variables_stay_and_the_home_is_hidden(tmp_path: Path) -> None:
    ran = run([Command("X=1", ""), Command("echo $X $HOME/x", "")], environment(tmp_path), tmp_path)
    assert ran[1].output == "1 ~/x\n"


def test_what_a_session_leaves_running_ends_with_it(tmp_path: Path) -> None:
    commands = [Command("sleep 600 > nothing 2>&1 &", ""), Command("echo $!", "")]
    pid = int(run(commands, environment(tmp_path), tmp_path)[1].output)
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # gone already
    ended, _, _ = select.select([process], [], [], 10)
    os.close(process)
    assert ended


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("id 0e66d5cd-7399-494a-9de2-22dcfc6d425a", "id 5dc67582-3490-4486-9ea7-09b2e3de56bc", True),
        ("2026-11-24 08:27 UTC", "2027-01-01 23:59 UTC", True),
        ("2026-11-24T08:27:01.123Z", "2027-01-01T00:00:00Z", True),
        ("http://127.0.0.1:8080/api", "http://127.0.0.1:40123/api", True),
        ("17 B", "18 B", False),
        ("0e66d5cd", "5dc67582", False),
    ],
)
def test_what_counts_as_the_same(one: str, other: str, same: bool) -> None:
    assert (comparable(one) == comparable(other)) is same


def test_a_failure_has_to_be_announced() -> None:
    failed, asked = Command("false", "", 1), Command("echo $?", "1\n")
    assert unannounced_failures([failed, asked]) == []
    assert unannounced_failures([Command("true", ""), failed]) == [failed]
    assert unannounced_failures([failed, Command("true", "")]) == [failed]
