"""Make the resources of infra/template.yaml through the services' own APIs.

moto's CloudFormation drops versioning, CORS, lifecycle, policies, TTL and more; here no property is dropped,
and a resource type that nobody wrote a maker for is an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import template
from infra.local.resources import MAKERS, Clients


@dataclass(frozen=True)
class Applied:
    """A made stack: names by logical id, and the template's outputs."""

    refs: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, Any]  # as the template has them, every intrinsic resolved
    names: template.Names  # to resolve what overrides.yaml refers to


def apply(clients: Clients, path: Path = template.TEMPLATE, given: Mapping[str, str] | None = None) -> Applied:
    """`given` are parameters of the template. Raises ValueError for what it does not understand."""
    source = template.load(path)
    account = clients("sts").get_caller_identity()["Account"]
    pseudo = {"AWS::AccountId": account, "AWS::Region": clients.region, "AWS::Partition": "aws"}
    names = template.Names({**pseudo, **template.parameters(source, given or {})})
    resolved: dict[str, Any] = {}
    for logical in template.in_order(source["Resources"]):
        resource = source["Resources"][logical]
        maker = MAKERS.get(resource["Type"])
        if maker is None:
            raise ValueError(f"{logical}: no maker for {resource['Type']} in infra/local/resources.py")
        properties = names.resolve(resource["Properties"])
        made = maker(clients, properties)
        names.refs[logical] = made.ref
        names.attributes.update({(logical, key): value for key, value in made.attributes.items()})
        resolved[logical] = properties
    outputs = {key: names.resolve(spec["Value"]) for key, spec in source["Outputs"].items()}
    refs = {logical: names.refs[logical] for logical in resolved}
    return Applied(refs, outputs, resolved, names)
