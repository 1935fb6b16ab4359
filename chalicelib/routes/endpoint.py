"""What every route goes through: limit → authenticate → parse → handle → render, and one error table.

The limiter and the look-up of the token or download key run at the same time, in one round trip. The limiter has the
last word: whatever the look-up finds, a request over the limit is answered 429.
"""

import functools
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from chalice.app import Blueprint, MultiDict, Request, Response
from pydantic import BaseModel, ValidationError

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import (
    BadJson,
    Busy,
    Invalid,
    RateLimited,
    SealdropError,
    TooLarge,
    UnsupportedMediaType,
)
from chalicelib.domain.rate_limit import MICROSECONDS, RateLimit
from chalicelib.logs import describe, log
from chalicelib.routes.call import Call, begin, log_call
from chalicelib.routes.errors import INTERNAL, STATUS_OF_CODE, error_body, internal_body
from chalicelib.routes.headers import CORS, FIXED_HEADERS, rate_limit_headers
from chalicelib.services.authenticate import authenticate
from chalicelib.settings import MissingSetting
from chalicelib.wire.base import NoQuery, Query, as_invalid
from chalicelib.wire.lists import Listing

PUBLIC = None  # the scope of a route that asks for no token
MAX_BODY_BYTES = 256 * 1024  # 100 parts with their digests need a tenth of it

View = Callable[..., Any]
Lookup = Callable[..., Mapping[str, Any]]
SCOPES: dict[tuple[str, str], Scope | None] = {}  # of every route, as registered
Model = TypeVar("Model", bound=BaseModel)


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    scope: Scope | None,
    body: type[BaseModel] | None = None,
    query: type[Query] = NoQuery,
    status: int = 200,
    lookup: Lookup | None = None,
    guarded: bool = False,
) -> Callable[[View], View]:
    """Register a view that takes a `Call`, the path's parameters, and `body` and `query` where it declares them.

    It answers a model, a `Listing`, or None for 204. On a public route, `lookup` turns the path's parameters into what
    the view takes, while the limiter is asked. A `guarded` route, where keys could be guessed, is refused without it.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def answer(**parameters: str) -> Response:
            try:
                call = begin(blueprint.current_request)
            except Exception as error:  # noqa: BLE001 - Chalice's own handler would log the path, and that can be a key
                return _broken(blueprint.current_request, error)
            try:
                found = _admit(call, scope, lookup, parameters, guarded=guarded)
                arguments = _parse(call.request, body, query)
                return _finish(call, status, view(call, **found, **arguments))
            except SealdropError as error:
                return _refuse(call, error)
            except Exception as error:  # noqa: BLE001 - the last resort: no detail goes out, all of it to the log
                return _fail(call, error)

        SCOPES[method, path] = scope
        # Chalice would answer another content type by itself, without our headers: `_parse` does it.
        blueprint.route(path, methods=[method], content_types=["*/*"], cors=CORS)(answer)
        return answer

    return decorate


def _broken(request: Request, error: Exception) -> Response:
    """Without settings there is no limit to tell of."""
    request_id = str(request.context.get("requestId", ""))
    hint = str(error) if isinstance(error, MissingSetting) else None
    log("request_not_begun", request_id=request_id, **describe(error), hint=hint)
    headers: dict[str, str | list[str]] = {**FIXED_HEADERS, "X-Request-Id": request_id}
    return Response(body=json.dumps(internal_body(request_id)), status_code=500, headers=headers)


def _admit(
    call: Call, scope: Scope | None, lookup: Lookup | None, parameters: dict[str, str], *, guarded: bool
) -> Mapping[str, Any]:
    """The path's parameters, or what `lookup` found by them, for a caller who may go on."""
    limiter = call.world.limiter
    if refusal := limiter.refused_from_memory(call.address, call.now_us):
        call.limit = refusal
        raise _rate_limited(call)
    taking = call.world.pool.submit(limiter.take, call.address, call.now_us)
    found: Mapping[str, Any] = parameters
    refused: SealdropError | None = None
    try:
        if scope is not None:
            header = call.request.headers.get("authorization")
            call.caller = authenticate(header, scope, call.now, tokens=call.world.tokens)
        elif lookup is not None:
            found = lookup(call, **parameters)
    except SealdropError as error:
        refused = error
    _await_limiter(call, taking, guarded=guarded)
    if refused:
        raise refused
    if call.caller and call.caller.use_is_stale(call.now):
        call.noting_use = call.world.pool.submit(call.world.tokens.note_use, call.caller.secret_hash, call.now)
    return found


