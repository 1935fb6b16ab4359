"""schemathesis against the running stack: whatever it sends, what comes back is what the API's document says."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.routes.registry import ROUTES
from infra.local.process import StackProcess, clean_environment, stack_process
from tests.support.contract import strict_document

ROOT = Path(__file__).parents[2]
LOOKS_AHEAD = r"(?=.*\S)(?!\s*\.{1,2}\s*$)"  # in the pattern of file names
PATIENCE_SECONDS = 600  # on a very busy machine; a minute as a rule

pytestmark = pytest.mark.xdist_group("fuzzing")  # one run for all of these tests


@dataclass(frozen=True)
class Run:
    status: int
    said: str
    answers: Counter[tuple[str, int]]  # route and status, as the service logged them

    @property
    def cases(self) -> int:
        found = re.search(r"(\d+) generated", self.said)
        return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """Not the one of the other tests: what fuzzing finds, it deletes and revokes."""
    with stack_process(tmp_path_factory.mktemp("fuzzing"), "--rate-limit", "1000000") as stack:
        yield stack


@pytest.fixture(scope="module")
def run(own_stack: StackProcess) -> Run:
    return fuzz(strict_document(), own_stack)


def fuzz(document: dict[str, Any], stack: StackProcess, *options: str) -> Run:
    folder = stack.log.parent
    path = folder / "openapi.json"
    path.write_text(_easily_drawn(document))
    url, user = stack.ready["api_url"], stack.ready["users"][0]
    token = user["token"]
    own = {"FUZZ_URL": url, "FUZZ_TOKEN": token, "FUZZ_PIN": user["pin"]}
    hooks = {"SCHEMATHESIS_HOOKS": "tests.e2e.fuzz_hooks", **own}
    command = [Path(sys.executable).with_name("st"), "--config-file", ROOT / "tests/e2e/schemathesis.toml", "run", path]
    ended = subprocess.run(  # noqa: S603 - our own command
        [*command, "--url", url, "-H", f"Authorization: Bearer {token}", "--seed", "1", *options],
        cwd=folder,
        env=clean_environment() | hooks | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    lines = [json.loads(line) for line in stack.log.read_text().splitlines() if line.startswith('{"event": "request"')]
    return Run(
        ended.returncode, ended.stdout + ended.stderr, Counter((line["route"], line["status"]) for line in lines)
    )


def _easily_drawn(document: dict[str, Any]) -> str:
    """Drawing around names of nothing but space or dots would take most of the run.

    They count as good ones then, and may be refused with 422 as other good data (schemathesis.toml);
    tests/unit/openapi/test_formats.py holds the whole pattern against the service.
    """
    text, looks_ahead = json.dumps(document), json.dumps(LOOKS_AHEAD)[1:-1]
    assert looks_ahead in text
    return text.replace(looks_ahead, "")


def test_every_answer_is_declared(run: Run) -> None:
    assert run.status == 0, run.said
    assert run.cases > 500, run.said


def test_none_is_a_5xx(run: Run) -> None:
    assert {(route, status) for route, status in run.answers if status >= 500} == set()


@pytest.mark.parametrize("route", [" ".join(route) for route in sorted(ROUTES)])
def test_every_operation_succeeded_and_was_refused(run: Run, route: str) -> None:
    """A run that is refused everywhere proves nothing, and neither does one that never errs."""
    statuses = {status for name, status in run.answers if name == route}
    assert any(status < 300 for status in statuses), statuses
    assert any(400 <= status < 500 for status in statuses) or route in {"GET /health", "GET /openapi.json", "GET /user"}


def test_a_document_that_lies_is_found_out(own_stack: StackProcess, run: Run) -> None:
    document = strict_document()
    document["components"]["schemas"]["User"]["properties"]["email"] = {"type": "integer"}
    caught = fuzz(document, own_stack, "--include-operation-id", "user_show", "--phases", "fuzzing")
    assert caught.status == 1, caught.said
    assert "Response violates schema" in caught.said


def test_a_status_that_is_not_declared_is_found_out(own_stack: StackProcess, run: Run) -> None:
    document = strict_document()
    del document["paths"]["/files"]["get"]["responses"]["422"]
    caught = fuzz(document, own_stack, "--include-operation-id", "files_index", "--phases", "coverage")
    assert caught.status == 1, caught.said
    assert "Undocumented status code" in caught.said


def test_our_own_check_judges_too(own_stack: StackProcess, run: Run) -> None:
    """What no declaration knows must not be there."""
    document = strict_document()
    document["paths"] = {"/users/../user": document["paths"]["/user"]}
    only = ("--checks", "declared", "--phases", "fuzzing")
    assert fuzz(strict_document(), own_stack, *only, "--include-operation-id", "user_show").status == 0
    assert "is not declared, and was answered 200" in fuzz(document, own_stack, *only).said
