"""The AWS side of the stack: moto behind checks that AWS makes and moto does not."""

import threading
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


class Edge:
    """A WSGI app that answers as AWS."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._dynamodb = threading.RLock()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["RAW_URI"] = environ["REQUEST_URI"]
        if environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            with self._dynamodb:  # moto's conditional writes are not atomic across threads
                return list(self._moto(environ, start_response))
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer
