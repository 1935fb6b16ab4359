"""What every wire model shares: the strictness of what comes in, the form of what goes out, the words about both."""

import base64
import binascii
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
)
from pydantic_core.core_schema import CoreSchema, no_info_after_validator_function, no_info_before_validator_function

from chalicelib.domain.errors import Invalid
from chalicelib.domain.moments import rfc3339

_building = threading.RLock()


class Deferred(BaseModel):
    """Built when it is first used: who starts for one request needs a few of these models, and there are seventy.

    pydantic's own way of doing that is not safe among threads before 2.14, so here they take turns.
    """

    model_config = ConfigDict(defer_build=True)

    @classmethod
    def model_rebuild(cls, **options: Any) -> bool | None:
        with _building:
            return super().model_rebuild(**options)


class In(Deferred):
    """A request's body: unknown fields are refused and types are not guessed."""

    EXAMPLES: ClassVar[Mapping[str, Any]] = {}  # bodies by what they are for; the fields' own examples without them

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Query(Deferred):
    """A request's query parameters: all of them text, so types are read from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Out(Deferred):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(In):
    """A body that holds nothing: absent, or `{}`."""


class NoQuery(Query):
    """No query parameters."""


@dataclass(frozen=True, slots=True)
class RawJson:
    """An answer that is JSON already, and goes out without `data` around it."""

    text: str


def doc(text: str, *examples: Any, **schema: Any) -> Any:
    """What the reference says of a field: its meaning, examples, and rules that pydantic's schema does not know."""
    known: dict[str, Any] = {"description": text, "examples": list(examples), "json_schema_extra": schema}
    return Field(**{name: value for name, value in known.items() if value})  # what is not named stays the type's


@dataclass(frozen=True, slots=True)
class Shape:
    """Text that matches this pattern from end to end. `words` tell who sends another what to send instead."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "pattern": self.pattern}

    def _checked(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise ValueError(self.words)
        return text


class NotNull:
    """A field that may be left out but not be null. What stands in for one that is left out is not looked at."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        options: list[dict[str, Any]] = handler(core)["anyOf"]
        return next(option for option in options if option != {"type": "null"})

    @staticmethod
    def _checked(value: Any) -> Any:
        if value is None:
            raise ValueError("This cannot be null: leave it out to keep what is there.")
        return value


Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]


_A_TIME = "Write a time with its zone, as in 2026-12-31T23:59:00Z."


def _text_only(value: Any) -> Any:
    """Numbers would be read as seconds since 1970, and dates as midnight: neither is what anybody means."""
    if isinstance(value, str) and ("T" in value or "t" in value or " " in value):
        return value
    if isinstance(value, datetime):
        return value
    raise ValueError(_A_TIME)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range.") from None


class _MomentSchema:
    """RFC 3339: what comes in may stand in any zone, what goes out is always UTC with microseconds."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = {"type": "string", "format": "date-time"}
        if handler.mode == "serialization":
            schema["pattern"] = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$"
        return schema


Moment = Annotated[
    AwareDatetime,
    Field(strict=False),  # behind _text_only, pydantic takes JSON's text for Python's, which strict refuses
    BeforeValidator(_text_only),
    AfterValidator(_in_utc),
    PlainSerializer(rfc3339, return_type=str),
    _MomentSchema(),
]


def _sha256(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != 32 or base64.b64encode(digest).decode() != text:
        raise ValueError("Send the SHA-256 as base64 of its 32 bytes (44 characters).")
    return text


Sha256 = Annotated[
    str,
    AfterValidator(_sha256),
    doc(
        "SHA-256 as base64 of its 32 bytes.",
        "DRx/GSp70IuF1qjNiAICBnarsJyZ1ECszwaa1c244qQ=",
        pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$",
        contentEncoding="base64",
    ),
]


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# What to send instead, by pydantic's name of the finding; the braces are filled from its context.
_WORDS = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no such field here.",
    "string_type": "Write text, in quotes.",
    "string_too_short": "Write {min_length} or more characters.",
    "string_too_long": "Write {max_length} or fewer characters.",
    "int_type": "Write a whole number, without quotes.",
    "int_parsing": "Write a whole number.",
    "int_from_float": "Write a whole number.",
    "greater_than_equal": "Write a number from {ge} up.",
    "less_than_equal": "Write a number up to {le}.",
    "bool_type": "Write true or false, without quotes.",
    "literal_error": "Write one of these: {expected}.",
    "list_type": "Send a list, in [ and ].",
    "too_short": "Name {min_length} or more.",
    "too_long": "Name {max_length} or fewer.",
    "model_type": "Send an object, in {{ and }}.",
    "timezone_aware": _A_TIME,
    "datetime_parsing": _A_TIME,
    "datetime_from_date_parsing": _A_TIME,
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
    if words := _WORDS.get(found["type"]):
        return words.format(**found.get("ctx", {}))
    text: str = found["msg"]
    return text if text.endswith(".") else text + "."
