"""One operation of the document from one route: its words, parameters, body and answers."""

import inspect
from collections.abc import Iterable
from typing import Any

from chalicelib.domain.secret import SECRET_LENGTH
from chalicelib.routes.registry import Route
from chalicelib.wire.idempotency import HEADER, MAX_KEY_LENGTH
from infra.openapi.answers import answers_listing, refusal_name, refusals, success, takes_key
from infra.openapi.examples import UUID, body_examples, example_of
from infra.openapi.schemas import Schema, Schemas, query_schema, ref

KEY = "7hJ2mQxW9bTzK4cRfV8nYdL1sGpE6aUo3iBvXwCq5Ht"
_KEY_MAKING, _PERFORMING = "/downloads/{download_id}/keys", "/public/downloads"  # what is made there is used here
SECRET = {"type": "string", "pattern": f"^[0-9A-Za-z]{{{SECRET_LENGTH}}}$"}


def tag_of(route: Route) -> str:
    """The module that the view stands in."""
    return route.view.__module__.rpartition(".")[2]


def operation_id(route: Route) -> str:
    return f"{tag_of(route)}_{route.view.__name__}"


def operation(route: Route, routes: Iterable[Route], schemas: Schemas) -> dict[str, Any]:
    summary, description = _words(route)
    made: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [tag_of(route)],
        "summary": summary,
        "description": description,
        "security": [] if route.scope is None else [{"token": [str(route.scope)]}],
    }
    if parameters := [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)]:
        made["parameters"] = parameters
    if route.body is not None:
        content = {"schema": ref(route.body), "examples": body_examples(route.body, schemas)}
        needed = bool(schemas[route.body.__name__].get("required"))
        made["requestBody"] = {"required": needed, "content": {"application/json": content}}
    return {**made, "responses": _responses(route, routes, schemas)}


def _words(route: Route) -> tuple[str, str]:
    """Raises ValueError for a view that does not say what it does."""
    text = inspect.getdoc(route.view)
    if not text:
        raise ValueError(f"{route.method} {route.path}: the view needs a docstring, the reference shows it")
    summary, _, rest = text.partition("\n\n")
    access = "Public: no token is asked for." if route.scope is None else f"Needs the scope `{route.scope}`."
    if takes_key(route) is False:
        access += " Refuses an `Idempotency-Key`: its answer is secret, and shown once."
    paragraphs = [" ".join(paragraph.split()) for paragraph in rest.split("\n\n") if paragraph.strip()]
    return " ".join(summary.split()).removesuffix("."), "\n\n".join([*paragraphs, access])


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, **_path_parameter(name)} for name in names]


def _path_parameter(name: str) -> dict[str, Any]:
    """Raises ValueError for a name that says neither an id nor a key."""
    if name.endswith("_id"):
        words = f"The {name.removesuffix('_id')}'s id, in lower case."
        return {"description": words, "schema": {"type": "string", "format": "uuid"}, "example": UUID}
    if name == "key":
        return {
            "description": "The key, as it was answered once.",
            "schema": SECRET,
            "example": KEY,
        }
    raise ValueError(f"a path parameter ends in _id, or is a key: {name}")


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = query_schema(route.query)
    needed = schema.get("required", [])
    return [_query_parameter(name, each, needed=name in needed) for name, each in schema.get("properties", {}).items()]


def _query_parameter(name: str, schema: Schema, *, needed: bool) -> dict[str, Any]:
    """In a query everything is text, so nothing is null."""
    schema = dict(schema)
    if isinstance(schema.get("type"), list):
        [schema["type"]] = [kind for kind in schema["type"] if kind != "null"]
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    example = example_of(schema, {})
    words = {"description": schema.pop("description")} if "description" in schema else {}
    form = {"style": "form", "explode": False} if schema.get("type") == "array" else {}  # with commas, not repeated
    schema.pop("examples", None)
    schema.pop("uniqueItems", None)  # what a query names twice is taken as named once
    return {"name": name, "in": "query", "required": needed, **words, **form, "schema": schema, "example": example}


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    if not takes_key(route):
        return []
    words = "A fresh UUID. The same request with the same key within 24 hours makes nothing more, and answers the same."
    schema = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]+$"}
    return [
        {"name": HEADER, "in": "header", "required": False, "description": words, "schema": schema, "example": UUID}
    ]


def _responses(route: Route, routes: Iterable[Route], schemas: Schemas) -> dict[str, Any]:
    status, answer = success(route)
    if "content" in answer:
        content = answer["content"]["application/json"]
        content["example"] = example_of(content["schema"], schemas)
    if links := _links(route, routes):
        answer["links"] = links
    found = {status: answer}
    for number, codes in refusals(route).items():
        found[str(number)] = {"$ref": f"#/components/responses/{refusal_name(codes)}"}
    return {**found, "default": {"$ref": "#/components/responses/gateway"}}


def _links(route: Route, routes: Iterable[Route]) -> dict[str, Any]:
    """From what was created to what can be done with it: by its id, or by itself, where it is a key."""
    if route.status != 201:
        return {}
    under = _PERFORMING if route.path == _KEY_MAKING else route.path
    made = "/data/0" if answers_listing(route) else "/data"
    found = {}
    for other in routes:
        if other.path.startswith(f"{under}/{{"):
            name = other.path.removeprefix(f"{under}/{{").partition("}")[0]
            source = f"$response.body#{made}/{'key' if name == 'key' else 'id'}"
            found[operation_id(other)] = {"operationId": operation_id(other), "parameters": {name: source}}
    return found
