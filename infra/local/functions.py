"""Runs the app's Lambda functions in this process, each call with JSON in, JSON out and a context of its own."""

import json
from typing import Any

from chalice.app import Chalice
from chalice.local import LambdaContext, LocalChalice

API_TIMEOUT_MS = 29_000
EVENT_TIMEOUT_MS = 300_000


class FunctionFailed(Exception):
    """The function raised, or answered what is not JSON."""


class Functions:
    """`app` becomes thread-safe: a plain Chalice hands one request's data to other threads.

    `app.lambda_context` stays shared even so: nothing may read it.
    """

    def __init__(self, app: Chalice) -> None:
        app.__class__ = LocalChalice
        self.app = app

    def api(self, event: dict[str, Any]) -> Any:
        return self._call(self.app, "api_handler", event, API_TIMEOUT_MS)

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        """A function of `app.handler_map`. Raises FunctionFailed."""
        return self._call(self.app.handler_map[name], name, event, EVENT_TIMEOUT_MS)

    @staticmethod
    def _call(function: Any, name: str, event: dict[str, Any], timeout_ms: int) -> Any:
        context = LambdaContext(name, 1024, timeout_ms)
        try:
            # On AWS both go over the wire as JSON: nothing else may get through here either.
            return json.loads(json.dumps(function(json.loads(json.dumps(event)), context)))
        except Exception as error:
            raise FunctionFailed(f"{name}: {type(error).__name__}: {error}") from error
