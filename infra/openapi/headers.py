"""The headers of answers, as components."""

from typing import Any

from chalicelib.routes.headers import CORS, FIXED_HEADERS
from chalicelib.wire.idempotency import REPLAYED_HEADER

RATE_LIMIT = ("X-RateLimit-Limit", "X-RateLimit-Remaining")
_FIXED = {name: value for name, value in FIXED_HEADERS.items() if name != "Content-Type"}  # OpenAPI has it elsewhere
_CORS = {name: str(value) for name, value in CORS.get_access_control_headers().items() if name not in _FIXED}
_WORDS = {
    "Vary": "Answers differ by token.",
    "X-Robots-Tag": "Nothing here is for search engines.",
    "Access-Control-Allow-Origin": "Pages of any origin may call: there are no cookies.",
    "Access-Control-Allow-Headers": "What pages of other origins may send.",
    "Access-Control-Expose-Headers": "What pages of other origins may read.",
    "Access-Control-Max-Age": "Seconds for which a browser may remember that.",
    "Cache-Control": "Nothing here is to be kept by caches.",
    "X-Content-Type-Options": "Browsers must not guess another type.",
}


def header_components() -> dict[str, Any]:
    """What API Gateway answers by itself carries neither the rate limit's headers nor all of CORS's."""
    fixed = {name: _header(_WORDS[name], {"const": value}, required=True) for name, value in _FIXED.items()}
    cors = {name: _header(_WORDS[name], {"const": value}, required=False) for name, value in _CORS.items()}
    return dict(sorted({**fixed, **cors, **_counted(), **_other()}.items()))


def header_refs(*names: str) -> dict[str, Any]:
    """Those of every answer of the service, and the named ones."""
    every = ("X-Request-Id", *RATE_LIMIT, *_FIXED, *_CORS)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *every)}


def fixed_header_refs(*names: str) -> dict[str, Any]:
    """Those of every answer, API Gateway's own among them."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-Id", *_FIXED)}


def _counted() -> dict[str, Any]:
    whole = {"type": "integer", "minimum": 0}
    return {
        "X-RateLimit-Limit": _header("Requests that one address may make at once, and a minute.", whole, 300),
        "X-RateLimit-Remaining": _header("Requests that it may still make now.", whole, 299),
        "X-RateLimit-Reset": _header("The Unix second at which the next request is let through.", whole, 1772366401),
        "Retry-After": _header("Seconds to wait before the next try.", {"type": "integer", "minimum": 1}, 1),
    }


def _other() -> dict[str, Any]:
    return {
        "X-Request-Id": _header(
            "Names this request in the service's log.",
            {"type": "string"},
            "b3d0c1a2-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
            required=True,
        ),
        REPLAYED_HEADER: _header("The answer is what an earlier request with this key made.", {"const": "true"}),
        "WWW-Authenticate": _header("How to authenticate.", {"const": "Bearer"}, required=True),
    }


def _header(words: str, schema: dict[str, Any], example: Any = None, *, required: bool = False) -> dict[str, Any]:
    made: dict[str, Any] = {"description": words, "required": required, "schema": {"type": "string", **schema}}
    return made if example is None else {**made, "example": example}
