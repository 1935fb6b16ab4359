"""Lambda's Invoke on this machine: a function by its deployed name, run in this process.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote
from wsgiref.types import StartResponse

from infra.local.functions import FunctionFailed, Functions
from infra.local.http_server import answer_early
from infra.local.s3.request import AwsRequest

MAX_PAYLOAD = 6 * 2**20  # Lambda's, both ways

_PATH = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")
_BY_ARN = re.compile(r"(?:arn:[\w-]+:lambda:[\w-]+:)?\d{12}:(?:function:)?(?P<name>[\w-]+)(?::\$LATEST)?")


class _Refused(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Invocations:
    """Knows no function until it is told what runs here. Who may call is the edge's business: it checks signatures."""

    def __init__(self) -> None:
        self._functions: Functions | None = None
        self._handlers: Mapping[str, str] = {}

    def serve(self, functions: Functions, overrides: Mapping[str, Any]) -> None:
        """From now on, under the names that overrides.yaml gives them."""
        self._functions = functions
        declared: list[Any] = [*functions.app.pure_lambda_functions, *functions.app.event_sources]
        names = [config.name for config in declared]
        self._handlers = {overrides[logical_id(name)]["Properties"]["FunctionName"]: name for name in names}

    def __call__(
        self, request: AwsRequest, payload: bytes, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            status, headers, body = self._answer(request, payload)
        except _Refused as refused:
            status, headers = refused.status, [("x-amzn-ErrorType", refused.kind)]
            body = json.dumps({"Type": "User", "message": str(refused)}).encode()
        headers.append(("Content-Type", "application/json"))
        return answer_early(environ, start_response, f"{status} Answered", headers, body)

    def _answer(self, request: AwsRequest, payload: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        match = _PATH.fullmatch(request.raw_path)
        if match is None or request.method != "POST":
            raise _Refused(501, "NotImplemented", "Here Lambda knows one operation, Invoke.")
        if request.query.get("Qualifier", "$LATEST") != "$LATEST":
            raise _Refused(404, "ResourceNotFoundException", "Here functions have no versions.")
        name = self._name(unquote(match["function"]))
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return 204, [], b""
        if kind != "RequestResponse":
            raise _Refused(501, "NotImplemented", f"Here functions are invoked and waited for, not by {kind}.")
        return self._run(name, _event(payload))

    def _name(self, given: str) -> str:
        by_arn = _BY_ARN.fullmatch(given)
        name = by_arn["name"] if by_arn else given
        if name not in self._handlers:
            raise _Refused(404, "ResourceNotFoundException", f"Function not found: {given}")
        return self._handlers[name]

    def _run(self, name: str, event: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        assert self._functions is not None  # whoever has handlers has functions
        headers = [("X-Amz-Executed-Version", "$LATEST")]
        try:
            body = json.dumps(self._functions.invoke(name, event)).encode()
        except FunctionFailed as failed:
            cause = failed.__cause__
            headers.append(("X-Amz-Function-Error", "Unhandled"))
            body = json.dumps({"errorMessage": str(cause), "errorType": type(cause).__name__}).encode()
        if len(body) > MAX_PAYLOAD:
            raise _Refused(413, "RequestTooLargeException", "The answer is larger than Lambda's 6 MB.")
        return 200, headers, body


def logical_id(function: str) -> str:
    """What Chalice calls a function in its template: create_user is CreateUser."""
    return "".join(word.title() for word in function.split("_"))


def _event(payload: bytes) -> Any:
    if len(payload) > MAX_PAYLOAD:
        raise _Refused(413, "RequestTooLargeException", "The payload is larger than Lambda's 6 MB.")
    try:
        return json.loads(payload or b"{}")
    except ValueError as error:
        raise _Refused(400, "InvalidRequestContentException", f"Could not parse payload into json: {error}") from None
