"""docs/webhooks.md: its receiver takes what we send, and its tables are the code's."""

import io
import json
import re
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.adapters.standard_webhooks import signed_headers
from chalicelib.adapters.webhook_http import TOTAL_SECONDS
from chalicelib.domain.webhook import ANNOUNCED, KEPT, MAX_WEBHOOKS, PAUSES, secret_text
from infra.openapi.webhooks import webhooks
from tests.support.builders import a_delivery

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = bytes(range(32))
DELIVERY = a_delivery()


class Asked:
    """The page's receiver, asked without a line."""

    def __init__(self) -> None:
        (source,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        self.events: list[Any] = []
        names: dict[str, Any] = {"SECRET": secret_text(SECRET), "handle": lambda *event: self.events.append(event)}
        exec(source, names)  # noqa: S102 - our own page's
        self._handler = cast(type[BaseHTTPRequestHandler], names["Receiver"])

    def __call__(self, body: str) -> int:
        request, statuses = cast(Any, self._handler.__new__(self._handler)), []
        request.headers, request.rfile = Message(), io.BytesIO(body.encode())
        for name, value in signed_headers(SECRET, DELIVERY.id, datetime.now(UTC), DELIVERY.body).items():
            request.headers[name] = value
        request.headers["Content-Length"] = str(len(body))
        request.send_response, request.end_headers = statuses.append, lambda: None
        request.do_POST()
        (status,) = statuses
        return int(status)


def test_its_receiver_takes_a_delivery_once() -> None:
    ask, told = Asked(), json.loads(DELIVERY.body)
    assert (ask(DELIVERY.body), ask(DELIVERY.body)) == (204, 204)
    assert ask.events == [(told["type"], told["timestamp"], told["data"])]


def test_and_nothing_else() -> None:
    ask = Asked()
    assert ask(DELIVERY.body.replace("file", "fi1e")) == 401
    assert ask.events == []


def test_its_types_and_its_example() -> None:
    assert set(re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", PAGE, re.MULTILINE)) == set(map(str, ANNOUNCED))
    (example,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    told = json.loads(example)
    assert told.keys() == json.loads(DELIVERY.body).keys()
    assert json.dumps(told, sort_keys=True, separators=(",", ":")) == example.strip()


def test_its_fields_are_the_documents() -> None:
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \| [^|]+ \| ([^|]+) \|", PAGE, re.MULTILINE)
    for kind, request in webhooks().items():
        (data,) = [re.findall(r"`([a-z_]+)`", words) for name, words in rows if name == kind]
        schema = request["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert set(data) == schema["properties"]["data"]["properties"].keys()


@pytest.mark.parametrize("says", [f"within {TOTAL_SECONDS} seconds", f"has {KEPT.days} days of them"])
def test_its_numbers(says: str) -> None:
    assert says in PAGE


def test_its_pauses() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    (said,) = re.findall(r"again after (.*?), and then given up", PAGE, re.DOTALL)
    found = re.findall(r"(\d+) (s|min|h)\b", said)
    assert [int(count) * units[unit] for count, unit in found] == [pause.total_seconds() for pause in PAUSES]
    assert MAX_WEBHOOKS == 10  # "ten"
