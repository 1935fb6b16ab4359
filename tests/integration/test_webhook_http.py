"""What goes over the line to a receiver, against a server of our own under a name that is not this machine's."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.adapters import webhook_http
from chalicelib.adapters.webhook_http import WebhookHttp
from chalicelib.ports import NotReached

HOST = "receiver.example.com"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For HOST, with its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "receiver.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


class Receiver:
    """Takes one connection after the other; `talk` is what it does with each."""

    def __init__(self, certificate: Path) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.names: list[str | None] = []
        self.talk: Callable[[Any], None] = lambda line: line.sendall(OK)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self._tls.sni_callback = lambda _, name, __: self.names.append(name)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            try:
                plain.settimeout(5)
                with closing(self._tls.wrap_socket(plain, server_side=True)) as line:
                    head, _, body = self._request(line)
                    self.heads.append(head)
                    self.bodies.append(body)
                    self.talk(line)
            except OSError:
                continue  # the other side went

    def _request(self, line: ssl.SSLSocket) -> tuple[bytes, bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received or not received.endswith(b"}"):
            piece = line.recv(65536)
            if not piece:
                raise ConnectionAbortedError
            received += piece
        return received.partition(b"\r\n\r\n")

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def receiver(certificate: Path) -> Iterator[Receiver]:
    with closing(Receiver(certificate)) as receiver:
        yield receiver


@pytest.fixture
def send(receiver: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """As if this machine were a public address, and the certificate one of an authority's."""
    monkeypatch.setattr(webhook_http, "is_public", lambda address: address == "127.0.0.1")
    trust = ssl.create_default_context(cafile=str(certificate))

    def send(path: str = "/hooks?a=b", host: str = HOST, **options: Any) -> int:
        resolve = lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]  # noqa: E731
        http = WebhookHttp(resolve=resolve, trust=trust, **options)
        return http(f"https://{host}:{receiver.port}{path}", {"webhook-id": "1", "Content-Type": "x"}, '{"a":"ä"}')

    return send


def test_the_name_goes_with_the_request_and_the_address_does_not(receiver: Receiver, send: Any) -> None:
    assert send() == 204
    lines = receiver.heads[0].decode().split("\r\n")
    assert lines[0] == "POST /hooks?a=b HTTP/1.1"
    assert f"Host: {HOST}:{receiver.port}" in lines
    assert "webhook-id: 1" in lines
    assert receiver.bodies == ['{"a":"ä"}'.encode()]
    assert receiver.names == [HOST]


def test_a_redirect_is_an_answer(receiver: Receiver, send: Any) -> None:
    where = f"https://127.0.0.1:{receiver.port}/elsewhere"
    receiver.talk = lambda line: line.sendall(f"HTTP/1.1 307 Go\r\nLocation: {where}\r\n\r\n".encode())
    assert send() == 307
    assert len(receiver.heads) == 1


def test_a_certificate_for_another_name(receiver: Receiver, send: Any) -> None:
    with pytest.raises(NotReached, match="certificate"):
        send(host="other.example.com")
    assert receiver.heads == []


def test_an_answer_without_an_end_is_not_read(receiver: Receiver, send: Any) -> None:
    receiver.talk = lambda line: line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + bytes(100_000))
    assert send() == 200


@pytest.mark.parametrize("piece", [b" ", b"X-A: b\r\n"])
def test_whoever_trickles_is_cut_off(receiver: Receiver, send: Any, piece: bytes) -> None:

    def trickle(line: Any) -> None:
        line.sendall(b"HTTP/1.1 103 Early Hints\r\n")  # what counts is still to come
        for _ in range(100):  # five seconds
            sleep(0.05)
            line.sendall(piece)

    receiver.talk, began = trickle, monotonic()
    with pytest.raises(NotReached, match="in time"):
        send(total_seconds=0.4)
    assert monotonic() - began < 3


LONG = b"HTTP/1.1 103 Early Hints\r\n" + b"a: b\r\n" * 1000 + b"\r\n" + OK
MANY = b"HTTP/1.1 100 Continue\r\n\r\n" * 60 + OK


@pytest.mark.parametrize(
    "words",
    [b"", b"220 smtp ready\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 " + b"a" * 9000 + b"\r\n\r\n", LONG, MANY],
)
def test_what_is_no_answer(receiver: Receiver, send: Any, words: bytes) -> None:
    receiver.talk = lambda line: line.sendall(words)
    with pytest.raises(NotReached, match="connection failed"):
        send()


def test_what_comes_before_an_answer_is_passed_over(receiver: Receiver, send: Any) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
    receiver.talk = lambda line: line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + early + OK)
    assert send() == 204


def test_a_name_server_that_does_not_answer_is_not_waited_for() -> None:
    given_up = threading.Event()

    def resolve(*_: Any, **__: Any) -> list[Any]:
        given_up.wait(20)
        raise OSError

    with pytest.raises(NotReached, match="not looked up in time"):
        WebhookHttp(resolve=resolve, total_seconds=0.1)(f"https://{HOST}/", {}, "{}")
    given_up.set()


def test_looking_up_takes_of_the_same_time(
    receiver: Receiver, send: Any, monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    """A slow name server, a slow line and a slow handshake are not waited for one after the other."""
    given, clock, connect = [], [1000.0], socket.create_connection

    def slowly(where: tuple[str, int], timeout: float) -> socket.socket:
        given.append(timeout)
        clock[0] += 3
        return connect(where)

    monkeypatch.setattr(webhook_http, "monotonic", lambda: clock[0])
    monkeypatch.setattr(webhook_http.socket, "create_connection", slowly)
    monkeypatch.setattr(socket.socket, "settimeout", lambda _, seconds: given.append(seconds))

    def resolve(*_: Any, **__: Any) -> list[Any]:
        clock[0] += 11
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]

    http = WebhookHttp(resolve=resolve, trust=ssl.create_default_context(cafile=str(certificate)), total_seconds=15)
    assert http(f"https://{HOST}:{receiver.port}/", {}, "{}") == 204
    assert given[0] == 4
    assert 1 in given
    clock[0] += 5
    with pytest.raises(NotReached, match="in time"):
        WebhookHttp(resolve=resolve, total_seconds=11)(f"https://{HOST}:{receiver.port}/", {}, "{}")
