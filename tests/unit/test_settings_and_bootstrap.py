"""The environment is read once, by name; the world is wired on first use, each thing once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import bootstrap, ports
from chalicelib.settings import MissingSetting, Settings, read_settings
from tests.support.fakes import FakeWorld

FULL = {
    "AWS_REGION": "eu-west-1",
    "METADATA_TABLE": "m",
    "RATE_LIMIT_TABLE": "r",
    "FILES_BUCKET": "b",
    "DATA_KEY_ARN": "arn",
}


class TestSettings:
    def test_all_there(self) -> None:
        assert read_settings(FULL | {"RATE_LIMIT": "60"}) == Settings("eu-west-1", "m", "r", "b", "arn", 60)

    def test_the_limit_has_a_default(self) -> None:
        assert read_settings(FULL).rate_limit == read_settings(FULL | {"RATE_LIMIT": ""}).rate_limit == 300

    def test_either_region(self) -> None:
        without = {name: value for name, value in FULL.items() if name != "AWS_REGION"}
        assert read_settings(without | {"AWS_DEFAULT_REGION": "eu-central-1"}).region == "eu-central-1"
        assert read_settings(FULL | {"AWS_DEFAULT_REGION": "eu-central-1"}).region == "eu-west-1"

    @pytest.mark.parametrize("name", sorted(FULL))
    @pytest.mark.parametrize("value", [None, ""])
    def test_what_is_missing_is_named(self, name: str, value: str | None) -> None:
        environment = {k: v for k, v in (FULL | {name: value}).items() if v is not None}
        named = "AWS_DEFAULT_REGION" if name == "AWS_REGION" else name
        with pytest.raises(MissingSetting, match=named):
            read_settings(environment)

    @pytest.mark.parametrize("value", ["0", "-1", "abc", "1.5", "1e3", " 5"])
    def test_a_limit_that_is_no_limit(self, value: str) -> None:
        with pytest.raises(MissingSetting, match="RATE_LIMIT"):
            read_settings(FULL | {"RATE_LIMIT": value})


class Counted(bootstrap.World):
    """Each thing is made slowly, so that threads race for it."""

    def __init__(self) -> None:
        self.made = 0
        self.gate = threading.Barrier(8, timeout=10)

    @bootstrap._Once
    def thing(self) -> object:
        self.made += 1
        return object()


def test_a_thing_is_made_once_even_when_threads_race() -> None:
    counted = Counted()

    def fetch() -> object:
        counted.gate.wait()
        return counted.thing

    with ThreadPoolExecutor(8) as pool:
        things = [future.result() for future in [pool.submit(fetch) for _ in range(8)]]
    assert counted.made == 1
    assert len(set(map(id, things))) == 1


def test_worlds_share_nothing() -> None:
    assert FakeWorld().files is not FakeWorld().files
    first, second = bootstrap.World(), bootstrap.World()
    with first.pool, second.pool:
        assert first.pool is not second.pool


def test_use_answers_the_world_that_was_there() -> None:
    mine = FakeWorld()
    before = bootstrap.use(mine)
    assert bootstrap.world() is mine
    assert bootstrap.use(before) is mine
    assert bootstrap.world() is before


@pytest.mark.parametrize(
    ("port", "fake"),
    [
        (ports.Limiter, "limiter"),
        (ports.TokenStore, "tokens"),
        (ports.UserStore, "users"),
        (ports.FileStore, "files"),
        (ports.DownloadStore, "downloads"),
        (ports.ObjectStore, "objects"),
        (ports.KeyService, "keys"),
    ],
)
def test_the_fakes_have_every_method_of_their_port(port, fake: str) -> None:
    methods = {name for name in vars(port) if not name.startswith("_")}
    assert methods
    assert all(hasattr(type(getattr(FakeWorld(), fake)), name) for name in methods)
