"""The whole document: OpenAPI 3.1, from the routes as they are declared and the models that they name."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import app
from chalicelib.domain.api_token import Scope
from chalicelib.domain.secret import TOKEN_PREFIX
from chalicelib.routes.errors import STATUS_OF_CODE
from chalicelib.routes.registry import ROUTES, Route
from infra.openapi.answers import (
    error_schema,
    gateway_refusal,
    gateway_words,
    models_of,
    refusal,
    refusal_name,
    refusals,
)
from infra.openapi.gateway import gateway_answers
from infra.openapi.headers import header_components
from infra.openapi.operations import operation, tag_of
from infra.openapi.schemas import Schemas, component_schemas
from infra.openapi.webhooks import webhooks

VERSION = "0.1.0"  # as CHANGELOG.md counts
INTRODUCTION = Path(__file__).parent / "introduction.md"


def routes_of_the_app() -> list[Route]:
    """In the order of app.py's table of contents, which the reference keeps."""
    paths: Mapping[str, Mapping[str, Any]] = app.app.routes
    return [ROUTES[method, path] for path, methods in paths.items() for method in methods]


def build(routes: Iterable[Route] = ()) -> dict[str, Any]:
    """Raises ValueError for a route whose declaration does not say enough."""
    routes = list(routes) or routes_of_the_app()
    gateway = gateway_answers()
    codes = {*STATUS_OF_CODE, *(answer.code for answer in gateway)}
    bodies = [route.body for route in routes if route.body]
    schemas = component_schemas(bodies, [model for route in routes for model in models_of(route)])
    refused = [(status, codes) for route in routes for status, codes in refusals(route).items()]
    responses = {refusal_name(codes): refusal(status, codes) for status, codes in refused}
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Sealdrop",
            "version": VERSION,
            "summary": "Secure file transfer: sealed files, downloads that work once.",
            "description": INTRODUCTION.read_text(encoding="utf-8") + "\n" + gateway_words(gateway),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api", "description": "This service"}],
        "tags": _tags(routes),
        "paths": _paths(routes, schemas),
        "webhooks": webhooks(),
        "components": {
            "schemas": {"Error": error_schema(codes), **schemas},
            "responses": {"gateway": gateway_refusal(gateway), **dict(sorted(responses.items()))},
            "headers": header_components(),
            "securitySchemes": {"token": _security_scheme()},
        },
    }


def _paths(routes: list[Route], schemas: Schemas) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, routes, schemas)
    return paths


def _tags(routes: list[Route]) -> list[dict[str, str]]:
    """A module of routes is a chapter; its docstring, `/path: what it is about.`, says so."""
    modules = {tag_of(route): sys.modules[route.view.__module__].__doc__ or "" for route in routes}
    return [{"name": name, "description": _about(words)} for name, words in modules.items()]


def _about(words: str) -> str:
    about = words.strip().partition(": ")[2] or words.strip()
    return about[:1].upper() + about[1:]


def _security_scheme() -> dict[str, str]:
    scopes = ", ".join(f"`{scope}`" for scope in Scope)
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": f"{TOKEN_PREFIX}…",
        "description": f"An API token: `Authorization: Bearer {TOKEN_PREFIX}…`. Each operation needs one scope. "
        f"There are: {scopes}.",
    }
