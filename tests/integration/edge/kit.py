"""Presigning by boto3, signing by hand for what boto3 would never sign, and raw HTTP."""

import datetime as dt
import hashlib
import hmac
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from urllib.parse import quote, urlsplit

import boto3
import urllib3
from botocore.config import Config

from infra.local.stack import EmulatedAws

MIB = 2**20
SECRET = "testing"
HTTP = urllib3.PoolManager(maxsize=8, retries=False, timeout=20)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """S3's error code."""
        found = re.search(rb"<Code>(.*?)</Code>", self.body)
        return found[1].decode() if found else None

    @property
    def outcome(self) -> tuple[int, str | None]:
        return self.status, self.code


@dataclass
class Sent:
    """A request that can still be spoilt."""

    method: str
    url: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self) -> Reply:
        answer = HTTP.request(self.method, self.url, body=self.body, headers=self.headers, redirect=False)
        return Reply(answer.status, answer.headers, answer.data)


def s3_client(aws: EmulatedAws, **overrides: Any) -> Any:
    """As the service makes its own: s3v4, virtual addressing, a region."""
    arguments: dict[str, Any] = {
        "endpoint_url": aws.endpoint_url,
        "region_name": aws.region,
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
        "config": Config(signature_version="s3v4", s3={"addressing_style": "virtual"}, retries={"max_attempts": 0}),
    }
    return boto3.session.Session().client("s3", **{**arguments, **overrides})


@contextmanager
def signing_at(moment: dt.datetime) -> Any:
    """botocore signs as if it were then."""
    with mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None)):
        yield


def ago(**delta: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(**delta)


@dataclass
class Desk:
    """A bucket with one object in it, and the means to ask for it."""

    aws: EmulatedAws
    s3: Any
    key: str = "files/there"
    content: bytes = b"what is there"

    @property
    def bucket(self) -> str:
        return self.aws.bucket

    def presign(
        self, operation: str, key: str | None = None, *, expires: int = 300, client: Any = None, **params: Any
    ) -> str:
        given = {"Bucket": self.bucket, "Key": key or self.key, **params}
        url: str = (client or self.s3).generate_presigned_url(operation, Params=given, ExpiresIn=expires)
        return url

    def put(self, key: str, body: bytes, headers: Mapping[str, str] | None = None, **params: Any) -> Sent:
        """A presigned PUT of exactly this body, ready to be sent or spoilt."""
        url = self.presign("put_object", key, ContentLength=len(body), **params)
        return Sent("PUT", url, body, dict(headers or {}))

    def get(self, key: str | None = None, headers: Mapping[str, str] | None = None, **params: Any) -> Sent:
        return Sent("GET", self.presign("get_object", key, **params), None, dict(headers or {}))

    def signed_by_hand(self, method: str, key: str, **changes: Any) -> str:
        return presign_by_hand(f"{self.aws.endpoint_url}/{self.bucket}/{key}", method, **changes)


def presign_by_hand(
    url: str,
    method: str,
    *,
    signed: Mapping[str, str] | None = None,
    region: str = "eu-west-1",
    service: str = "s3",
    access_key: str = "testing",
    secret: str = SECRET,
    day: str | None = None,
    query: Mapping[str, str] | None = None,
    names: str | None = None,
) -> str:
    """Written from the specification, so that infra/local/s3/sigv4.py is not checked against itself."""
    date = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{day or date[:8]}/{region}/{service}/aws4_request"
    parts = urlsplit(url)
    headers = {"host": parts.netloc, **(signed or {})} if names != "" else {}
    names = names if names is not None else ";".join(sorted(headers))
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": date,
        "X-Amz-Expires": "300",
        "X-Amz-SignedHeaders": names,
        **(query or {}),
    }
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(parameters.items()))
    lines = "".join(f"{name}:{headers.get(name, '')}\n" for name in names.split(";"))
    canonical = f"{method}\n{parts.path}\n{text}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for piece in (*scope.split("/"), "\n".join(["AWS4-HMAC-SHA256", parameters["X-Amz-Date"], scope, digest])):
        key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
    return f"{url}?{text}&X-Amz-Signature={key.hex()}"


def without(url: str, parameter: str) -> str:
    return re.sub(rf"([?&]){re.escape(parameter)}=[^&]*&?", r"\1", url).rstrip("&")


def changed(url: str, parameter: str, value: str) -> str:
    assert f"{parameter}=" in url
    return re.sub(rf"({re.escape(parameter)}=)[^&]*", rf"\g<1>{value}", url)


class Line:
    """One connection, spoken by hand."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._file = connection, connection.makefile("rb")

    def say(self, text: str, body: bytes = b"") -> None:
        self._socket.sendall(text.encode() + body)

    def hang_up_sending(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def rest(self) -> bytes:
        return self._file.read()


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    port = urlsplit(url).port
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield Line(connection)
