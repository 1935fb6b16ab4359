"""The world of a unit test: fakes, a clock that stands still, and two users of two accounts."""

from collections.abc import Iterator

import pytest

from chalicelib import bootstrap
from tests.support.app_client import AppClient
from tests.support.builders import Caller, enrol
from tests.support.clock import Clock
from tests.support.fakes import FakeWorld


@pytest.fixture
def world() -> Iterator[FakeWorld]:
    """In place of the real one, for as long as the test runs."""
    fake = FakeWorld()
    previous = bootstrap.use(fake)
    yield fake
    bootstrap.use(previous)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, world: FakeWorld) -> Clock:
    clock = Clock()
    clock.rule(monkeypatch)
    return clock


@pytest.fixture
def alice(world: FakeWorld) -> Caller:
    return enrol(world, "alice@example.com", "Alice Archer")


@pytest.fixture
def bob(world: FakeWorld) -> Caller:
    return enrol(world, "bob@example.com", "Bob Baker")


@pytest.fixture
def api(world: FakeWorld, clock: Clock) -> AppClient:
    """The app in this process, on fakes; nobody is logged in."""
    from app import app

    return AppClient(app)
