"""The running stack, one a test process, and a small client for raw HTTP."""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from infra.local.process import STOP_SECONDS, stack_process
from tests.e2e import on_package
from tests.support.warm import Warm, started

if TYPE_CHECKING:
    from tests.e2e.api_kit import Backstage


# To stop. MiniStack unpacks the archive for each of its workers, and all that has to be removed.
PATIENCE_SECONDS = {"local": STOP_SECONDS, "emulator": 240}
IMPORTED = ("aws_encryption_sdk", "boto3", "click", "rich.progress", "urllib3")  # by the commands
TOLD = pytest.StashKey[str]()  # what the stack's process has printed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = set(on_package.kept(items, config.getoption("--stack")))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the emulator is, and what it does not show, beside what passed there."""
    told = config.stash.get(TOLD, "")
    if config.getoption("--stack") == "emulator" and told:
        terminalreporter.section("the second emulator")
        terminalreporter.write_line(told[told.index("The package runs") :])


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

    def __init__(self, url: str, token: str | None = None, pin: str | None = None) -> None:
        self.url, self.token, self.pin = url, token, pin
        self.pool = urllib3.PoolManager(maxsize=64, retries=False, timeout=urllib3.Timeout(60))

    def with_token(self, token: str | None) -> "Api":
        return Api(self.url, token)

    @functools.cached_property
    def pin_key(self) -> str:
        """What the user's PIN buys: an hour is longer than any run of these tests."""
        key: str = self("POST", "/keys", {"pin": self.pin}).data["key"]
        return key

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
    pin: str
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
    command: Warm  # the command line's and the operator's, as processes that start in a moment

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
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Stopped by SIGTERM at the end; another status than 0 is an error."""
    which, folder = request.config.getoption("--stack"), tmp_path_factory.mktemp("stack")
    options = {"module": f"infra.{which}", "patience": PATIENCE_SECONDS[which]}
    with stack_process(folder, "--rate-limit", "1000000", **options) as process, started(*IMPORTED) as command:
        request.config.stash[TOLD] = process.log.read_text(encoding="utf-8")
        anyone = Api(process.ready["api_url"])
        alice, bob = (User(**user, api=Api(anyone.url, user["token"], user["pin"])) for user in process.ready["users"])
        yield Stack(process.pid, process.ready, anyone, alice, bob, command)


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
