"""The bill of materials says what is in the archive: no less, no more, in the format that others read."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.package import ROOT
from infra.sbom import bill_of

LOCK = ROOT / "web" / "package-lock.json"
METADATA = {
    "sealing-9.1.dist-info": "Name: Sealing\nVersion: 9.1\nLicense-Expression: MIT\nRequires-Dist: wax>=2\n"
    "Requires-Dist: string; extra == 'parcels'\n",
    "wax-2.0.dist-info": f"Name: wax\nVersion: 2.0\nLicense: {'of many words ' * 20}\n",
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "deployment.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("app.py", "")
        for folder, text in METADATA.items():
            packed.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.4\n{text}")
    return path


@pytest.fixture
def bill(archive: Path) -> Any:
    return json.loads(bill_of(archive, LOCK))


def test_it_is_cyclonedx(archive: Path) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill_of(archive, LOCK)) is None


def test_what_is_in_the_archive_is_in_it(bill: Any) -> None:
    found = {component["purl"].rpartition("@")[0]: component["version"] for component in bill["components"]}
    assert found.keys() == {"pkg:pypi/sealing", "pkg:pypi/wax", "pkg:pypi/chalice", "pkg:npm/swagger-ui-dist"}
    assert (found["pkg:pypi/sealing"], found["pkg:pypi/wax"]) == ("9.1", "2.0")
    (pinned,) = re.findall(r"^chalice==(.+)$", (ROOT / "requirements-dev.in").read_text(), re.MULTILINE)
    assert found["pkg:pypi/chalice"] == pinned


def test_it_says_what_needs_what_and_under_which_license(bill: Any) -> None:
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in bill["dependencies"]}
    assert needs["pkg:pypi/sealing@9.1"] == ["pkg:pypi/wax@2.0"]
    licenses = {component["name"]: component.get("licenses") for component in bill["components"]}
    assert licenses["Sealing"] == [{"license": {"id": "MIT"}}]
    assert licenses["wax"] is None, "a whole text is no name"


def test_the_same_archive_has_the_same_number_and_another_has_another(archive: Path, bill: Any) -> None:
    assert json.loads(bill_of(archive, LOCK))["serialNumber"] == bill["serialNumber"]
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("more.py", "")
    assert json.loads(bill_of(archive, LOCK))["serialNumber"] != bill["serialNumber"]
