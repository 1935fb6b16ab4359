"""The direction of imports: import-linter's contracts hold, and each one fails when it is broken."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]

LAYERS, CHALICE, AWS, PURE, SETTINGS, SERVICE, CLIENT = CONTRACTS
VIOLATIONS = {  # module, what it must not import, as one line or several
    LAYERS: [
        ("chalicelib.domain.file", "chalicelib.ports.files"),
        ("chalicelib.domain.page", "chalicelib.services.list_files"),
        ("chalicelib.ports.files", "chalicelib.adapters.dynamo_table"),
        ("chalicelib.services.list_files", "chalicelib.adapters.dynamo_table"),
        ("chalicelib.services.list_files", "chalicelib.wire.files"),
        ("chalicelib.services.list_files", "chalicelib.bootstrap"),
        ("chalicelib.adapters.kms_keys", "chalicelib.services.list_files"),
        ("chalicelib.wire.files", "chalicelib.bootstrap"),
        ("chalicelib.wire.files", "chalicelib.routes.errors"),
        ("chalicelib.bootstrap", "chalicelib.routes.errors"),
    ],
    CHALICE: [("chalicelib.services.list_files", "chalice"), ("chalicelib.logs", "chalice")],
    AWS: [
        ("chalicelib.routes.files", "boto3"),
        ("chalicelib.services.list_files", "botocore"),
        ("chalicelib.wire.files", "aws_encryption_sdk"),
    ],
    PURE: [("chalicelib.domain.file", "pydantic"), ("chalicelib.domain.sealing", "cryptography")],
    SETTINGS: [("chalicelib.adapters.kms_keys", "chalicelib.settings")],
    SERVICE: [("chalicelib.services.list_files", "infra"), ("chalicelib.domain.sealing", "sealdrop")],
    CLIENT: [
        ("sealdrop.addresses", "chalicelib.domain.sealing"),
        ("sealdrop.addresses", "boto3"),
        ("sealdrop.errors", "infra"),
    ],
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for name in ("chalicelib", "infra", "client/sealdrop"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def lint(tree: Path) -> tuple[dict[str, str], str]:
    """Each contract's name with KEPT or BROKEN, and all that was said."""
    environment = {"PYTHONPATH": f"{tree}:{tree / 'client'}", "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", LINT, "--no-cache"]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b.*$", done.stdout, re.MULTILINE))
    assert set(verdicts) == set(CONTRACTS), done.stdout + done.stderr
    return verdicts, done.stdout


def test_all_hold(copy: Path) -> None:
    assert lint(copy)[0] == dict.fromkeys(CONTRACTS, "KEPT")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_each_fails_when_broken_and_names_every_breach(copy: Path, contract: str) -> None:
    """Also a breach that hides in a function."""
    originals: dict[Path, str] = {}
    try:
        for module, forbidden in VIOLATIONS[contract]:
            folder = copy / "client" if module.startswith("sealdrop") else copy
            path = folder / f"{module.replace('.', '/')}.py"
            path = path if path.exists() else path.with_suffix("") / "__init__.py"
            text = path.read_text()
            originals.setdefault(path, text)
            path.write_text(f"{text}\n\ndef late():\n    import {forbidden}\n")
        verdicts, said = lint(copy)
    finally:
        for path, text in originals.items():
            path.write_text(text)
    assert verdicts[contract] == "BROKEN"
    told = said[said.index("Broken contracts") :]
    section = told[told.index(f"\n{contract}\n") :]
    for module, forbidden in VIOLATIONS[contract]:
        assert f"{module} -> {forbidden} (l." in section
