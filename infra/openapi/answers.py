"""What a route answers: its success, and every refusal, by status. Refusals are components: many routes share them."""

import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from chalicelib.domain.errors import (
    BadJson,
    Busy,
    Gone,
    IdempotencyMismatch,
    Invalid,
    MissingScope,
    NotFound,
    RateLimited,
    SealdropError,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)
from chalicelib.routes.errors import INTERNAL, INTERNAL_MESSAGE, STATUS_OF_CODE
from chalicelib.routes.idempotency import TAKES_KEY
from chalicelib.routes.registry import Route
from chalicelib.wire.base import RawJson
from chalicelib.wire.idempotency import REPLAYED_HEADER
from chalicelib.wire.lists import Listing, Meta
from infra.openapi.gateway import GatewayAnswer
from infra.openapi.headers import fixed_header_refs, header_refs
from infra.openapi.schemas import REF, Schema, ref

Codes = dict[str, str]  # code: message
_REQUEST_ID = "b3d0c1a2-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After", "X-RateLimit-Reset"), 503: ("Retry-After",)}


def takes_key(route: Route) -> bool | None:
    """Whether it takes an Idempotency-Key; False where it refuses one, None where it ignores it."""
    return getattr(route.view, TAKES_KEY, None)


def answered(route: Route) -> tuple[Any, ...]:
    """The members of the view's return annotation: models, a Listing of one, RawJson, or None."""
    hints = typing.get_type_hints(route.view)
    if "return" not in hints:
        raise ValueError(f"{route.method} {route.path}: the view does not say what it answers")
    answer = hints["return"]
    return typing.get_args(answer) if isinstance(answer, types.UnionType) else (answer,)


def answers_listing(route: Route) -> bool:
    return typing.get_origin(answered(route)[0]) is Listing


def models_of(route: Route) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    for answer in answered(route):
        if typing.get_origin(answer) is Listing:
            found += [*typing.get_args(answer), Meta]
        elif isinstance(answer, type) and issubclass(answer, BaseModel):
            found.append(answer)
        elif answer not in (RawJson, type(None)):
            raise ValueError(f"{route.method} {route.path}: {answer} is nothing that a view can answer")
    return found


def success(route: Route) -> tuple[str, dict[str, Any]]:
    """Status and response object."""
    [first, *_] = answers = answered(route)
    if first is type(None):
        return "204", {"description": "Done.", "headers": header_refs()}
    if first is RawJson:
        schema: Schema = {"type": "object"}
    elif answers_listing(route):
        rows = {"type": "array", "items": ref(*typing.get_args(first))}
        schema = _object({"data": rows, "meta": ref(Meta)})
    else:
        options = [ref(model) for model in answers]
        schema = _object({"data": options[0] if len(options) == 1 else {"anyOf": options}})
    words = "Created." if route.status == 201 else "Done."
    headers = header_refs(*([REPLAYED_HEADER] if takes_key(route) else []))
    content = {"application/json": {"schema": schema}}
    return str(route.status), {"description": words, "headers": headers, "content": content}


def refusals(route: Route) -> dict[int, Codes]:
    """By status, each code that this route can answer."""
    errors: list[type[SealdropError]] = [Invalid, RateLimited, Busy, *route.raises]
    if route.scope is not None:
        errors += [Unauthenticated, MissingScope]
    if route.body is not None:
        errors += [BadJson, TooLarge, UnsupportedMediaType]
    if takes_key(route):
        errors += [IdempotencyMismatch, Gone]  # what an earlier request made may be gone since
    if "{" in route.path:
        errors.append(NotFound)
    messages = {error.code: error.default_message for error in errors} | {INTERNAL: INTERNAL_MESSAGE}
    by_status: dict[int, Codes] = {}
    for code, message in messages.items():
        by_status.setdefault(STATUS_OF_CODE[code], {})[code] = message
    return dict(sorted(by_status.items()))


def refusal_name(codes: Codes) -> str:
    return "-or-".join(sorted(codes))


def refusal(status: int, codes: Codes) -> dict[str, Any]:
    words = " ".join(f"`{code}`: {message}" for code, message in codes.items())
    return {"description": words, "headers": header_refs(*_HEADERS.get(status, ())), "content": _error_content(codes)}


def gateway_refusal(answers: Iterable[GatewayAnswer]) -> dict[str, Any]:
    """One response for all that never reaches the service. Same shape, without the rate limit's headers."""
    codes = {it.code: it.message for it in answers}
    words = "What API Gateway answers by itself, in the same shape."
    return {"description": words, "headers": fixed_header_refs(), "content": _error_content(codes)}


def gateway_words(answers: Iterable[GatewayAnswer]) -> str:
    """For the introduction: which statuses those are."""
    told = sorted({f"{it.status} `{it.code}`" for it in answers})
    return (
        "**Before the service is reached,** API Gateway answers by itself: the same shape, without the rate limit's "
        f"headers. {', '.join(told)}.\n"
    )


def error_schema(codes: Iterable[str]) -> Schema:
    reasons = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    return {
        "type": "object",
        "description": "The one shape of all errors.",
        "required": ["message", "code", "request_id"],
        "properties": {
            "message": {"type": "string", "description": "For people; its wording may change."},
            "code": {"type": "string", "description": "For programs; stable.", "enum": sorted(codes)},
            "errors": {
                "type": "object",
                "description": "Reasons by field; a field of a list is named like `parts.0.number`.",
                "additionalProperties": reasons,
            },
            "request_id": {"type": "string", "description": "As in `X-Request-Id`."},
        },
    }


def _error_content(codes: Codes) -> dict[str, Any]:
    narrowed = {"properties": {"code": {"enum": sorted(codes)}}}
    schema = {"allOf": [{"$ref": REF + "Error"}, narrowed]}
    examples = {code: {"value": _example(code, message)} for code, message in codes.items()}
    return {"application/json": {"schema": schema, "examples": examples}}


def _example(code: str, message: str) -> dict[str, Any]:
    example: dict[str, Any] = {"message": message, "code": code}
    if code == Invalid.code:
        example["errors"] = {"name": ["This field is required."]}
    return example | {"request_id": _REQUEST_ID}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}
