"""The running stack, one a test process, and a small client for raw HTTP."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from infra.local.process import stack_process

if TYPE_CHECKING:
    from tests.e2e.api_kit import Backstage


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        """What a successful answer carries."""
        assert self.status < 400, (self.status, self.body)
        return self.json["data"]


class Api:
    """Requests to the API under one token, or under none. Nothing is retried, no redirect is followed."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url, self.token = url, token
        self.pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=urllib3.Timeout(60))

    def with_token(self, token: str | None) -> "Api":
        return Api(self.url, token)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """`body` goes as JSON; `raw` goes as it is. `path` starts after /api."""
        sent: dict[str, str] = {}
        if bearer := token or self.token:
            sent["Authorization"] = f"Bearer {bearer}"
        if body is not None:
            sent["Content-Type"], raw = "application/json", json.dumps(body).encode()
        return self.fetch(method, self.url + path, body=raw, headers={**sent, **(headers or {})})

    def fetch(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any address, presigned ones above all: nothing of ours is added."""
        answer = self.pool.request(method, url, body=body, headers=headers, redirect=False)
        return Answer(answer.status, answer.headers, answer.data)


@dataclass(frozen=True)
class User:
    email: str
    name: str
    token: str
    api: Api


@dataclass(frozen=True)
class Stack:
    """A stack in a process of its own."""

    pid: int
    ready: Mapping[str, Any]  # the ready file
    anyone: Api  # no token
    alice: User
    bob: User

    @property
    def api_url(self) -> str:
        url: str = self.ready["api_url"]
        return url

    @property
    def aws_env(self) -> dict[str, str]:
        """For boto3 beside the stack: look at what is in the bucket or the tables."""
        return {
            "AWS_ENDPOINT_URL": self.ready["aws_endpoint_url"],
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": self.ready["region"],
        }


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stopped by SIGTERM at the end; another status than 0 is an error."""
    with stack_process(tmp_path_factory.mktemp("stack"), "--rate-limit", "1000000") as process:
        anyone = Api(process.ready["api_url"])
        alice, bob = (
            User(user["email"], user["name"], user["token"], anyone.with_token(user["token"]))
            for user in process.ready["users"]
        )
        yield Stack(process.pid, process.ready, anyone, alice, bob)


@pytest.fixture(scope="session")
def alice(stack: Stack) -> User:
    return stack.alice


@pytest.fixture(scope="session")
def bob(stack: Stack) -> User:
    return stack.bob


@pytest.fixture(scope="session")
def anyone(stack: Stack) -> Api:
    return stack.anyone


@pytest.fixture(scope="session")
def backstage(stack: Stack) -> Iterator["Backstage"]:
    """The stack's bucket, table and queue, as its operator sees them."""
    from tests.e2e.api_kit import Backstage  # imports this module

    behind = Backstage(stack.ready)
    try:
        yield behind
    finally:
        behind.close()
