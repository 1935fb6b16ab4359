"""AWS as infra/template.yaml makes it, emulated on this machine, and the service's own world on top of it.

One emulated AWS a module: its state is the process's, and other folders start their own.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import bootstrap
from chalicelib.bootstrap import World
from infra.local.stack import EmulatedAws, emulated_aws
from tests.integration.hooks import Hooks
from tests.support import held
from tests.support.app_client import AppClient
from tests.support.clock import Clock
from tests.support.contract import JudgedClient
from tests.support.fakes import FakeWorld


@pytest.fixture(scope="module")
def aws() -> Iterator[EmulatedAws]:
    with emulated_aws() as emulated, pytest.MonkeyPatch.context() as patch:
        for name, value in emulated.env.items():
            patch.setenv(name, value)
        yield emulated


@pytest.fixture(scope="module")
def clients(aws: EmulatedAws) -> Iterator[dict[str, Any]]:
    """The clients that bootstrap makes, once a module: making one takes longer than most tests."""
    maker = World()
    made = {service: maker._client(service) for service in ("dynamodb", "kms", "s3", "sesv2", "sqs")}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def world(aws: EmulatedAws, clients: dict[str, Any]) -> Iterator[World]:
    """The real one, freshly wired, on empty tables, in place of the process's own."""
    for name in (aws.metadata_table, aws.search_table, aws.ratelimit_table, aws.env["EVENTS_TABLE"]):
        held.table(name).items.clear()
    fresh = World()
    fresh._clients = clients
    previous = bootstrap.use(fresh)
    yield fresh
    bootstrap.use(previous)
    if "pool" in vars(fresh):
        fresh.pool.shutdown()


@pytest.fixture(params=["fakes", "aws"])
def ports(request: pytest.FixtureRequest) -> World:
    """Every port twice: the behaviour suites run on the fakes and on the adapters, so that neither can drift."""
    return FakeWorld() if request.param == "fakes" else request.getfixturevalue("world")


@pytest.fixture
def hooks(clients: dict[str, Any]) -> Iterator[Hooks]:
    hooks = Hooks(clients)
    yield hooks
    hooks.remove_all()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore tries again as often as ever, without the pauses between."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clock.rule(monkeypatch)
    return clock


@pytest.fixture
def api(world: World, clock: Clock) -> AppClient:
    """The app in this process, on emulated AWS; nobody is logged in."""
    from app import app

    return JudgedClient(app)
