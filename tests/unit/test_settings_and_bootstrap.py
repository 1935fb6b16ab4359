"""The environment is read once, by name; the world is wired on first use, each thing once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import bootstrap, ports
from chalicelib.adapters.dynamo_table import MetadataTable
from chalicelib.once import Once, OncePerAct
from chalicelib.settings import MissingSetting, Settings, read_settings
from tests.support.builders import an_act
from tests.support.fakes import FakeWorld

FULL = {
    "AWS_REGION": "eu-west-1",
    "METADATA_TABLE": "m",
    "RATE_LIMIT_TABLE": "r",
    "SEARCH_TABLE": "s",
    "FILES_BUCKET": "b",
    "DATA_KEY_ARN": "arn",
    "PEPPER_KEY_ARN": "hmac",
    "EVENTS_TABLE": "e",
    "EVENTS_KEY_ARN": "events hmac",
    "MAIL_QUEUE_URL": "queue",
    "WEBHOOK_QUEUE_URL": "webhooks",
    "MAIL_FROM": "from",
    "WEB_URL": "web",
}


class TestSettings:
    def test_all_there(self) -> None:
        assert read_settings(
            FULL
            | {"RATE_LIMIT": "60", "MAIL_CONFIGURATION_SET": "set", "EVENTS_DAYS": "7", "METRICS_NAMESPACE": "here-dev"}
        ) == Settings(
            region="eu-west-1",
            metadata_table="m",
            ratelimit_table="r",
            search_table="s",
            files_bucket="b",
            data_key_arn="arn",
            pepper_key_arn="hmac",
            events_table="e",
            events_key_arn="events hmac",
            events_days=7,
            mail_queue_url="queue",
            webhook_queue_url="webhooks",
            mail_from="from",
            mail_configuration_set="set",
            rate_limit=60,
            pages_url="web",
            metrics_namespace="here-dev",
        )

    def test_without_a_configuration_set_no_bounce_is_heard_of(self) -> None:
        assert read_settings(FULL).mail_configuration_set is None
        assert read_settings(FULL | {"MAIL_CONFIGURATION_SET": ""}).mail_configuration_set is None

    def test_the_limit_has_a_default(self) -> None:
        assert read_settings(FULL).rate_limit == read_settings(FULL | {"RATE_LIMIT": ""}).rate_limit == 300

    def test_either_region(self) -> None:
        without = {name: value for name, value in FULL.items() if name != "AWS_REGION"}
        assert read_settings(without | {"AWS_DEFAULT_REGION": "eu-central-1"}).region == "eu-central-1"
        assert read_settings(FULL | {"AWS_DEFAULT_REGION": "eu-central-1"}).region == "eu-west-1"

    def test_the_pages_address_is_missed_where_it_is_needed(self) -> None:
        """Most functions are not told: infra/web.yaml."""
        assert read_settings(FULL).web_url == "web"
        with pytest.raises(MissingSetting, match="WEB_URL"):
            _ = read_settings(FULL | {"WEB_URL": ""}).web_url

    def test_without_a_cdn_there_is_no_secret(self) -> None:
        assert read_settings(FULL | {"EDGE_SECRET": ""}).edge_secret is None
        assert read_settings(FULL | {"EDGE_SECRET": "x"}).edge_secret == "x"

    @pytest.mark.parametrize("name", sorted(FULL.keys() - {"WEB_URL"}))
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

    @Once
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


class TestActs:
    ACT = an_act()

    def test_what_acts_share_is_made_once(self) -> None:
        whole = bootstrap.World()
        whole.settings = FakeWorld().settings
        first, second = whole.acting(self.ACT), whole.acting(self.ACT)
        assert first.settings is second.settings is whole.settings
        assert first.events is second.events is whole.events
        assert first.acting(self.ACT).whole is whole

    def test_whatever_writes_to_the_metadata_table_is_made_for_each(self) -> None:
        """A store that all acts shared would write without saying who: found here by the table that it holds."""
        whole = bootstrap.World()
        whole.settings = FakeWorld().settings
        made = {name: thing for name, thing in vars(bootstrap.World).items() if isinstance(thing, Once)}
        writers = {name for name in made if name not in APART and holds_the_table(getattr(whole, name))}
        assert {"files", "tokens", "users", "downloads", "notes"} <= writers
        assert [name for name in sorted(writers) if not isinstance(made[name], OncePerAct)] == []

    def test_only_an_acts_own_table_says_who(self) -> None:
        whole = bootstrap.World()
        whole.settings = FakeWorld().settings
        assert type(whole._table.client) is type(whole._client("dynamodb"))
        assert whole.acting(self.ACT)._table.client._act is self.ACT


APART = {"settings", "pool", "cursor_key"}  # read, made or asked for at once, and no stores


def holds_the_table(thing: object) -> bool:
    parts = [thing, *vars(thing).values()] if hasattr(thing, "__dict__") else [thing]
    return any(isinstance(part, MetadataTable) for part in parts)


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
        (ports.CategoryStore, "categories"),
        (ports.ClaimStore, "claims"),
        (ports.QuotaStore, "quotas"),
        (ports.DownloadStore, "downloads"),
        (ports.EventStore, "events"),
        (ports.NoteStore, "notes"),
        (ports.ObjectStore, "objects"),
        (ports.KeyService, "keys"),
        (ports.MacService, "macs"),
        (ports.MailStore, "mails"),
        (ports.InboxStore, "inbox"),
        (ports.BodySealer, "bodies"),
        (ports.MailQueue, "mail_queue"),
        (ports.Mailer, "mailer"),
        (ports.PinHasher, "pin_hasher"),
        (ports.PinTries, "pin_tries"),
        (ports.TemporaryKeyStore, "temporary_keys"),
    ],
)
def test_the_fakes_have_every_method_of_their_port(port, fake: str) -> None:
    methods = {name for name in vars(port) if not name.startswith("_")}
    assert methods
    assert all(hasattr(type(getattr(FakeWorld(), fake)), name) for name in methods)
