"""What webhooks receive: OpenAPI's `webhooks`, one request for each type of event that is announced."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.domain.event import EventType
from chalicelib.domain.webhook import ANNOUNCED
from infra.openapi.examples import UUID, example_of

Schema = dict[str, Any]

ID: Schema = {"type": "string", "format": "uuid"}


class _Announced(NamedTuple):
    when: str
    fields: Mapping[str, Schema]  # of `data`
    optional: frozenset[str] = frozenset()


_ANNOUNCED = {
    EventType.FILE_READY: _Announced("A file was uploaded and verified", {"file": ID}),
    EventType.MAIL_OPENED: _Announced("A recipient opened a mail, the first time", {"mail": ID, "download": ID}),
    EventType.DOWNLOAD_PERFORMED: _Announced(
        "A download was performed, by anybody",
        {
            "download": ID,
            "files": {"type": "array", "items": ID, "description": "Those that were handed out."},
            "uses_left": {"type": "integer", "minimum": 0, "description": "How often it can still be performed."},
            "mail": {**ID, "description": "Whose download it is; absent if it was made by hand."},
        },
        frozenset({"mail"}),
    ),
}
_HEADERS = {
    "webhook-id": ("The delivery: the same with every try.", ID, UUID),
    "webhook-timestamp": (
        "Of this try, in seconds since 1970.",
        {"type": "string", "pattern": "^[0-9]+$"},
        "1772366400",
    ),
    "webhook-signature": (
        "HMAC-SHA-256 under the webhook's secret, over id, timestamp and body, as Standard Webhooks has it.",
        {"type": "string", "pattern": "^v1,[A-Za-z0-9+/]{43}=$"},
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    ),
}
_ANSWERS = {
    "2XX": "It was taken, within 15 seconds: it is not sent again.",
    "410": "It is not wanted: this delivery is given up.",
    "default": "It is tried again, for a day, with longer and longer pauses. No redirect is followed.",
}


def webhooks() -> dict[str, Any]:
    """By type. Raises KeyError for one that is announced and not described here."""
    return {str(event): {"post": _request(event)} for event in sorted(ANNOUNCED)}


def _request(event: EventType) -> dict[str, Any]:
    schema = _body(event)
    return {
        "operationId": f"webhook_{str(event).replace('.', '_')}",
        "tags": ["webhooks"],
        "summary": _ANNOUNCED[event].when,
        "description": f"Sent to each webhook that names `{event}` among its types. Names and texts are asked for by "
        "the ids, with a token. It may come more than once, and in any order.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": words, "schema": shape, "example": example}
            for name, (words, shape, example) in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example_of(schema, {})}},
        },
        "responses": {status: {"description": words} for status, words in _ANSWERS.items()},
    }


def _body(event: EventType) -> Schema:
    """Left open, as answers are: receivers must be ready for fields that are added one day."""
    fields, optional = _ANNOUNCED[event].fields, _ANNOUNCED[event].optional
    data = {"type": "object", "properties": fields, "required": sorted(fields.keys() - optional)}
    happened = {"type": "string", "format": "date-time", "description": "When it happened."}
    properties = {"type": {"const": str(event)}, "timestamp": happened, "data": data}
    return {"type": "object", "properties": properties, "required": ["data", "timestamp", "type"]}
