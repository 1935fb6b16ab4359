"""What holds for every route, taken from the app's own table: a new route is under test before it has tests."""

import json

import pytest

from chalicelib.domain.api_token import Scope
from chalicelib.domain.errors import Busy, SealdropError
from chalicelib.routes import endpoint as module
from chalicelib.routes.endpoint import MAX_BODY_BYTES
from chalicelib.routes.errors import INTERNAL, STATUS_OF_CODE
from chalicelib.routes.registry import ROUTES
from chalicelib.services.authenticate import authenticate
from tests.support.app_client import Answer, AppClient
from tests.support.builders import Caller
from tests.support.every_route import (
    GOOD,
    GUARDED,
    KEYED,
    PUBLIC,
    RAW,
    SCOPED,
    WITH_BODY,
    WITH_ID,
    Route,
    name_of,
    narrowed,
    send,
    with_unknown_ids,
)
from tests.support.fakes import FakeWorld, raises

EVERY = sorted(GOOD)
FIXED = {
    "vary": "Authorization",
    "x-robots-tag": "none",
    "access-control-allow-origin": "*",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-type": "application/json",
}


def check(answer: Answer, status: int, code: str | None = None) -> Answer:
    """Status, the eight headers and the one shape of errors."""
    assert answer.status == status, answer.text
    assert {name: answer.headers.get(name) for name in FIXED} == FIXED
    assert answer.headers["x-ratelimit-limit"] == "300"
    assert 0 <= int(answer.headers["x-ratelimit-remaining"]) <= 300
    assert answer.headers["x-request-id"]
    if code:
        assert set(answer.json) - {"errors"} == {"message", "code", "request_id"}
        assert answer.json["code"] == code
        assert answer.json["request_id"] == answer.headers["x-request-id"]
        assert ("errors" in answer.json) <= (status in {403, 422})
    return answer


def routes(*among: Route):
    return pytest.mark.parametrize("route", among, ids=name_of)


class TestTheTable:
    def test_every_route_has_a_good_request_here(self, api) -> None:
        assert {(method, path) for path, methods in api.app.routes.items() for method in methods} == set(GOOD)

    def test_every_route_has_a_scope_or_is_known_to_be_public(self) -> None:
        assert set(ROUTES) == set(GOOD)
        assert {name for name, route in ROUTES.items() if route.scope is None} == PUBLIC
        assert all(isinstance(ROUTES[name].scope, Scope) for name in SCOPED)

    def test_every_route_answers_browsers_of_other_origins(self, api) -> None:
        assert all(entry.cors for methods in api.app.routes.values() for entry in methods.values())

    def test_every_error_has_a_status_and_every_status_an_error(self) -> None:
        found, todo = set(), [SealdropError]
        while todo:
            children = todo.pop().__subclasses__()
            found |= {child.code for child in children}
            todo += children
        assert found | {INTERNAL} == set(STATUS_OF_CODE)
        assert sorted(set(STATUS_OF_CODE.values())) == [400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 503]

    def test_debug_is_off(self, api) -> None:
        """It would answer stack traces."""
        assert api.app.debug is False


