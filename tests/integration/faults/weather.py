"""What can befall a call to AWS, below boto3: the plan of one schedule, struck by botocore's own events.

A call is sent by the one `before-send` handler here, or is not. Where an answer is lost its work is done all the same;
where a function is killed nothing of it runs on, neither its handlers of errors nor another of its calls.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto.core.models import botocore_stubber

from tests.integration.hooks import error_answer, http_answer


class Kind(StrEnum):
    RIVAL = "somebody else acts first"
    THROTTLED = "refused for now"
    COLLIDED = "cancelled, for another writes the same items"  # of transactions; others are throttled
    FAILED = "answered 500, and not done"
    UNREACHED = "never sent"
    UNANSWERED = "done, and the answer lost"
    FAILED_AND_DONE = "done, and answered 500"
    LATE = "given up, and done later"
    KILLED = "the function dies before it"
    KILLED_AFTER = "done, and the function dies"


@dataclass(frozen=True)
class Fault:
    calls: int  # that go well before it, since the last one
    kind: Kind


class Killed(BaseException):
    """Passes every `except Exception`, as death does."""


@dataclass
class Life:
    """One run of a function."""

    is_over: bool = False


_SERVICES: dict[str, tuple[tuple[str, int], str]] = {  # how each says "not now", with which status, and "we failed"
    "dynamodb": (("ThrottlingException", 400), "InternalServerError"),
    "kms": (("ThrottlingException", 400), "KMSInternalException"),
    "s3": (("SlowDown", 503), "InternalError"),
    "sqs": (("ThrottlingException", 400), "InternalError"),
    "sesv2": (("TooManyRequestsException", 429), "InternalServiceErrorException"),
}
_DONE = {Kind.UNANSWERED, Kind.FAILED_AND_DONE, Kind.KILLED_AFTER}
_SILENT = {Kind.UNANSWERED, Kind.LATE}


@dataclass
class Weather:
    """`rival` is what somebody else does meanwhile; while they do, nothing befalls them."""

    plan: Sequence[Fault] = ()
    rival: Callable[[], object] = lambda: None
    struck: list[tuple[Kind, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ahead = list(self.plan)
        self._waited = 0
        self._lives: list[Life] = []
        self._sheltered = False
        self._late: list[tuple[str, Any]] = []
        self._done: dict[str, AWSResponse] = {}  # transactions by their token, as DynamoDB knows them

    @contextmanager
    def life(self) -> Iterator[Life]:
        """A function runs, and may be killed; then the block ends here."""
        life = Life()
        self._lives.append(life)
        try:
            yield life
        except Killed:
            life.is_over = True
        finally:
            self._lives.pop()

    def clear_up(self) -> None:
        """Nothing befalls anybody any more; what was given up is done at last."""
        self._ahead.clear()
        self._catch_up()

    def send(self, event_name: str, request: Any) -> AWSResponse | None:
        """In the place of the network."""
        _, service, operation = event_name.split(".")
        if self._lives and self._lives[-1].is_over:
            raise Killed
        kind = self._next_kind(operation)
        if kind is None:
            return self._do(event_name, request)
        self.struck.append((kind, operation))
        self._catch_up()
        return self._strike(kind, service, event_name, request)

    def _next_kind(self, operation: str) -> Kind | None:
        if self._sheltered or not self._ahead:
            return None
        if self._waited < self._ahead[0].calls:
            self._waited += 1
            return None
        self._waited = 0
        kind = self._ahead.pop(0).kind
        return Kind.THROTTLED if kind is Kind.COLLIDED and operation != "TransactWriteItems" else kind

    def _strike(self, kind: Kind, service: str, event_name: str, request: Any) -> AWSResponse | None:
        if kind is Kind.RIVAL:
            self._shelter(self.rival)
            return self._do(event_name, request)
        if kind is Kind.LATE:
            self._late.append((event_name, request))
        if kind in _DONE:
            self._do(event_name, request)
        if kind in {Kind.KILLED, Kind.KILLED_AFTER} and self._lives:
            self._lives[-1].is_over = True
            raise Killed
        if kind in _SILENT:
            raise ReadTimeoutError(endpoint_url=request.url)
        if kind is Kind.COLLIDED:
            return _cancelled(request)
        return _refused(kind, service, request)

    def _shelter(self, act: Callable[[], object]) -> None:
        self._sheltered = True
        try:
            act()
        finally:
            self._sheltered = False

    def _catch_up(self) -> None:
        late, self._late = self._late, []
        for event_name, request in late:
            self._do(event_name, request)

    def _do(self, event_name: str, request: Any) -> AWSResponse | None:
        """DynamoDB does a transaction once that comes again under its token; moto would do it twice."""
        token = _token(request) if event_name.endswith("TransactWriteItems") else None
        if token in self._done:
            return self._done[token]
        answer: AWSResponse | None = botocore_stubber(event_name=event_name, request=request)
        if token and answer is not None and answer.status_code == 200:
            self._done[token] = answer
        return answer


class Sky:
    """Is over the clients for good, and has another weather for each schedule."""

    def __init__(self) -> None:
        self.weather = Weather()

    def over(self, client: Any) -> Any:
        events = client.meta.events
        events.unregister("before-send", botocore_stubber)  # every handler is called, whatever another has answered
        events.register("before-send", self._send)
        return client

    def _send(self, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        return self.weather.send(event_name, request)


def _token(request: Any) -> str:
    return str(json.loads(request.body)["ClientRequestToken"])


def _refused(kind: Kind, service: str, request: Any) -> AWSResponse:
    throttled, internal = _SERVICES[service]
    if kind is Kind.THROTTLED:
        return error_answer(service, *throttled)
    if kind in {Kind.FAILED, Kind.FAILED_AND_DONE}:
        return error_answer(service, internal, 500)
    raise EndpointConnectionError(endpoint_url=request.url)


def _cancelled(request: Any) -> AWSResponse:
    reasons = [{"Code": "None"} for _ in json.loads(request.body)["TransactItems"]]
    reasons[-1] = {"Code": "TransactionConflict"}
    name = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return http_answer(
        400, json.dumps({"__type": name, "Message": "cancelled", "CancellationReasons": reasons}).encode()
    )
