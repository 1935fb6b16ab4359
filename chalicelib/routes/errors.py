"""The error table: which status each code is answered with, and the shape that all errors have."""

from typing import Any

from chalicelib.domain.errors import SealdropError

INTERNAL = "internal"
INTERNAL_MESSAGE = "Something went wrong on our side. The request id helps us find out what."

STATUS_OF_CODE = {
    "bad_json": 400,
    "unauthenticated": 401,
    "missing_scope": 403,
    "not_found": 404,
    "conflict": 409,
    "upload_over": 409,
    "gone": 410,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "rate_limited": 429,
    INTERNAL: 500,
    "busy": 503,
}


def error_body(error: SealdropError, request_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {"message": error.message, "code": error.code}
    if error.errors:
        body["errors"] = {field: list(reasons) for field, reasons in error.errors.items()}
    return body | {"request_id": request_id}


def internal_body(request_id: str) -> dict[str, Any]:
    return {"message": INTERNAL_MESSAGE, "code": INTERNAL, "request_id": request_id}
