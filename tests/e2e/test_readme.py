"""The README's five-minute tour, run as it stands there: every block marked `sh tour`, in one shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import Stack

ROOT = Path(__file__).parents[2]

BLOCK = re.compile(r"^```sh tour\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_tour_works_as_written(stack: Stack, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) == 8
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "sealdrop").symlink_to(Path(sys.executable).with_name("sealdrop"))
    ended = subprocess.run(  # noqa: S603 - our own README
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],  # noqa: S607 - found as a reader's shell finds it
        cwd=tmp_path,
        env={
            **os.environ,
            "API": stack.api_url,
            "TOKEN": stack.alice.token,
            "BOB_TOKEN": stack.bob.token,
            "BOB_PIN": stack.bob.pin,
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = ended.stdout
    assert "\nready\n" in said  # 3: the service has verified the upload
    assert '"status": "queued"' in said  # 4: nothing is sent inside the request
    assert '"body": "<p>As <b>agreed</b>.</p>"' in said  # 5: its reader has it
    assert '"sender": "Alice Archer"' in said  # 5: and who sent it
    assert '"opened_at": "' in said  # 5: and its sender sees that
    assert "Total: 42.00 EUR" in said  # 7: the first to perform it gets the bytes
    assert '"code": "gone"' in said  # 7: and nobody after that
    assert said.endswith("the same\n")  # 8: sealed here, opened there
