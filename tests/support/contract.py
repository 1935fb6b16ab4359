"""The API's document as a judge: whether an answer is one that its route declares.

Stricter than the document, which leaves answers open for fields to come: here a field that is not listed is an error.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator

from infra.openapi.document import build
from tests.support.app_client import Answer, AppClient

UNDECLARED = "{route} answered {status} {code}, and its declaration does not say so: name the error in `raises`"
_UNSAID = {"content-type", "content-length"}  # OpenAPI describes them by `content`


class JudgedClient(AppClient):
    """The client of the tests: every answer is held against the API's document."""

    def send(self, event: dict[str, Any]) -> Answer:
        answer = super().send(event)
        assert_declared(event["httpMethod"], event["resource"], answer.status, answer.headers, answer.text)
        return answer


def assert_declared(method: str, path: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """`headers` by lower-case names. Raises AssertionError for what the document does not say."""
    route = f"{method} {path}"
    operation = document()["paths"][path][method.lower()]
    response = _resolved(operation["responses"].get(str(status)))
    code = json.loads(text).get("code", "") if status >= 400 else ""
    assert response, UNDECLARED.format(route=route, status=status, code=code)
    _check_headers(route, response["headers"], headers)
    if "content" not in response:
        assert text == "", f"{route} answered {status} with a body"
        return
    assert headers["content-type"] == "application/json"
    for error in _validator(method, path, status).iter_errors(json.loads(text)):
        if list(error.absolute_path) == ["code"]:
            raise AssertionError(UNDECLARED.format(route=route, status=status, code=code))
        raise AssertionError(f"{route} answered {status}: {error.json_path}: {error.message}")


@functools.cache
def document() -> dict[str, Any]:
    """Fresh from the code: whether the committed one is up to date is for `make check` to say."""
    return build()


def strict_document() -> dict[str, Any]:
    """For judges of the running stack: what is not named is not let through as `default`."""
    found: dict[str, Any] = json.loads(json.dumps(document()))
    for item in found["paths"].values():
        for operation in item.values():
            del operation["responses"]["default"]
    return found


def validator(schema: Mapping[str, Any], *, closed: bool = False) -> Validator:
    """Of a schema that refers to the document's components; with formats."""
    components = document()["components"]
    whole = {**schema, "components": components}
    return Draft202012Validator(_closed(whole) if closed else whole, format_checker=FormatChecker())


@functools.cache
def _validator(method: str, path: str, status: int) -> Validator:
    response = _resolved(document()["paths"][path][method.lower()]["responses"][str(status)])
    return validator(response["content"]["application/json"]["schema"], closed=status < 400)


def _check_headers(route: str, declared: Mapping[str, Any], sent: Mapping[str, str]) -> None:
    """What is declared as always there is there; nothing is there that is not declared."""
    known = {name.lower(): _resolved(header) for name, header in declared.items()}
    missing = {name for name, header in known.items() if header["required"]} - sent.keys()
    unknown = sent.keys() - known.keys() - _UNSAID
    assert not missing | unknown, f"{route}: headers missing {sorted(missing)}, undeclared {sorted(unknown)}"
    for name in known.keys() & sent.keys():
        schema = known[name]["schema"]
        value = int(sent[name]) if schema["type"] == "integer" else sent[name]
        assert Draft202012Validator(schema).is_valid(value), f"{route}: {name}: {value}"


def _resolved(value: Any) -> Any:
    if value and "$ref" in value:
        _, section, name = value["$ref"].removeprefix("#/").split("/")
        return document()["components"][section][name]
    return value


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
