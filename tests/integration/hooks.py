"""What can happen around one AWS call: a rival acts, the line breaks, AWS answers something else.

All by botocore's own events: `before-call` comes once a call, when the request is made up and not yet sent;
`before-send` once an attempt; `after-call` when the answer is there, and may be lost.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

Action = Callable[[], object]
Headers = Mapping[str, str]
NONE: Headers = {}

BROKEN_LINES = {
    "refused": EndpointConnectionError,
    "closed": ConnectionClosedError,
    "no answer to connect": ConnectTimeoutError,
    "no answer in time": ReadTimeoutError,
}


class Hooks:
    """`call` is named as botocore names it: "dynamodb.UpdateItem". With `table`, only what goes to that one is met;
    with `times`, only that many.
    """

    def __init__(self, clients: dict[str, Any]) -> None:
        self._clients = clients
        self._registered: list[tuple[str, Callable[..., Any]]] = []

    def rival_before(self, call: str, act: Action, *, times: int = 1) -> list[object]:
        """`act` happens between our read and our write. Answers what it will have answered."""
        answers: list[object] = []
        left = [times]

        def handler(**_: Any) -> None:
            if left[0]:
                left[0] -= 1  # first, for the rival makes the same call
                answers.append(act())

        self._on(f"before-call.{call}", handler)
        return answers

    def count(self, call: str) -> list[str]:
        """One entry a call, from now on."""
        seen: list[str] = []

        def handler(event_name: str, **_: Any) -> None:
            seen.append(event_name.partition(".")[2])

        self._on(f"before-call.{call}", handler)
        return seen

    def watch(self, call: str, look: Callable[[Any], object]) -> None:
        """`look` is shown each request as it goes out."""

        def handler(request: Any, **_: Any) -> None:
            look(request)

        self._on(f"before-send.{call}", handler)

    def refuse(self, call: str, code: str, status: int = 400, **when: Any) -> None:
        """AWS answers an error instead."""
        protocol = call.partition(".")[0]
        self._instead(call, lambda: error_answer(protocol, code, status), **when)

    def answer(self, call: str, body: bytes, status: int = 200, *, headers: Headers = NONE, **when: Any) -> None:
        """AWS answers this instead."""
        self._instead(call, lambda: http_answer(status, body, headers), **when)

    def break_line(self, call: str, error: type[Exception], **when: Any) -> None:
        """Nothing gets through to AWS."""
        self._instead(call, lambda: _fail(error), **when)

    def lose_answers(self, call: str, *, times: int = 1, table: str = "") -> None:
        """The work is done at AWS, but its answer never comes; botocore tries again."""
        left = [times]

        def handler(request: Any, **_: Any) -> None:
            if left[0] and table.encode() in (request.body or b""):
                left[0] -= 1
                self._clients[call.partition(".")[0]]._endpoint._send(request)
                raise ReadTimeoutError(endpoint_url=request.url)

        self._on(f"before-send.{call}", handler)

    def remove_all(self) -> None:
        for event, handler in self._registered:
            self._client(event).meta.events.unregister(event, handler)
        self._registered.clear()

    def _instead(
        self, call: str, make: Callable[[], AWSResponse], *, times: int | None = None, table: str = ""
    ) -> None:
        left = [times]

        def handler(request: Any, **_: Any) -> AWSResponse | None:
            if left[0] == 0 or table.encode() not in (request.body or b""):
                return None
            if left[0] is not None:
                left[0] -= 1
            return make()

        self._on(f"before-send.{call}", handler)

    def _on(self, event: str, handler: Callable[..., Any]) -> None:
        self._client(event).meta.events.register(event, handler)
        self._registered.append((event, handler))

    def _client(self, event: str) -> Any:
        return self._clients[event.split(".")[1]]


def error_answer(service: str, code: str, status: int) -> AWSResponse:
    """An error as this service words it: XML from S3, JSON from the others."""
    if not code:
        return http_answer(status, b"")
    if service == "s3":
        return http_answer(status, f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode())
    return http_answer(status, json.dumps({"__type": f"com.amazonaws#{code}", "message": "as told"}).encode())


def http_answer(status: int, body: bytes, headers: Headers = NONE) -> AWSResponse:
    return AWSResponse("http://127.0.0.1/", status, HeadersDict(headers), _Body(body))


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _fail(error: type[Exception]) -> AWSResponse:
    raise error(endpoint_url="http://127.0.0.1/", error="as told")
