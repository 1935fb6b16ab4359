"""The API's document says of every route what the code does, and its examples are what the code takes and gives."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.domain.api_token import Scope
from chalicelib.routes.errors import STATUS_OF_CODE
from chalicelib.routes.registry import ROUTES
from chalicelib.wire.idempotency import HEADER
from infra.openapi.__main__ import SHIPPED, main, text_of_document
from infra.openapi.answers import takes_key
from tests.support.contract import document, validator
from tests.support.every_route import name_of

ROOT = Path(__file__).parents[3]
EVERY = sorted(ROUTES)
DOCUMENT = document()
REFUSALS = {name: response for name, response in DOCUMENT["components"]["responses"].items() if name != "gateway"}


def routes(*among: tuple[str, str]):
    return pytest.mark.parametrize("route", among or EVERY, ids=name_of)


def operation(route: tuple[str, str]) -> dict[str, Any]:
    method, path = route
    return DOCUMENT["paths"][path][method.lower()]


def responses(route: tuple[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, response in operation(route)["responses"].items():
        name = response.get("$ref", "").rpartition("/")[2]
        yield status, DOCUMENT["components"]["responses"][name] if name else response


OPERATIONS = {operation(route)["operationId"]: operation(route) for route in EVERY}


def content(thing: dict[str, Any]) -> dict[str, Any]:
    return thing["content"]["application/json"]


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


class TestEveryRoute:
    def test_is_there_and_nothing_else_is(self, api) -> None:
        of_the_app = {(method, path) for path, methods in api.app.routes.items() for method in methods}
        documented = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
        assert documented == of_the_app == set(ROUTES)

    def test_has_a_name_of_its_own(self) -> None:
        names = [operation(route)["operationId"] for route in EVERY]
        assert len(set(names)) == len(names)

    @routes()
    def test_says_what_it_does_and_what_it_needs(self, route) -> None:
        said = operation(route)
        assert said["summary"]
        assert not said["summary"].endswith(".")
        assert said["tags"][0] in {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
        scope = ROUTES[route].scope
        assert said["security"] == ([{"token": [scope]}] if scope else [])
        assert (f"`{scope}`" if scope else "Public") in said["description"]

    @routes()
    def test_says_what_it_can_be_refused_with(self, route) -> None:
        declared = ROUTES[route]
        expected = {422, 429, 500, 503} | {STATUS_OF_CODE[error.code] for error in declared.raises}
        expected |= {401, 403} if declared.scope else set()
        expected |= {400, 413, 415} if declared.body else set()
        expected |= {404} if "{" in declared.path else set()
        expected |= {409, 410} if takes_key(declared) else set()
        success, *refusals, other = operation(route)["responses"]
        assert (int(success), {int(status) for status in refusals}) == (expected_success(route), expected)
        assert other == "default"

    @routes()
    def test_describes_its_path_its_query_and_its_headers(self, route) -> None:
        declared = ROUTES[route]
        found = {(parameter["in"], parameter["name"]) for parameter in operation(route).get("parameters", [])}
        in_path = {part[1:-1] for part in declared.path.split("/") if part.startswith("{")}
        expected = {("path", name) for name in in_path} | {("query", name) for name in declared.query.model_fields}
        assert found == expected | ({("header", HEADER)} if takes_key(declared) else set())

    @routes()
    def test_takes_a_body_where_it_declares_one_and_no_unknown_field(self, route) -> None:
        body = ROUTES[route].body
        assert ("requestBody" in operation(route)) is (body is not None)
        if body:
            name = content(operation(route)["requestBody"])["schema"]["$ref"].rpartition("/")[2]
            assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False
            assert set(DOCUMENT["components"]["schemas"][name]["properties"]) == set(body.model_fields)


def expected_success(route: tuple[str, str]) -> int:
    return 204 if get_type_hints(ROUTES[route].view)["return"] is type(None) else ROUTES[route].status


class TestLinks:
    """Where a program goes from what it was answered: each points at what is there, for a parameter that is there."""

    def test_lead_to_an_id_or_a_key_of_the_answer(self) -> None:
        for route, status, link in links():
            [(name, source)] = link["parameters"].items()
            target = OPERATIONS[link["operationId"]]
            assert name in {parameter["name"] for parameter in target["parameters"] if parameter["in"] == "path"}
            value = content(operation(route)["responses"][status])["example"]
            for step in source.removeprefix("$response.body#/").split("/"):
                value = value[int(step) if step.isdecimal() else step]
            schema = next(parameter["schema"] for parameter in target["parameters"] if parameter["name"] == name)
            validator(schema).validate(value)

    def test_of_keys_lead_to_where_that_kind_is_used(self) -> None:
        of_keys = {(name_of(route), link["operationId"]) for route, _, link in links() if "key" in link["parameters"]}
        assert of_keys == {
            ("POST /downloads/{download_id}/keys", "downloads_show_public"),
            ("POST /downloads/{download_id}/keys", "downloads_perform"),
            ("POST /keys", "keys_drop"),
        }


def links() -> Iterator[tuple[tuple[str, str], str, dict[str, Any]]]:
    for route in EVERY:
        for status, response in responses(route):
            for link in response.get("links", {}).values():
                yield route, status, link


class TestTheErrorTable:
    def test_every_code_appears(self) -> None:
        appearing = {code for response in REFUSALS.values() for code in content(response)["examples"]}
        assert appearing == set(STATUS_OF_CODE)

    def test_under_its_own_status(self) -> None:
        for route in EVERY:
            for status, response in responses(route):
                if status.isdecimal() and int(status) >= 400:
                    assert {str(STATUS_OF_CODE[code]) for code in content(response)["examples"]} == {status}

    def test_with_what_helps_the_caller_on(self) -> None:
        assert "WWW-Authenticate" in REFUSALS["unauthenticated"]["headers"]
        assert {"Retry-After", "X-RateLimit-Reset"} <= set(REFUSALS["rate_limited"]["headers"])
        assert "Retry-After" in REFUSALS["busy"]["headers"]

    def test_what_the_gateway_answers_is_there_too(self) -> None:
        gateway = DOCUMENT["components"]["responses"]["gateway"]
        assert {"bad_request", "forbidden", "busy", "not_found", "too_large"} <= set(content(gateway)["examples"])
        assert "504 `busy`" in DOCUMENT["info"]["description"]
        assert "X-RateLimit-Limit" not in gateway["headers"]

    def test_every_scope_is_named(self) -> None:
        words = DOCUMENT["components"]["securitySchemes"]["token"]["description"]
        assert all(f"`{scope}`" in words for scope in Scope)


class TestExamples:
    @routes(*(route for route in EVERY if ROUTES[route].body))
    def test_of_bodies_are_what_the_schema_and_the_parser_take(self, route) -> None:
        media = content(operation(route)["requestBody"])
        assert media["examples"]
        for example in media["examples"].values():
            validator(media["schema"]).validate(example["value"])
            ROUTES[route].body.model_validate_json(json.dumps(example["value"]))

    @routes(*(route for route in EVERY if ROUTES[route].query.model_fields))
    def test_of_parameters_are_what_the_schema_and_the_parser_take(self, route) -> None:
        for parameter in operation(route)["parameters"]:
            validator(parameter["schema"]).validate(parameter["example"])
            if parameter["in"] == "query":
                example = parameter["example"]
                text = ",".join(example) if isinstance(example, list) else str(example)
                ROUTES[route].query.model_validate({parameter["name"]: text})

    @routes()
    def test_of_answers_are_what_the_schema_says_and_no_more(self, route) -> None:
        for status, response in responses(route):
            if "content" in response:
                media = content(response)
                examples = [example["value"] for example in media.get("examples", {}).values()]
                for example in [media["example"]] if "example" in media else examples:
                    validator(media["schema"], closed=status < "400").validate(example)

    def test_of_headers_are_what_the_schema_says(self) -> None:
        for header in DOCUMENT["components"]["headers"].values():
            if "example" in header:
                validator(header["schema"]).validate(header["example"])

    def test_say_something(self) -> None:
        """`text` is what a string is shown as whose field has no example."""
        assert [line for line in text_of_document().splitlines() if line.endswith((': "text"', ': "text",'))] == []


class TestPatterns:
    def test_are_such_that_javascript_takes_them_too(self) -> None:
        """With its flag `u`, as validators use it, an escape that means nothing is an error."""
        for pattern in patterns(DOCUMENT):
            assert re.compile(pattern)
            assert set(re.findall(r"\\(.)", pattern)) <= set("dDsSwWbBnrtfvux^$\\.*+?()[]{}|/"), pattern


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        for each in value.values():
            yield from patterns(each)
    elif isinstance(value, list):
        for each in value:
            yield from patterns(each)


class TestTheCommittedFile:
    def test_is_what_would_be_written(self) -> None:
        assert SHIPPED.read_text(encoding="utf-8") == text_of_document(), "run `make openapi`"

    def test_is_what_docs_shows(self) -> None:
        assert (ROOT / "docs" / "openapi.json").samefile(SHIPPED)

    def test_is_what_the_api_answers(self, api) -> None:
        assert api.get("/openapi.json").text == SHIPPED.read_text(encoding="utf-8")

    def test_drift_is_seen_and_mended(self, tmp_path, monkeypatch, capsys) -> None:
        copy = tmp_path / "openapi.json"
        monkeypatch.setattr("infra.openapi.__main__.SHIPPED", copy)
        assert main(["--check"]) == 1
        assert main([]) == 0
        assert main(["--check"]) == 0
        copy.write_text(copy.read_text().replace('"maximum": 100', '"maximum": 1000'))
        capsys.readouterr()
        assert main(["--check"]) == 1
        assert "make openapi" in capsys.readouterr().err
