"""Every route as it was declared: the reference (infra/openapi) is written from it, and tests walk over it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import SealdropError
from chalicelib.routes.headers import CORS
from chalicelib.wire.base import Query

View = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A view says what it does in its docstring: one line, and more after an empty one where there is more to say.

    Its return annotation says what it answers: a model, a union of models, `Listing[Row]`, RawJson, or None for 204.
    """

    method: str
    path: str
    view: View
    scope: Scope | None  # None: public
    body: type[BaseModel] | None
    query: type[Query]
    status: int
    raises: tuple[type[SealdropError], ...]  # what this route is refused with beyond what every route like it is


ROUTES: dict[tuple[str, str], Route] = {}  # by method and path


def register(blueprint: Blueprint, route: Route, answer: View) -> None:
    ROUTES[route.method, route.path] = route
    # Chalice would answer another content type by itself, without our headers: endpoint.py does it.
    blueprint.route(route.path, methods=[route.method], content_types=["*/*"], cors=CORS)(answer)
