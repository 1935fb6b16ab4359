"""`python -m infra.package [--stage dev]`: the deployable artefacts, from a clean clone and without credentials.

Leaves `out/packaged.yaml` (one SAM template: what Chalice writes for app.py, merged with infra/template.yaml
and the templates beside it: TEMPLATES) and `out/deployment.zip` (the functions' code, compiled: Lambda keeps no
bytecode between cold starts). The pages are not in it: build/web, which `make web` fills, goes to the bucket that the
stack makes. `out/sbom.cdx.json` says what others' code is in all of it (infra/sbom.py).
"""

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import yaml

from infra.template import load

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("app.py", "chalicelib", ".chalice", "requirements.txt")
TEMPLATES = ("template.yaml", "overrides.yaml", "permissions.yaml", "gateway.yaml", "web.yaml", "operations.yaml")
SECTIONS = ("Parameters", "Conditions", "Resources", "Outputs")
MAX_ZIP_BYTES = 20 * 1024 * 1024
SERVICES = frozenset({"dynamodb", "kms", "s3", "sesv2", "sqs"})  # that the functions call
DEFAULT_REGION = "eu-west-1"  # where packaging and linting want to be told one; nothing of it stays
_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's oldest time: the same code gives the same archive


class PackagingFailed(Exception):
    """What Chalice said, or a limit that the archive breaks."""


def package(stage: str, out: Path) -> None:
    """Raises PackagingFailed; `out` is then as it was."""
    from infra import sbom  # it is heavy, and most who import this want the templates alone

    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "sealdrop"
        copy_sources(project)
        merged = Path(scratch) / "resources.yaml"
        merged.write_text(yaml.safe_dump(joined_template(stage), sort_keys=False))
        packaged = Path(scratch) / "packaged"
        run_chalice(project, stage, merged, packaged)
        _compile(packaged / "deployment.zip")
        _check_size(packaged / "deployment.zip")
        bill = sbom.bill_of(packaged / "deployment.zip", ROOT / "web" / "package-lock.json")
        out.mkdir(exist_ok=True)
        shutil.move(packaged / "sam.yaml", out / "packaged.yaml")
        shutil.move(packaged / "deployment.zip", out / "deployment.zip")
        (out / sbom.NAME).write_text(bill, encoding="utf-8")


def joined_template(stage: str) -> dict[str, Any]:
    """Chalice takes one file to merge, so ours are joined first. What is packaged for a stage is named after it."""
    joined: dict[str, Any] = {section: {} for section in SECTIONS}
    for name in TEMPLATES:
        source = load(ROOT / "infra" / name)
        joined = _merged(joined, {section: source[section] for section in SECTIONS if section in source})
    joined["Parameters"]["Stage"]["Default"] = stage
    return joined


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Dicts are merged deeply, as Chalice does with what it is given; of anything else the one above stands."""
    merged = dict(below)
    for name, value in above.items():
        standing = merged.get(name)
        if isinstance(standing, Mapping) and isinstance(value, Mapping):
            value = _merged(standing, value)
        merged[name] = value
    return merged


def copy_sources(project: Path) -> None:
    project.mkdir()
    leave = shutil.ignore_patterns("__pycache__", "deployed", "deployments")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=leave)
        else:
            shutil.copy(source, project / name)


def run_chalice(project: Path, stage: str, merged: Path, packaged: Path) -> None:
    chalice = Path(sys.executable).with_name("chalice")
    command = [str(chalice), "package", "--stage", stage, "--merge-template", str(merged), str(packaged)]
    environment = {**os.environ, "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", DEFAULT_REGION)}
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise PackagingFailed(ended.stderr.strip() or ended.stdout.strip())


def drop_other_services(data: Path) -> None:
    """botocore describes four hundred services, which are half of the archive."""
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)


def _compile(archive: Path) -> None:
    """Zip the same tree again, without what no function needs, and with bytecode beside each module.

    Unchecked: zip times would never match.
    """
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(tree)
        drop_other_services(tree / "botocore" / "data")
        mode = PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(scratch, quiet=2, stripdir=scratch, invalidation_mode=mode)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for path in sorted(tree.rglob("*")):
                if path.is_file():
                    entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _EPOCH)
                    entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                    packed.writestr(entry, path.read_bytes())


def _check_size(archive: Path) -> None:
    size = archive.stat().st_size
    if size > MAX_ZIP_BYTES:
        raise PackagingFailed(f"deployment.zip has {size} bytes; {MAX_ZIP_BYTES} is our limit")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.package", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--stage", default="dev", choices=["dev", "prod"])
    parser.add_argument("--out", type=Path, default=ROOT / "out", help="the folder to leave them in (out/)")
    options = parser.parse_args(arguments)
    try:
        package(options.stage, options.out)
    except PackagingFailed as error:
        print(f"packaging failed: {error}", file=sys.stderr)
        return 1
    for path in sorted(options.out.glob("*")):
        print(f"{path.stat().st_size / 1024:>10,.0f} KiB  {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
