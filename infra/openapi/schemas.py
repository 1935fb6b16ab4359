"""Component schemas, from the wire models: as they parse for what comes in, as they render for what goes out."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

Schema = dict[str, Any]
Schemas = dict[str, Schema]
Mode = Literal["validation", "serialization"]
REF = "#/components/schemas/"
NULL = {"type": "null"}


class _Generator(GenerateJsonSchema):
    """Names for readers: `File`, where the code says FileView to tell it from the domain's File."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name).removesuffix("View")


def ref(model: type[BaseModel]) -> Schema:
    return {"$ref": REF + model.__name__.removesuffix("View")}


def component_schemas(bodies: Iterable[type[BaseModel]], answers: Iterable[type[BaseModel]]) -> Schemas:
    """Every model by its public name, with those that it is made of.

    Answers are left open, though the models are closed: clients must be ready for fields that are added one day.
    Raises ValueError when one name would stand for two things.
    """
    taken = _definitions(bodies, "validation")
    given = {name: _opened(schema) for name, schema in _definitions(answers, "serialization").items()}
    if shared := sorted(name for name in taken.keys() & given.keys() if taken[name] != given[name]):
        raise ValueError(f"names that stand for a body's model and for an answer's: {', '.join(shared)}")
    return dict(sorted((taken | given).items()))


def query_schema(model: type[BaseModel]) -> Schema:
    """No component: its properties become parameters, and what they refer to stands in them."""
    schema = model.model_json_schema(ref_template=REF + "{model}", schema_generator=_Generator)
    named = schema.pop("$defs", {})
    return for_readers(_inlined(schema, named))


def _definitions(models: Iterable[type[BaseModel]], mode: Mode) -> Schemas:
    wanted = [(model, mode) for model in sorted(set(models), key=lambda model: model.__name__)]
    _, made = models_json_schema(wanted, ref_template=REF + "{model}", schema_generator=_Generator)
    found = {name: for_readers(schema) for name, schema in made.get("$defs", {}).items()}
    if ambiguous := sorted(name for name in found if "__" in name):
        raise ValueError(f"two models of one name in different modules: {', '.join(ambiguous)}")
    return found


def _inlined(value: Any, named: Schemas) -> Any:
    if isinstance(value, list):
        return [_inlined(each, named) for each in value]
    if not isinstance(value, dict):
        return value
    found = _inlined(named[value["$ref"].removeprefix(REF)], named) if "$ref" in value else {}
    return found | {key: _inlined(each, named) for key, each in value.items() if key != "$ref"}


def _opened(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if (key, value) != ("additionalProperties", False)}


def for_readers(schema: Schema) -> Schema:
    """Without pydantic's titles, which repeat the names, and with `null` as a type beside the other one."""
    made = {key: _inside(key, value) for key, value in schema.items() if key != "title"}
    if made.get("default", ...) is None:
        del made["default"]
    return _null_as_type(made)


def _inside(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: for_readers(schema) for name, schema in value.items()}
    if key in {"items", "additionalProperties"} and isinstance(value, dict):
        return for_readers(value)
    if key in {"anyOf", "oneOf", "allOf"}:
        return [for_readers(schema) for schema in value]
    return value


def _null_as_type(schema: Schema) -> Schema:
    others = [option for option in schema.get("anyOf", []) if option != NULL]
    if len(others) != 1 or "type" not in others[0]:
        return schema
    merged = {**others[0], **schema, "type": [others[0]["type"], "null"]}
    del merged["anyOf"]
    if "enum" in merged:
        merged["enum"] = [*merged["enum"], None]
    return merged
