"""docs/library.md: its blocks are one program, which prints what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack
from tests.support.sessions import desk

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PRINTED = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)


def test_the_program_prints_what_the_page_says(stack: Stack, tmp_path: Path) -> None:
    program = "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    promised = PRINTED.findall(program)
    assert len(promised) == program.count("print(") > 10
    ended = subprocess.run(  # noqa: S603 - our own page
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env=desk(tmp_path, stack.ready),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == promised
