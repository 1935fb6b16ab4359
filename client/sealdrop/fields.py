"""Reading JSON that came from outside, field by field: every surprise is a BadAnswer, never a TypeError later."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sealdrop.errors import BadAnswer

T = TypeVar("T")
Json = Mapping[str, Any]


def parse_object(raw: bytes) -> Json:
    """A JSON object from bytes."""
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadAnswer("the answer is not JSON") from None
    return as_object(answer, "answer")


def as_object(value: object, name: str) -> Json:
    if not isinstance(value, dict):
        raise BadAnswer(f"the answer's {name} is not an object")
    return value


def take(record: Json, name: str, kind: type[T]) -> T:
    """A field that must be there; True is no integer here."""
    value = record.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadAnswer(f"the answer's {name} is missing or not of type {kind.__name__}")
    return value


def optional(record: Json, name: str, kind: type[T]) -> T | None:
    return None if record.get(name) is None else take(record, name, kind)


def size(record: Json, name: str) -> int:
    """A count of bytes or parts: an integer from 0."""
    value = take(record, name, int)
    if value < 0:
        raise BadAnswer(f"the answer's {name} is negative")
    return value


def moment(record: Json, name: str) -> datetime:
    """A time that must be there, RFC 3339 with its zone, as UTC."""
    try:
        value = datetime.fromisoformat(take(record, name, str))
        if value.tzinfo is None:
            raise ValueError("no zone")
        return value.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadAnswer(f"the answer's {name} is not a time") from None


def optional_moment(record: Json, name: str) -> datetime | None:
    return None if record.get(name) is None else moment(record, name)


def binary(record: Json, name: str) -> bytes:
    """Base64, strictly."""
    try:
        return base64.b64decode(take(record, name, str), validate=True)
    except (binascii.Error, ValueError):
        raise BadAnswer(f"the answer's {name} is not base64") from None


def strings(record: Json, name: str) -> dict[str, str]:
    """An object whose values are all text."""
    value = take(record, name, dict)
    if not all(isinstance(item, str) for item in value.values()):
        raise BadAnswer(f"the answer's {name} holds something that is not text")
    return value


def items(record: Json, name: str, parse: Callable[[Json], T]) -> tuple[T, ...]:
    """A list of objects, each parsed."""
    return tuple(parse(as_object(item, name)) for item in take(record, name, list))


def texts(record: Json, name: str) -> tuple[str, ...]:
    value = take(record, name, list)
    if not all(isinstance(item, str) for item in value):
        raise BadAnswer(f"the answer's {name} holds something that is not text")
    return tuple(value)