def _await_limiter(call: Call, taking: "Future[RateLimit]", *, guarded: bool) -> None:
    try:
        call.limit = taking.result()
    except Busy:
        call.limiter_failed = True
        if guarded:
            raise
        return  # reads and ordinary writes pass: the limiter must not be what takes the service down
    if not call.limit.allowed:
        raise _rate_limited(call)


def _rate_limited(call: Call) -> RateLimited:
    waiting_us = call.limit.next_token_at_us - call.now_us
    return RateLimited(retry_after_seconds=max(1, -(-waiting_us // MICROSECONDS)))


def _parse(request: Request, body: type[BaseModel] | None, query: type[Query]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    parsed_query = _parse_query(request, query)
    if query is not NoQuery:
        arguments["query"] = parsed_query
    if body is not None:
        arguments["body"] = _parse_body(request, body)
    return arguments


def _parse_query(request: Request, query: type[Query]) -> Query:
    given: dict[str, str] = {}
    parameters = request.query_params or MultiDict({})
    for name in parameters:
        texts = parameters.getlist(name)
        if len(texts) > 1:
            raise Invalid(errors={name[:200]: ["Send this parameter once."]})
        given[name] = texts[0]
    try:
        return query.model_validate(given)
    except ValidationError as error:
        raise as_invalid(error) from None


def _parse_body(request: Request, body: type[Model]) -> Model:
    raw = request.raw_body
    if len(raw) > MAX_BODY_BYTES:
        raise TooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes. File bytes go to S3, not through the API.")
    if raw.strip():
        media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedMediaType
    try:
        return body.model_validate_json(raw.strip() or b"{}")
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
            raise BadJson from None
        raise as_invalid(error) from None


def _refuse(call: Call, error: SealdropError) -> Response:
    call.code, call.reason = error.code, error.reason
    status = STATUS_OF_CODE[error.code]
    response = _finish(call, status, error_body(error, call.request_id))
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 429:
        response.headers["X-RateLimit-Reset"] = str(-(-call.limit.next_token_at_us // MICROSECONDS))
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _fail(call: Call, error: Exception) -> Response:
    call.code, call.trouble = INTERNAL, describe(error)
    return _finish(call, 500, internal_body(call.request_id))


def _finish(call: Call, status: int, content: Any) -> Response:
    if call.noting_use and (failure := call.noting_use.exception()):  # Lambda may freeze once we have answered
        log("note_use_failed", request_id=call.request_id, trouble=describe(failure))
    log_call(call, status)
    headers: dict[str, str | list[str]] = {
        **FIXED_HEADERS,
        **rate_limit_headers(call.limit),
        "X-Request-Id": call.request_id,
    }
    if content is None:
        return Response(body="", status_code=204, headers=headers)
    return Response(body=_render(content), status_code=status, headers=headers)


def _render(content: Any) -> str:
    if isinstance(content, BaseModel):
        return f'{{"data":{content.model_dump_json(exclude_unset=True)}}}'
    if isinstance(content, Listing):
        rows = ",".join(row.model_dump_json() for row in content.rows)
        return f'{{"data":[{rows}],"meta":{content.meta.model_dump_json()}}}'
    return json.dumps(content, ensure_ascii=False)
