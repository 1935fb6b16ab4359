"""A threaded HTTP/1.1 server on 127.0.0.1 that hands WSGI apps every header as it was sent."""

import errno
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from cheroot import server as cheroot_server
from cheroot import wsgi

HOST = "127.0.0.1"
HEADERS = "local.headers"  # environ key: [(name as sent, value), ...], repeated headers kept apart
CLOSE = "local.close"  # environ key: call it to have the connection closed after the answer
DRAIN_LIMIT = 6 * 2**30  # more than the largest body a client may send, so that it reads our answer
DRAIN_CHUNK = 1 << 20

_log = logging.getLogger(__name__)


class PortTaken(Exception):
    """The port that was asked for cannot be had; the text says why."""


class _KeepAllHeaders(cheroot_server.HeaderReader):
    """cheroot folds repeated headers into one value or drops all but the last."""

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        lines = _Tee(rfile)
        headers = super().__call__(lines, hdict)
        headers[HEADERS] = lines.pairs()
        return headers

    def _transform_key(self, key_name: bytes) -> Any:
        """What is before the colon. Space there is to be refused (RFC 9112, section 5.1): others may not see a header
        in it, or another one.
        """
        if key_name != key_name.strip():
            raise ValueError("No whitespace before a header's colon.")
        return super()._transform_key(key_name)  # type: ignore[misc] # not in cheroot's stubs

    def _allow_header(self, key_name: bytes) -> bool:
        """WSGI cannot tell X_Foo from X-Foo: who reads the environ must not be fooled."""
        return b"_" not in key_name


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
        environ = super().get_environ()  # type: ignore[no-untyped-call] # cheroot's stubs
        environ[HEADERS] = pairs
        environ[CLOSE] = self._close
        return environ

    def _close(self) -> None:
        self.req.close_connection = True


class _Server(wsgi.Server):
    ConnectionClass = _Connection
    keep_alive_conn_limit: int | None = None  # type: ignore[assignment] # None is cheroot's word for no limit
    expiration_interval = 0.1  # also how long a stop may take
    max_request_header_size = 64 * 1024

    def __init__(self, port: int, threads: int) -> None:
        super().__init__((HOST, port), None, numthreads=threads, request_queue_size=256, timeout=60)
        self.gateway = _Gateway
        self.server_name = "local"

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - as cheroot has it
        _log.log(level, msg, exc_info=traceback)


class Bound:
    """A server that has its port. Requests wait there until it serves an app."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.port: int = server.bind_addr[1]
        self.url = f"http://{HOST}:{self.port}"

    @contextmanager
    def serving(self, app: WSGIApplication) -> Iterator[None]:
        self._server.wsgi_app = app
        thread = threading.Thread(target=self._server.serve, name=f"serve-{self.port}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.stop()
            thread.join()


@contextmanager
def bound(port: int = 0, threads: int = 40) -> Iterator[Bound]:
    """Port 0 picks a free one. Raises PortTaken."""
    server = _Server(port, threads)
    try:
        server.prepare()
    except OSError as error:
        raise PortTaken(_why(port, error)) from error
    try:
        yield Bound(server)
    finally:
        server.stop()


@contextmanager
def serving(app: WSGIApplication, port: int = 0) -> Iterator[Bound]:
    """Raises PortTaken."""
    with bound(port) as server, server.serving(app):
        yield server


def _why(port: int, error: OSError) -> str:
    if f"[Errno {errno.EADDRINUSE}]" in str(error):  # cheroot has made a text of it
        return f"port {port} on {HOST} is taken: another program listens there"
    return f"port {port} on {HOST} cannot be had: {error}"


def drain(environ: dict[str, Any], most: int = DRAIN_LIMIT) -> None:
    """Read what is left of a body and forget it."""
    stream = environ["wsgi.input"]
    while most > 0 and (chunk := stream.read(DRAIN_CHUNK)):
        most -= len(chunk)


def answer_early(
    environ: dict[str, Any], start_response: StartResponse, status: str, headers: list[tuple[str, str]], body: bytes
) -> Iterator[bytes]:
    """Answer before the body was read, in such a way that the client gets to see it.

    Closing a connection with unread bytes resets it, and the answer is lost with it. So a small rest is read first.
    With a large one the answer goes out first: a client that waits for it is served, one that sends on is listened to.
    """
    if getattr(environ["wsgi.input"], "remaining", DRAIN_CHUNK + 1) <= DRAIN_CHUNK:
        drain(environ)
    else:
        environ[CLOSE]()
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    if environ["REQUEST_METHOD"] != "HEAD":
        yield body
    drain(environ)
