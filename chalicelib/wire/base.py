"""What every wire model shares: the strictness of what comes in, the form of what goes out."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

from chalicelib.domain.errors import Invalid


class In(BaseModel):
    """A request's body: unknown fields are refused and types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Query(BaseModel):
    """A request's query parameters: all of them text, so types are read from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Out(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(In):
    """A body that holds nothing: absent, or `{}`."""


class NoQuery(Query):
    """No query parameters."""


def _rfc3339(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text_only(value: Any) -> Any:
    """Numbers would be read as seconds since 1970, and dates as midnight: neither is what anybody means."""
    if isinstance(value, str) and ("T" in value or "t" in value or " " in value):
        return value
    if isinstance(value, datetime):
        return value
    raise ValueError("Write a time with its zone, as in 2026-12-31T23:59:00Z.")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range.") from None


Moment = Annotated[
    AwareDatetime,
    Field(strict=False),  # behind _text_only, pydantic takes JSON's text for Python's, which strict refuses
    BeforeValidator(_text_only),
    AfterValidator(_in_utc),
    PlainSerializer(_rfc3339, return_type=str),
]


def _sha256(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != 32 or base64.b64encode(digest).decode() != text:
        raise ValueError("Send the SHA-256 as base64 of its 32 bytes (44 characters).")
    return text


Sha256 = Annotated[str, AfterValidator(_sha256)]


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


_PLAIN_WORDS = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field here.",
    "value_error": "",
}


def as_invalid(error: ValidationError) -> Invalid:
    """pydantic's findings in our shape: {field: [reason]}, fields joined by dots, no word of the input."""
    errors: dict[str, list[str]] = {}
    for found in error.errors(include_url=False, include_context=True, include_input=False):
        field = ".".join(str(part) for part in found["loc"]) or "body"
        errors.setdefault(field[:200], []).append(_reason(found))
    return Invalid(errors=dict(list(errors.items())[:50]))


def _reason(found: Any) -> str:
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    text: str = _PLAIN_WORDS.get(found["type"]) or found["msg"]
    return text if text.endswith(".") else text + "."
