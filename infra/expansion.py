"""The SAM file that `make package` writes, without filling an archive, and what CloudFormation makes of it."""

import os
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from infra.package import DEFAULT_REGION, copy_sources, joined_template, run_chalice

Template = dict[str, Any]


class _NoManagedPolicies:
    """SAM asks AWS for the ARNs of policies that are named; all of ours have theirs."""

    def load(self) -> dict[str, str]:
        return {}


def sam_template(stage: str) -> Template:
    """Without the dependencies: they would be downloaded, and are in the archive alone. Raises PackagingFailed."""
    with tempfile.TemporaryDirectory() as folder:
        project, merged, out = Path(folder) / "sealdrop", Path(folder) / "resources.yaml", Path(folder) / "out"
        copy_sources(project)
        (project / "requirements.txt").write_text("")
        merged.write_text(yaml.safe_dump(joined_template(stage)))
        run_chalice(project, stage, merged, out)
        made: Template = yaml.safe_load((out / "sam.yaml").read_text())
    return made


def expand(sam: Mapping[str, Any]) -> Template:
    """What the SAM transform makes of it, as plain CloudFormation. Circles between resources show here alone."""
    from samtranslator.translator.transform import transform  # it is heavy, and no command but the audit's needs it

    os.environ.setdefault("AWS_DEFAULT_REGION", DEFAULT_REGION)  # it wants one, whatever it is
    copy = deepcopy(dict(sam))
    for resource in copy["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/deployment.zip"
    loader: Any = _NoManagedPolicies()
    expanded: Template = transform(copy, {}, loader)
    return expanded


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: made for name, made in template["Resources"].items() if made["Type"] == kind}
