"""Sending to receivers that users name: where a name leads is looked up once, checked, and connected to as it was.

A name of the public DNS may lead to the metadata service, or to one's own machine, and to another place a moment later.
So every address that it has must be public, and the connection goes to one of those, with the name in SNI, certificate
and Host. Redirects are answers like others; of an answer no more than its status is read.
"""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import closing
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, LineTooLong
from time import monotonic
from typing import Any

from chalicelib.domain.public_address import is_loopback, is_public
from chalicelib.domain.webhook_url import Target, target_of
from chalicelib.ports import NotReached

CONNECT_SECONDS = 5
TOTAL_SECONDS = 15  # less than the function's own time, whatever trickles in
MAX_LINE_BYTES = 8192
MAX_LINES = 100  # up to the final answer, with all that is interim
Resolve = Callable[..., list[Any]]

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: .*)?\r?\n?")  # RFC 9112, section 4


class WebhookHttp:
    def __init__(
        self,
        *,
        to_loopback: bool = False,
        resolve: Resolve = socket.getaddrinfo,
        trust: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        """`to_loopback` is for the stack on one machine alone."""
        self._to_loopback, self._resolve, self._total_seconds = to_loopback, resolve, total_seconds
        self._trust = trust or ssl.create_default_context()

    def __call__(self, url: str, headers: Mapping[str, str], body: str) -> int:
        try:
            target = target_of(url, to_loopback=self._to_loopback)
        except ValueError:
            raise NotReached("It leads nowhere that we send to.") from None
        deadline = monotonic() + self._total_seconds
        connection = _Pinned(target, self._address(target, deadline), self._trust, deadline)
        with closing(connection):
            cut = threading.Timer(_left(deadline), connection.cut)
            cut.start()
            try:
                connection.request("POST", target.path, body.encode(), dict(headers))
                status = connection.getresponse().status
                if connection.is_cut:  # to http.client, a head that breaks off has ended
                    raise TimeoutError
                return status
            except ssl.SSLCertVerificationError:
                raise NotReached("Its certificate is not good for this name.") from None
            except TimeoutError:
                raise NotReached("It does not answer in time.") from None
            except (OSError, HTTPException):
                raise NotReached("It does not answer in time." if connection.is_cut else _BROKEN) from None
            finally:
                cut.cancel()

    def _address(self, target: Target, deadline: float) -> str:
        """(H3) One of them, when all are public; of IPv4 where there is one: functions outside a VPC have no other."""
        try:
            found = self._looked_up(target, deadline)
        except TimeoutError:
            raise NotReached("Its name is not looked up in time.") from None
        except (OSError, UnicodeError):
            raise NotReached("Its name leads to no address.") from None
        addresses = [str(where[0]) for _, _, _, _, where in found]
        allowed = is_public if target.is_secure or not self._to_loopback else is_loopback
        if not addresses or not all(map(allowed, addresses)):
            raise NotReached("Its name leads to an address that is not public.")
        return min(addresses, key=lambda address: ":" in address)

    def _looked_up(self, target: Target, deadline: float) -> list[Any]:
        """(H3) The resolver knows no time limit and cannot be broken off, so another thread is left to wait for it.

        Where Lambda freezes it, it goes on waiting with the next delivery, until the resolver itself gives up.
        """
        answer = Future[list[Any]]()

        def look_up() -> None:
            try:
                answer.set_result(self._resolve(target.host, target.port, type=socket.SOCK_STREAM))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the answer is waited for
                answer.set_exception(error)

        threading.Thread(target=look_up, daemon=True).start()
        return answer.result(timeout=_left(deadline))


_BROKEN = "The connection failed."


def _left(deadline: float) -> float:
    return max(0.0, deadline - monotonic())


class _Status(HTTPResponse):
    """(H3) The first line alone: what else a stranger writes there can fail to be parsed, or take without end."""

    def begin(self) -> None:
        self.code = self.status = self._final_status()
        self.headers = self.msg = HTTPMessage()
        self.will_close, self.length = True, 0

    def _final_status(self) -> int:
        is_within = False  # the head of an interim answer
        for _ in range(MAX_LINES):
            line = self._line()
            if is_within:
                is_within = bool(line.strip())
                continue
            found = _STATUS_LINE.fullmatch(line)
            if not found:
                raise BadStatusLine(repr(line[:100]))
            status = int(found[1])
            if status >= 200 or status == 101:  # what is interim: RFC 9110, section 15.2
                return status
            is_within = True
        raise BadStatusLine("there is no final answer")

    def _line(self) -> bytes:
        line = self.fp.readline(MAX_LINE_BYTES + 1)
        if len(line) > MAX_LINE_BYTES:
            raise LineTooLong("head")
        return line


class _Pinned(HTTPConnection):
    """Connects to the address that was checked, whatever its name leads to by now."""

    response_class = _Status

    def __init__(self, target: Target, address: str, trust: ssl.SSLContext, deadline: float) -> None:
        super().__init__(target.host, target.port)
        self._target, self._address, self._trust, self._deadline = target, address, trust, deadline
        self._plain: socket.socket | None = None
        self.is_cut = False
        self.default_port = 443 if target.is_secure else 80  # left out of Host

    def connect(self) -> None:
        self._plain = socket.create_connection(
            (self._address, self._target.port), timeout=min(CONNECT_SECONDS, self._seconds_left())
        )
        try:
            self._plain.settimeout(self._seconds_left())  # of a handshake as a whole
            self.sock = self._secured(self._plain) if self._target.is_secure else self._plain
            if self.is_cut:  # meanwhile, when there was nothing to cut
                raise TimeoutError
        except BaseException:
            self._plain.close()
            raise

    def _seconds_left(self) -> float:
        """What looking up and connecting have left. Raises TimeoutError when it is nothing."""
        left = _left(self._deadline)
        if not left:
            raise TimeoutError
        return left

    def _secured(self, plain: socket.socket) -> ssl.SSLSocket:
        return self._trust.wrap_socket(plain, server_hostname=self._target.host)

    def cut(self) -> None:
        """From another thread: whatever waits for the other side fails."""
        self.is_cut = True
        for opened in (self.sock, self._plain):
            if opened:
                _shut(opened)


def _shut(opened: Any) -> None:
    try:
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