class TestEveryAnswer:
    """Its status, its headers, its shape: api, alice and the clock stand still in conftest.py."""

    @pytest.fixture(autouse=True)
    def _setting(self, world: FakeWorld, api: AppClient, alice: Caller) -> None:
        self.world, self.stranger, self.api, self.alice = world, api, api.with_token(alice.text), alice

    def good(self, route: Route):
        return GOOD[route](self.world, self.alice)

    @routes(*EVERY)
    def test_success(self, route: Route) -> None:
        good = self.good(route)
        answer = check(send(self.api, route, good), good.status)
        if route not in RAW:
            assert (answer.text == "") if good.status == 204 else set(answer.json) <= {"data", "meta"}

    @routes(*EVERY)
    def test_success_is_logged_as_it_was_answered(self, route: Route, capsys) -> None:
        answer = send(self.api, route, self.good(route))
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == answer.status

    @routes(*sorted(PUBLIC))
    def test_public_success_without_a_token(self, route: Route) -> None:
        check(send(self.stranger, route, self.good(route)), 200)

    @routes(*WITH_BODY)
    @pytest.mark.parametrize("body", ["{", "nonsense", '{"a": 1,}', '{"a"', "\ufeff{}", "[" * 100_000, "{} {}", "\x00"])
    def test_400_what_is_no_json(self, route: Route, body: str) -> None:
        headers = {"Content-Type": "application/json"}
        check(send(self.api, route, self.good(route), body=body, headers=headers), 400, "bad_json")

    @routes(*WITH_BODY)
    def test_400_what_is_no_utf8(self, route: Route) -> None:
        headers = {"Content-Type": "application/json"}
        check(send(self.api, route, self.good(route), body=b'{"a": "\xff"}', headers=headers), 400, "bad_json")

    @routes(*SCOPED)
    @pytest.mark.parametrize("header", [None, "Bearer x", "Basic eDp5", "Bearer sdt_" + "0" * 49])
    def test_401_without_a_good_token(self, route: Route, header: str | None) -> None:
        headers = {"Authorization": header} if header else {}
        answer = check(send(self.stranger, route, self.good(route), headers=headers), 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"

    @routes(*SCOPED)
    def test_403_a2_without_the_scope(self, route: Route) -> None:
        without = frozenset(Scope) - {ROUTES[route].scope}
        token = narrowed(self.world, self.alice, without)
        check(send(self.stranger, route, self.good(route), token=token), 403, "missing_scope")

    @routes(*SCOPED)
    def test_a2_the_one_scope_is_enough(self, route: Route) -> None:
        good = self.good(route)
        scopes = {ROUTES[route].scope} | ({Scope.FILES_READ} if route == ("POST", "/tokens") else set())
        check(send(self.stranger, route, good, token=narrowed(self.world, self.alice, frozenset(scopes))), good.status)

    @routes(*SCOPED)
    def test_a2_without_the_check_it_would_succeed(self, route: Route, monkeypatch) -> None:
        def any_scope(header, scope, now, *, tokens):
            held = next(iter(set(Scope) - {scope}))
            return authenticate(header, held, now, tokens=tokens)

        monkeypatch.setattr(module, "authenticate", any_scope)
        good = self.good(route)
        token = narrowed(self.world, self.alice, frozenset(Scope) - {ROUTES[route].scope})
        check(send(self.stranger, route, good, token=token), good.status)

    @routes(*WITH_ID)
    def test_404_what_never_was(self, route: Route) -> None:
        check(send(self.api, route, with_unknown_ids(self.good(route))), 404, "not_found")

    @routes(*WITH_ID)
    @pytest.mark.parametrize("odd", ["x", "%00", "..", "%2e%2e%2f", "%F0%9F%98%80", "a" * 5000, "'; DROP TABLE x", "*"])
    def test_404_what_is_no_id(self, route: Route, odd: str) -> None:
        good = self.good(route)
        path = route[1].format(**dict.fromkeys(good.parameters, odd))
        check(self.api.call(route[0], path, json=good.body), 404, "not_found")

    @routes(*WITH_BODY)
    def test_413_too_much(self, route: Route) -> None:
        padded = json.dumps(self.good(route).body).ljust(MAX_BODY_BYTES + 1)
        headers = {"Content-Type": "application/json"}
        check(send(self.api, route, self.good(route), body=padded, headers=headers), 413, "too_large")

    @routes(*WITH_BODY)
    def test_413_just_not_too_much(self, route: Route) -> None:
        good = self.good(route)
        padded = json.dumps(good.body).ljust(MAX_BODY_BYTES)
        headers = {"Content-Type": "application/json"}
        check(send(self.api, route, good, body=padded, headers=headers), good.status)

    @routes(*WITH_BODY)
    @pytest.mark.parametrize(
        "media_type",
        [
            "text/plain",
            "",
            ";",
            "application/x-www-form-urlencoded",
            "application/jsonx",
            "multipart/form-data; boundary=application/json",
            "application/octet-stream",
            "image/png",
        ],
    )
    def test_415_another_content_type(self, route: Route, media_type: str) -> None:
        good = self.good(route)
        sent = json.dumps(good.body or {})
        headers = {"Content-Type": media_type}
        check(send(self.api, route, good, body=sent, headers=headers), 415, "unsupported_media_type")

    @routes(*WITH_BODY)
    @pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", None])
    def test_415_not_for_json_however_it_is_spelt(self, route: Route, media_type: str | None) -> None:
        good = self.good(route)
        headers = {"Content-Type": media_type} if media_type is not None else {}
        check(send(self.api, route, good, body=json.dumps(good.body), headers=headers), good.status)

    @routes(*WITH_BODY)
    def test_422_p1_an_unknown_field(self, route: Route) -> None:
        good = self.good(route)
        answer = check(send(self.api, route, good, json=(good.body or {}) | {"admin": True}), 422, "invalid")
        assert answer.json["errors"]["admin"] == ["There is no such field here."]

    @routes(*WITH_BODY)
    @pytest.mark.parametrize("body", [[], "x", 5, None, True, [{}]])
    def test_422_p1_json_that_is_no_object(self, route: Route, body) -> None:
        headers = {"Content-Type": "application/json"}
        check(send(self.api, route, self.good(route), body=json.dumps(body), headers=headers), 422, "invalid")

    @routes(*EVERY)
    def test_422_p1_an_unknown_parameter(self, route: Route) -> None:
        answer = check(send(self.api, route, self.good(route), query={"admin": "1"}), 422, "invalid")
        assert answer.json["errors"] == {"admin": ["There is no such field here."]}

    @routes(*EVERY)
    def test_422_p1_a_parameter_sent_twice(self, route: Route) -> None:
        answer = check(send(self.api, route, self.good(route), query=[("limit", "5"), ("limit", "6")]), 422, "invalid")
        assert answer.json["errors"] == {"limit": ["Send this parameter once."]}

    @routes(*EVERY)
    def test_429_l1_over_the_limit(self, route: Route, clock) -> None:
        good = self.good(route)
        for _ in range(300):
            self.world.limiter.take("192.0.2.1", int(clock.now.timestamp() * 1e6))
        for token in (self.alice.text, None):  # it beats 401
            answer = check(send(self.stranger, route, good, token=token), 429, "rate_limited")
            assert answer.headers["retry-after"] == "1"
            assert int(answer.headers["x-ratelimit-reset"]) == int(clock.now.timestamp()) + 1
            assert answer.headers["x-ratelimit-remaining"] == "0"
        clock.tick(seconds=1)
        check(send(self.api, route, good), good.status)

    @routes(*EVERY)
    def test_500_s4_without_a_word_about_why(self, route: Route, capsys) -> None:
        self.world.limiter.before("take", raises(RuntimeError("the secret of the trouble")))
        answer = check(send(self.api, route, self.good(route)), 500, "internal")
        assert not {"RuntimeError", "Traceback", "secret"} & set(answer.text.split())
        line = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (line["status"], line["error"], line["request_id"]) == (500, "RuntimeError", answer.json["request_id"])

    @routes(*SCOPED)
    def test_503_when_tokens_cannot_be_asked(self, route: Route) -> None:
        good = self.good(route)
        self.world.tokens.before("find", raises(Busy(reason="throttled", retry_after_seconds=2)))
        answer = check(send(self.api, route, good), 503, "busy")
        assert answer.headers["retry-after"] == "2"
        assert "throttled" not in answer.text

    @routes(*sorted(KEYED))
    def test_503_when_downloads_cannot_be_asked(self, route: Route) -> None:
        good = self.good(route)
        self.world.downloads.before("find_key", raises(Busy(reason="throttled", retry_after_seconds=2)))
        assert check(send(self.stranger, route, good), 503, "busy").headers["retry-after"] == "2"

    @routes(*EVERY)
    def test_l3_without_the_limiter_all_pass_but_what_could_be_guessed(self, route: Route, capsys) -> None:
        good = self.good(route)
        self.world.limiter.before("take", raises(Busy(retry_after_seconds=2)))
        if route in GUARDED:
            check(send(self.api, route, good), 503, "busy")
            assert all(download.uses_left == 1 for download in self.world.downloads.records.values())
            assert self.world.pin_tries.calls == []
        else:
            check(send(self.api, route, good), good.status)
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["LimiterFailures"] == 1


OWNED = [route for route in WITH_ID if route not in PUBLIC]


class TestO1OwnThingsOnly:
    """What test_others_ids.py asks of every route, where the check is missing; and lists."""

    @pytest.fixture(autouse=True)
    def _setting(self, world, api, alice, bob) -> None:
        self.world, self.api, self.alice = world, api.with_token(bob.text), alice

    @routes(*(route for route in OWNED if "{file_id}" in route[1]))
    def test_o1_without_the_check_it_would_succeed(self, route: Route, monkeypatch) -> None:
        def anybodys_file(account_id, file_id, now, *, files):
            return files.find(file_id)

        for service in ("show_file", "update_file", "delete_file", "sign_upload", "complete_upload"):
            monkeypatch.setattr(f"chalicelib.services.{service}.own_file", anybodys_file)
        good = GOOD[route](self.world, self.alice)
        check(send(self.api, route, good), good.status)

    def test_o1_lists_hold_ones_own_alone(self) -> None:
        GOOD["GET", "/files"](self.world, self.alice)
        assert self.api.get("/files").data == []
        assert [token["name"] for token in self.api.get("/tokens").data] == ["first token"]
