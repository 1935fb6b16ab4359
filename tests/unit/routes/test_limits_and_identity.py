"""Whose bucket a request takes from, when a token's use is noted, and what happens at the same time."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib import bootstrap
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Busy
from chalicelib.settings import MissingSetting
from tests.support.app_client import Answer, AppClient
from tests.support.builders import Caller
from tests.support.fakes import FakeWorld, raises


def remaining(answer) -> int:
    return int(answer.headers["x-ratelimit-remaining"])


class TestWhoseBucket:
    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "x-forwarded-for", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"]
    )
    def test_l2_no_header_changes_it(self, api, world, header: str) -> None:
        for i in range(3):
            answer = api.get("/health", headers={header: f"203.0.113.{i}"})
        assert remaining(answer) == 297
        assert set(world.limiter.full_at) == {"192.0.2.1"}

    def test_l2_addresses_do_not_share_one(self, api) -> None:
        assert [remaining(api.get("/health", source_ip=f"192.0.2.{i}")) for i in (1, 2, 1)] == [299, 299, 298]

    def test_l2_a_customer_of_ipv6_has_one(self, api) -> None:
        answers = [api.get("/health", source_ip=f"2001:db8:1:2::{i:x}") for i in range(5)]
        assert [remaining(answer) for answer in answers] == [299, 298, 297, 296, 295]
        assert remaining(api.get("/health", source_ip="2001:db8:1:3::1")) == 299

    def test_another_tokens_do_not_help(self, api, alice, bob) -> None:
        assert [remaining(api.get("/user", token=who.text)) for who in (alice, bob, alice)] == [299, 298, 297]

    def test_refused_requests_count_too(self, api) -> None:
        answers = [api.get("/user"), api.get("/files", query={"x": "1"}), api.post("/public/downloads/x")]
        assert [(answer.status, remaining(answer)) for answer in answers] == [(401, 299), (401, 298), (404, 297)]


class TestFlood:
    def test_l1_300_pass_and_the_rest_asks_nothing_of_aws(self, api, world, alice) -> None:
        statuses = [api.get("/user", token=alice.text).status for _ in range(330)]
        assert statuses == [200] * 300 + [429] * 30
        assert world.limiter.calls.count("take") == 301  # the first refusal is remembered
        assert world.tokens.calls.count("find") == 301

    def test_l1_five_a_second_come_back(self, api, clock) -> None:
        for _ in range(300):
            api.get("/health")
        clock.tick(seconds=2)
        assert [api.get("/health").status for _ in range(11)] == [200] * 10 + [429]

    def test_l1_retry_after_is_kept(self, api, clock) -> None:
        for _ in range(300):
            api.get("/health")
        refused = api.get("/health")
        assert refused.status == 429
        clock.tick(seconds=int(refused.headers["retry-after"]))
        assert api.get("/health").status == 200

    def test_64_threads_get_300_between_them(self, api) -> None:
        with ThreadPoolExecutor(64) as pool:
            statuses = list(pool.map(lambda _: api.get("/health").status, range(640)))
        assert statuses.count(200) == 300
        assert statuses.count(429) == 340


class TestAtTheSameTime:
    """One round trip for both: each waits for the other here, so one after the other would never end."""

    @pytest.fixture
    def meeting(self, world: FakeWorld):
        barrier = threading.Barrier(2, timeout=10)
        world.limiter.before("take", barrier.wait)
        with ThreadPoolExecutor(2) as world.pool:
            yield barrier

    def test_the_limiter_and_the_token(self, api, world, alice, meeting) -> None:
        world.tokens.before("find", meeting.wait)
        assert api.get("/user", token=alice.text).status == 200

    def test_the_limiter_and_the_download_key(self, api, world, meeting) -> None:
        world.downloads.before("find_key", meeting.wait)
        assert api.get(f"/public/downloads/{'a' * 43}").status == 404

    def test_many_requests_keep_to_themselves(self, api, world, alice, bob) -> None:
        with ThreadPoolExecutor(16) as world.pool, ThreadPoolExecutor(16) as pool:
            callers = [alice, bob] * 50
            answers = pool.map(lambda caller: api.get("/user", token=caller.text), callers)
            for caller, answer in zip(callers, answers, strict=True):
                assert answer.data["email"] == caller.token.author.email
                assert answer.json["data"]["account"]["id"] == caller.account_id


class TestNotingTheUse:
    def last_used(self, world: FakeWorld, caller: Caller):
        return world.tokens.records[caller.token.id].last_used_at

    def test_at_most_hourly(self, api, world, alice, clock) -> None:
        first = clock.now
        api.get("/user", token=alice.text)
        clock.tick(minutes=59, seconds=59)
        api.get("/user", token=alice.text)
        assert self.last_used(world, alice) == first
        second = clock.tick(seconds=1)
        for _ in range(5):
            api.get("/user", token=alice.text)
        assert self.last_used(world, alice) == second
        assert world.tokens.calls.count("note_use") == 2

    @pytest.mark.parametrize("error", [Busy(), RuntimeError("x")])
    def test_its_failure_is_logged_and_harms_nothing(self, api, world, alice, capsys, error) -> None:
        world.tokens.before("note_use", raises(error))
        assert api.get("/user", token=alice.text).status == 200
        events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
        assert events == ["note_use_failed", "request"]
        assert api.get("/user", token=alice.text).status == 200
        assert self.last_used(world, alice)

    def test_a_refused_request_notes_nothing(self, api, world, alice) -> None:
        world.limiter.take = lambda _address, now_us: replace(world.limiter.rule.judge(0, now_us), allowed=False)
        assert api.get("/user", token=alice.text).status == 429
        assert self.last_used(world, alice) is None

    def test_a5_it_does_not_bring_a_revoked_token_back(self, api, world, alice) -> None:
        def revoke() -> None:
            del world.tokens.records[alice.token.id]

        world.tokens.before("note_use", revoke)
        assert api.get("/user", token=alice.text).status == 200
        assert world.tokens.records == {}
        assert api.get("/user", token=alice.text).status == 401

    def test_it_runs_beside_the_handler_and_is_waited_for(self, api, world, alice) -> None:
        """Lambda freezes what still runs when the answer is out."""
        noted = threading.Event()
        world.users.before("find", lambda: noted.wait(10))
        world.tokens.after("note_use", noted.set)
        with ThreadPoolExecutor(2) as world.pool:
            assert api.get("/user", token=alice.text).status == 200
        assert self.last_used(world, alice)


class Unconfigured(bootstrap.World):
    @property
    def settings(self):
        raise MissingSetting("The environment variable METADATA_TABLE is not set.")


class TestWhatFailsBeforeItBegins:
    def ask(self, api: AppClient) -> Answer:
        previous = bootstrap.use(Unconfigured())
        try:
            return api.get(f"/public/downloads/{'k' * 43}")
        finally:
            bootstrap.use(previous)

    def test_is_answered_in_our_shape(self, api) -> None:
        answer = self.ask(api)
        assert answer.status == 500
        assert answer.json["code"] == "internal"
        assert answer.json["request_id"] == answer.headers["x-request-id"]
        for name in ("vary", "x-robots-tag", "access-control-allow-origin", "cache-control", "x-content-type-options"):
            assert name in answer.headers
        assert "METADATA_TABLE" not in answer.text

    def test_and_the_log_names_the_variable_but_no_path(self, api, capsys) -> None:
        answer = self.ask(api)
        line = json.loads(capsys.readouterr().out)
        assert line["hint"] == "The environment variable METADATA_TABLE is not set."
        assert line["request_id"] == answer.headers["x-request-id"]
        assert "k" * 43 not in json.dumps(line)


def test_a_token_that_expires_while_it_is_used(api, world, alice, clock) -> None:
    token: ApiToken = replace(alice.token, expires_at=clock.tick(seconds=0))
    world.tokens.records[token.id] = token
    assert api.get("/user", token=alice.text).status == 401
