"""What browsers may do with a bucket: its own CORS rules and no others."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from infra.local.s3.errors import S3Error

Headers = list[tuple[str, str]]

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def preflight(rules: Iterable[Any], headers: Mapping[str, str]) -> Headers:
    """The answer to OPTIONS. Raises S3Error AccessForbidden."""
    method = headers.get("access-control-request-method", "")
    asked = [it.strip() for it in headers.get("access-control-request-headers", "").split(",") if it.strip()]
    rule = _rule(rules, headers.get("origin"), method, asked)
    if rule is None:
        message = "CORSResponse: This CORS request is not allowed."
        raise S3Error(403, "AccessForbidden", message, Method=method)
    allowed = [("Access-Control-Allow-Headers", ", ".join(asked).lower())] if asked else []
    if rule.max_age_seconds is not None:
        allowed.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    return [*_of(rule, headers["origin"]), *allowed]


def of_answer(rules: Iterable[Any], method: str, headers: Mapping[str, str]) -> Headers:
    """What goes on every other answer; nothing for those who are not browsers, or not welcome."""
    rule = _rule(rules, headers.get("origin"), method, [])
    return _of(rule, headers["origin"]) if rule else []


def _rule(rules: Iterable[Any], origin: str | None, method: str, asked: list[str]) -> Any:
    for rule in rules:
        if (
            origin
            and any(fnmatchcase(origin, pattern) for pattern in rule.allowed_origins)
            and method in rule.allowed_methods
            and all(_allowed(name, rule.allowed_headers or []) for name in asked)
        ):
            return rule
    return None


def _allowed(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _of(rule: Any, origin: str) -> Headers:
    any_origin = "*" in rule.allowed_origins
    headers = [
        ("Access-Control-Allow-Origin", "*" if any_origin else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.allowed_methods)),
        ("Vary", _VARY),
    ]
    if not any_origin:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if rule.exposed_headers:
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed_headers)))
    return headers
