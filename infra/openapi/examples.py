"""Examples, put together from those of the fields, so that a new model has one as soon as it is declared."""

import base64
from typing import Any

from pydantic import BaseModel

from chalicelib.wire.base import In
from infra.openapi.schemas import REF, Schema, Schemas

MOMENT = "2026-03-01T12:00:00.000000Z"
UUID = "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"
URL = (
    "https://sealdrop-prod-files.s3.eu-west-1.amazonaws.com/files/3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=300&X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f0"
)
_BY_FORMAT = {"date-time": MOMENT, "uuid": UUID, "uri": URL}
_BASE64 = base64.b64encode(bytes(range(32))).decode()


def body_examples(model: type[BaseModel], schemas: Schemas) -> dict[str, Any]:
    """The model's own, or one that holds what must be there. As OpenAPI wants them: {name: {"value": …}}."""
    own = dict(model.EXAMPLES) if issubclass(model, In) else {}
    if not own:
        schema = schemas[model.__name__]
        needed = schema.get("required", [])
        own = {"example": {name: example_of(schema["properties"][name], schemas) for name in needed}}
    return {_key(words): {"summary": words, "value": value} for words, value in own.items()}


def example_of(schema: Schema, schemas: Schemas) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].removeprefix(REF)], schemas)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    return _by_type(schema, schemas)


def _by_type(schema: Schema, schemas: Schemas) -> Any:
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example_of(each, schemas) for name, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema["items"], schemas)]
    if kind == "string":
        return _BASE64 if "contentEncoding" in schema else _BY_FORMAT.get(schema.get("format", ""), "text")
    return {"integer": schema.get("minimum", 1), "number": 1.5, "boolean": False, "null": None}[kind]


def _key(words: str) -> str:
    """What may name an example in OpenAPI, and in links to it."""
    return "-".join("".join(c if c.isalnum() else " " for c in words).split()).lower()
