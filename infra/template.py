"""Read a CloudFormation template and put physical names where its intrinsics stand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).with_name("template.yaml")
OVERRIDES = Path(__file__).with_name("overrides.yaml")
_PLACEHOLDER = re.compile(r"\$\{([^}!]+)\}")


# libyaml's where PyYAML was built with it: ten times as fast
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short forms: !Ref X, !Sub, !GetAtt A.B ..."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> dict[str, Any]:
    """The template as plain data, intrinsics in their long form."""
    loaded: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    return loaded


def in_order(resources: Mapping[str, Any]) -> list[str]:
    """Logical ids, each after those it refers to. Raises graphlib.CycleError."""
    wanted = {name: set(_references(body)) & set(resources) for name, body in resources.items()}
    return list(TopologicalSorter(wanted).static_order())


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "Fn::Sub":
                yield from (name.split(".")[0] for name in _PLACEHOLDER.findall(item))
            else:
                yield from _references(item)


@dataclass
class Names:
    """What Ref and GetAtt answer: parameters, pseudo parameters and the resources made so far."""

    refs: dict[str, Any]
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, argument),) = value.items()
            if key == "Ref":
                return self.refs[argument]
            if key == "Fn::GetAtt":
                return self.attributes[argument[0], argument[1]]
            if key == "Fn::Sub":
                return _PLACEHOLDER.sub(self._placeholder, argument)
            if key.startswith("Fn::"):
                raise ValueError(f"{key} is not understood here: use Ref, GetAtt or Sub")
        return {key: self.resolve(item) for key, item in value.items()}

    def _placeholder(self, match: re.Match[str]) -> str:
        name = match[1]
        if "." in name:
            logical, attribute = name.split(".", 1)
            return self.attributes[logical, attribute]
        return str(self.refs[name])


def parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Defaults, and what was given instead. Raises ValueError for what is not declared, and for what is missing."""
    declared = template.get("Parameters", {})
    if unknown := set(given) - set(declared):
        raise ValueError(f"the template has no parameter {', '.join(sorted(unknown))}")
    values = {name: given.get(name, spec.get("Default")) for name, spec in declared.items()}
    if missing := [name for name, value in values.items() if value is None]:
        raise ValueError(f"the template needs a value for {', '.join(missing)}")
    for name, spec in declared.items():
        if spec["Type"] == "CommaDelimitedList":
            values[name] = [item.strip() for item in values[name].split(",")]
    return values


def deployed_name(template: Mapping[str, Any], logical_id: str, attribute: str, stage: str) -> str:
    """The name that a resource of ours is deployed under, which is made of the service's name and the stage alone."""
    service = load(TEMPLATE)["Parameters"]["ServiceName"]["Default"]
    declared = template["Resources"][logical_id]["Properties"][attribute]
    return str(Names({"ServiceName": service, "Stage": stage}).resolve(declared))
