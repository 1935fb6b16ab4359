"""A threaded HTTP/1.1 server on 127.0.0.1 that hands WSGI apps every header as it was sent."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from cheroot import server as cheroot_server
from cheroot import wsgi

__all__ = ["HEADERS", "PortTaken", "Serving", "WSGIApplication", "drain", "serving"]

HOST = "127.0.0.1"
HEADERS = "local.headers"  # environ key: [(name as sent, value), ...], repeated headers kept apart
DRAIN_LIMIT = 6 * 2**30  # more than the largest body a client may send, so that it reads our answer
DRAIN_CHUNK = 1 << 20

_log = logging.getLogger(__name__)


class PortTaken(Exception):
    """Another program listens on the port that was asked for."""


class _KeepAllHeaders(cheroot_server.HeaderReader):
    """cheroot folds repeated headers into one value or drops all but the last."""

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        lines = _Tee(rfile)
        headers = super().__call__(lines, hdict)
        headers[HEADERS] = lines.pairs()
        return headers


class _Tee:
    def __init__(self, rfile: Any) -> None:
        self._rfile = rfile
        self._lines: list[bytes] = []

    def readline(self) -> bytes:
        line: bytes = self._rfile.readline()
        self._lines.append(line)
        return line

    def pairs(self) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        for line in self._lines[:-1]:  # the last one is the empty line
            if line[:1] in b" \t" and pairs:  # a folded line continues the one before
                name, value = pairs.pop()
                pairs.append((name, f"{value} {line.strip().decode('latin-1')}"))
                continue
            name, _, value = line.decode("latin-1").partition(":")
            pairs.append((name.strip(), value.strip()))
        return pairs


class _Request(cheroot_server.HTTPRequest):
    header_reader = _KeepAllHeaders()


class _Connection(cheroot_server.HTTPConnection):
    RequestHandlerClass = _Request
    rbufsize = 1 << 16


class _Gateway(wsgi.Gateway_10):
    def get_environ(self) -> Any:
        pairs = self.req.inheaders.pop(HEADERS, [])
        environ = super().get_environ()  # type: ignore[no-untyped-call]
        environ[HEADERS] = pairs
        return environ


class _Server(wsgi.Server):
    ConnectionClass = _Connection
    keep_alive_conn_limit: int | None = None  # type: ignore[assignment] # None is cheroot's word for no limit
    expiration_interval = 0.1  # also how long a stop may take
    max_request_header_size = 64 * 1024

    def __init__(self, app: WSGIApplication, port: int, threads: int) -> None:
        super().__init__((HOST, port), app, numthreads=threads, request_queue_size=256, timeout=60)
        self.gateway = _Gateway
        self.server_name = "local"

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002
        _log.log(level, msg, exc_info=traceback)


class Serving:
    """A server that answers requests."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"


@contextmanager
def serving(app: WSGIApplication, port: int = 0, threads: int = 40) -> Iterator[Serving]:
    """Port 0 picks a free one. Raises PortTaken."""
    server = _Server(app, port, threads)
    try:
        server.prepare()
    except OSError as error:
        raise PortTaken(f"port {port} on {HOST} is taken or not allowed: {error}") from error
    thread = threading.Thread(target=server.serve, name=f"serve-{port}", daemon=True)
    thread.start()
    try:
        yield Serving(server.bind_addr[1])
    finally:
        server.stop()
        thread.join()


def drain(environ: dict[str, Any]) -> bool:
    """Read what is left of a body, so that the client reads our answer instead of a reset.

    False when there is more than anyone may send: the connection has to be closed.
    """
    stream, left = environ["wsgi.input"], DRAIN_LIMIT
    while left > 0:
        chunk = stream.read(DRAIN_CHUNK)
        if not chunk:
            return True
        left -= len(chunk)
    return False


def answer(
    start_response: StartResponse, status: str, headers: Iterable[tuple[str, str]], body: bytes
) -> Iterable[bytes]:
    """One complete answer of known length."""
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]
