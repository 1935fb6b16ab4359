"""What `make package` writes, without what the archive is filled with; and what CloudFormation makes of it."""

import shutil
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from samtranslator.translator.transform import transform

from infra.package import _copy_sources, _run_chalice, joined_template

Template = dict[str, Any]


class NoManagedPolicies:
    """SAM asks AWS for the ARNs of policies that are named; all of ours have theirs."""

    def load(self) -> dict[str, str]:
        return {}


def package_sam(folder: Path, stage: str) -> Template:
    """The SAM file of a stage. Without the dependencies: they would be downloaded, and are in the archive alone."""
    _copy_sources(folder / "sealdrop")
    (folder / "sealdrop" / "requirements.txt").write_text("")
    (folder / "resources.yaml").write_text(yaml.safe_dump(joined_template(stage)))
    _run_chalice(folder / "sealdrop", stage, folder / "resources.yaml", folder / "out")
    made: Template = yaml.safe_load((folder / "out" / "sam.yaml").read_text())
    shutil.rmtree(folder)
    return made


def expand(sam: Mapping[str, Any]) -> Template:
    copy = deepcopy(dict(sam))
    for resource in copy["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/deployment.zip"
    expanded: Template = transform(copy, {}, NoManagedPolicies())
    return expanded


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: made for name, made in template["Resources"].items() if made["Type"] == kind}
