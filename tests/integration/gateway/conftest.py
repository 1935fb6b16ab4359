"""A small app of our own behind the gateway: it hands back what it was handed."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.app import Chalice, CORSConfig, Response

from infra.local.functions import Functions
from infra.local.gateway import Gateway
from infra.local.gateway_responses import GatewayResponses
from infra.local.http_server import serving

CORS = CORSConfig(allow_origin="*", allow_headers=["Idempotency-Key"], expose_headers=["X-Request-Id"], max_age=600)


class Mirror:
    """The app, and the last event and context it saw."""

    def __init__(self) -> None:
        self.app = Chalice("mirror")
        self.event: dict[str, Any] = {}
        self.context: Any = None
        self.meet = threading.Barrier(32)
        self._small_routes()
        self._odd_routes()

    def _small_routes(self) -> None:
        app = self.app

        @app.route("/things", methods=["GET"], cors=CORS)
        @app.route("/things", methods=["POST"], cors=CORS, content_types=["*/*"])
        def things() -> Any:
            return {"ok": True}

        @app.route("/things/{thing_id}", methods=["GET"])
        def thing(thing_id: str) -> Any:
            return {"thing_id": thing_id}

        @app.route("/things/special", methods=["GET"])
        def special() -> Any:
            return {"special": True}

        @app.route("/", methods=["GET"])
        def root() -> Any:
            return {"root": True}

    def _odd_routes(self) -> None:
        app = self.app

        @app.route("/slow/{number}", methods=["GET"])
        def slow(number: str) -> Any:
            """All callers are inside at once; each has to find its own request afterwards."""
            self.meet.wait(20)
            request = app.current_request
            return {"path": number, "query": request.query_params["n"], "header": request.headers["x-n"]}

        @app.route("/bytes", methods=["GET", "PUT"], content_types=["*/*"])
        def data() -> Any:
            return Response(bytes(range(256)), headers={"Content-Type": "application/octet-stream"})

        @app.route("/large/{size}", methods=["GET"])
        def large(size: str) -> Any:
            return Response("x" * int(size), headers={"Content-Type": "text/plain"})

        @app.route("/cookies", methods=["GET"])
        def cookies() -> Any:
            return Response("", status_code=204, headers={"Set-Cookie": ["a=1", "b=2"], "X-One": "1"})


class Recording(Functions):
    """Notes what came in. `function` can be put in the app's place, `error` is its crash."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(mirror.app)
        self.mirror = mirror
        self.restore()

    def restore(self) -> None:
        self.error: Exception | None = None
        self.function: Callable[[Any, Any], Any] = self.app

    def api(self, event: dict[str, Any]) -> Any:
        return self._call(self._recorded, "api", event, 29_000)

    def _recorded(self, event: Any, context: Any) -> Any:
        self.mirror.event, self.mirror.context = event, context
        if self.error:
            raise self.error
        return self.function(event, context)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Mirror, Recording, str]]:
    mirror = Mirror()
    functions = Recording(mirror)
    with serving(Gateway(functions, GatewayResponses.of())) as server:
        yield mirror, functions, server.url


@pytest.fixture
def mirror(running: tuple[Mirror, Recording, str]) -> Mirror:
    return running[0]


@pytest.fixture
def functions(running: tuple[Mirror, Recording, str]) -> Iterator[Recording]:
    yield running[1]
    running[1].restore()


@pytest.fixture
def url(running: tuple[Mirror, Recording, str]) -> str:
    return running[2] + "/api"
