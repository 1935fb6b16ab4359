"""`python -m infra.audit [--offline]`: what other people's tools find in templates, code and dependencies.

They live in .venv-audit (`make audit` sets it up). What they find is either mended or accepted in infra/accepted.yaml,
with the reason; what is accepted and found no more fails as well, so that no exception outlives its cause.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from infra.expansion import expand, sam_template
from infra.package import ROOT

ACCEPTED = ROOT / "infra" / "accepted.yaml"
TOOLS = ROOT / ".venv-audit" / "bin"
CODE = ("app.py", "chalicelib", "infra", "client/sealdrop", "bench")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-audit.txt")
NOT_OURS = r"^tests/vectors/|package-lock\.json$"  # published test vectors, and digests of what npm gives
FOUND = {0, 1}  # the tools' exit status: nothing, something; anything else is that they failed
CLEAN, UNCLEAN = 0, 1

Accepted = Mapping[str, Any]


class NotAudited(Exception):
    """A tool that failed, or could not ask whom it has to ask. The text says why."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.audit", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--offline", action="store_true", help="only what asks nobody: all but pip-audit")
    options = parser.parse_args(arguments)
    accepted: Accepted = yaml.safe_load(ACCEPTED.read_text(encoding="utf-8"))
    problems = 0
    for name, look in checks(offline=options.offline).items():
        try:
            found = sorted(look(accepted.get(name) or {}))
        except NotAudited as error:
            found = [f"not audited: {error}"]
        print(f"{name}: {len(found) or 'nothing'}", *found, sep="\n  ")
        problems += len(found)
    return UNCLEAN if problems else CLEAN


def checks(*, offline: bool) -> dict[str, Callable[[Accepted], Iterator[str]]]:
    """By the name under which infra/accepted.yaml has what is accepted of each."""
    found: dict[str, Callable[[Accepted], Iterator[str]]] = {
        "cloudformation": cloudformation,
        "checkov": checkov,
        "bandit": bandit,
        "secrets": secrets,
    }
    return found if offline else found | {"vulnerabilities": vulnerabilities}


def cloudformation(accepted: Accepted) -> Iterator[str]:
    """cfn-lint on the SAM file and on its expansion. Nothing is accepted here: the templates say it where it is."""
    assert not accepted
    sam = sam_template("prod")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / "sam.json", Path(folder) / "expanded.json"]
        for path, template in zip(paths, (sam, expand(sam)), strict=True):
            path.write_text(json.dumps(template), encoding="utf-8")
        said = _run(Path(sys.executable).with_name("cfn-lint"), "--format", "parseable", *paths, expected=range(16))
    yield from said.splitlines()


def checkov(accepted: Accepted) -> Iterator[str]:
    """On the expansion, resource by resource."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "expanded.json"
        path.write_text(json.dumps(expand(sam_template("prod"))), encoding="utf-8")
        options = ("--framework", "cloudformation", "--skip-download", "--quiet", "--output", "json")
        report = json.loads(_run(TOOLS / "checkov", "--file", path, *options))
    failed = report["results"]["failed_checks"] if report["summary"]["failed"] else []
    found = {(each["check_id"], each["resource"].rpartition(".")[2]): each["check_name"] for each in failed}
    yield from compared(found, accepted)


def bandit(accepted: Accepted) -> Iterator[str]:
    report = json.loads(_run(TOOLS / "bandit", "--quiet", "--format", "json", "--recursive", *CODE))
    yield from compared({(it["test_id"], it["filename"]): it["issue_text"] for it in report["results"]}, accepted)


def secrets(accepted: Accepted) -> Iterator[str]:
    """What looks like a secret in any file that git has; names of variables are ruff's to judge (S105 to S107)."""
    options = ("--exclude-files", NOT_OURS, "--disable-plugin", "KeywordDetector")
    report = json.loads(_run(TOOLS / "detect-secrets", "scan", *options))
    found = {
        (each["hashed_secret"], name): f"line {each['line_number']}: {each['type']}"
        for name, each_of in report["results"].items()
        for each in each_of
    }
    yield from compared(found, accepted)


def vulnerabilities(accepted: Accepted) -> Iterator[str]:
    """Raises NotAudited when nobody could be asked."""
    dependencies = [it for lock in LOCKS for it in _asked(lock)]
    if unknown := [it for it in dependencies if "skip_reason" in it]:
        raise NotAudited(f"who was asked does not know {len(unknown)} of {len(dependencies)} dependencies")
    today = datetime.now(UTC).date()
    for name, entry in accepted.items():
        if entry["until"] < today:
            yield f"{name} was accepted until {entry['until']}"
    found = {
        (flaw["id"], it["name"]): f"{it['version']}, mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for it in dependencies
        for flaw in it["vulns"]
    }
    yield from compared(found, accepted)


def _asked(lock: str) -> list[Any]:
    options = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    said = _run(TOOLS / "pip-audit", "--requirement", lock, *options)
    if not said:  # it ends with 1 for whatever is wrong
        raise NotAudited("pip-audit could ask nobody")
    found: list[Any] = json.loads(said)["dependencies"]
    return found


def compared(found: Mapping[tuple[str, str], str], accepted: Accepted) -> Iterator[str]:
    """`accepted` has by name where it is accepted, or `all`, and why."""
    for (name, where), what in found.items():
        places = accepted.get(name, {}).get("in", [])
        if places != "all" and where not in places:
            yield f"{name} in {where}: {what}"
    for name, entry in accepted.items():
        there = {where for found_name, where in found if found_name == name}
        places = [] if entry["in"] == "all" and there else ["anything"] if entry["in"] == "all" else entry["in"]
        yield from (
            f"{name} is accepted in {where}, and not found there any more" for where in places if where not in there
        )


def _run(tool: Path, *arguments: str | Path, expected: Any = frozenset(FOUND)) -> str:
    """What it wrote. Raises NotAudited."""
    try:
        ended = subprocess.run([tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NotAudited(f"{tool.name} is not there: `make audit` puts it there") from None
    if ended.returncode not in expected:
        raise NotAudited(f"{tool.name} failed: {ended.stderr.strip()[-500:]}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
