"""python -m infra.tokens: what an operator sees of a user's tokens, ends and makes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamo_tokens import DynamoTokens
from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import Busy, NotFound, Unauthenticated
from chalicelib.domain.pin import clean_pin
from chalicelib.domain.secret import hash_secret
from chalicelib.domain.token_tree import MAX_TOKENS
from chalicelib.services.manage_tokens import create_token, revoke_token
from infra import tokens
from infra.deployed import Deployed
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.integration.infra.conftest import Run
from tests.integration.infra.person_kit import operators
from tests.integration.stream import TableStream
from tests.support.builders import Caller, enrol

CAROL = "Carol.Cook@example.com"
STAGE = ("--stage", "dev")


@pytest.fixture
def carol(world: World) -> Caller:
    return enrol(world, CAROL, "Carol Cook", datetime.now(UTC))


@pytest.fixture
def run(command: Callable[..., Run], world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """On the clients of the tests' hooks."""
    monkeypatch.setattr(tokens, "deployed", lambda stage: Deployed(stage, "", "", operators(world)))
    return command(tokens.main)


def made_by(world: World, maker: Caller, **changes: Any) -> ApiToken:
    given: dict[str, Any] = {"name": "CI", "scopes": {Scope.FILES_READ}, "expires_at": None, "now": datetime.now(UTC)}
    return create_token(maker.token, **given | changes, tokens=world.tokens).token


def test_it_shows_each_token_and_no_secret(world: World, carol: Caller, run: Run) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    world.tokens.note_use(carol.token.secret_hash, at)
    made = made_by(world, carol, expires_at=at + timedelta(days=1))
    status, out, err = run(CAROL.upper(), *STAGE)
    assert (status, err) == (0, "")
    newest, first = out.splitlines()
    assert newest.startswith(f"{made.id}  CI  never used, until {at + timedelta(days=1):%Y-%m-%dT%H:%M:%S}")
    assert newest.endswith("Z, files:read")
    assert f"used {at:%Y-%m-%dT%H:%M:%S}" in first
    assert "no expiry, " in first
    listed = json.loads(run(CAROL, *STAGE, "--json")[1])["tokens"]
    assert [each["id"] for each in listed] == [made.id, carol.token.id]
    assert carol.token.secret_hash not in json.dumps(listed)


def test_they_all_end_and_nobody_elses(world: World, carol: Caller, run: Run) -> None:
    """Whatever made them, and the log says that it was the operator."""
    bob = enrol(world, "bob@example.com", "Bob", datetime.now(UTC))
    made_by(world, carol)
    assert run(CAROL, *STAGE, "--end-all") == (0, "2 ended\n", "")
    assert world.tokens.find(carol.token.secret_hash) is None
    with pytest.raises(Unauthenticated):
        made_by(world, carol)
    assert world.tokens.find(bob.token.secret_hash)
    assert run(CAROL, *STAGE) == (0, "there is none: --new makes one\n", "")
    assert run(CAROL, *STAGE, "--end-all") == (0, "0 ended\n", "")


def test_one_that_is_made_meanwhile_ends_as_well(world: World, carol: Caller, hooks: Hooks, run: Run) -> None:
    """It was made after the tree was read, with one that still stood."""
    made = hooks.rival_before("dynamodb.TransactWriteItems", lambda: made_by(world, carol))
    assert run(CAROL, *STAGE, "--end-all") == (0, "2 ended\n", "")
    (token,) = made
    assert isinstance(token, ApiToken)
    assert world.tokens.find_own(token.id, carol.user_id) is None


def test_nobody_outruns_it(world: World, carol: Caller, hooks: Hooks, run: Run) -> None:
    """Whoever has a leaked token makes another with it, which ends the leaked one and is spared, again and again."""
    held = [carol.token]

    def rotate() -> None:
        held.append(made_by(world, replace(carol, token=held[-1]), scopes=set(Scope)))
        revoke_token(held[-1], held[-2].id, datetime.now(UTC), tokens=world.tokens)
        if len(held) < 8:
            hooks.rival_before("dynamodb.TransactWriteItems", rotate)

    hooks.rival_before("dynamodb.TransactWriteItems", rotate)
    assert run(CAROL, *STAGE, "--end-all") == (0, "1 ended\n", "")
    assert len(held) == 8
    assert [world.tokens.find(token.secret_hash) for token in held] == [None] * 8
    with pytest.raises(Unauthenticated):
        rotate()


def set_pin(world: World, user: Caller, text: str) -> None:
    before = world.users.find(user.user_id)
    assert before
    [verifier] = world.pin_hasher.make(clean_pin(text), [before.pin_holder])
    world.users.save(before, replace(before, pin=verifier))


def pin_of(world: World, user: Caller) -> Any:
    found = world.users.find(user.user_id)
    assert found
    return found.pin


def test_a_pin_is_taken_away_and_the_log_says_by_whom(world: World, carol: Caller, run: Run, aws: EmulatedAws) -> None:
    """One that a thief has set: after all tokens have ended, so that they set no other."""
    set_pin(world, carol, "a thief's")
    stream = TableStream(aws)
    assert run(CAROL, *STAGE, "--end-all", "--clear-pin") == (0, "1 ended\nthe PIN is taken away\n", "")
    assert pin_of(world, carol) is None
    assert run(CAROL, *STAGE, "--clear-pin") == (0, "there was no PIN\n", "")
    stream.deliver()
    entry = world.events.page(carol.account_id, None, 10, None).rows[0]
    assert (entry.event.type, entry.event.act.actor) == ("pin.changed", "operator")


def test_one_that_a_thief_sets_while_the_tokens_end(world: World, carol: Caller, hooks: Hooks, run: Run) -> None:
    """She had none when she was looked up."""
    hooks.rival_before("dynamodb.TransactWriteItems", lambda: set_pin(world, carol, "a thief's"))
    assert run(CAROL, *STAGE, "--end-all", "--clear-pin") == (0, "1 ended\nthe PIN is taken away\n", "")
    assert pin_of(world, carol) is None


def test_a_pin_that_is_changed_meanwhile_is_left(world: World, carol: Caller, hooks: Hooks, run: Run) -> None:
    set_pin(world, carol, "the first")
    hooks.rival_before("dynamodb.UpdateItem", lambda: set_pin(world, carol, "the second"))
    status, out, err = run(CAROL, *STAGE, "--clear-pin")
    assert (status, out, err.startswith("failed: ")) == (1, "", True)
    assert pin_of(world, carol) is not None


def test_it_says_when_the_tree_never_holds_still(
    world: World, carol: Caller, hooks: Hooks, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "PATIENCE", 1)

    def make() -> None:
        made_by(world, carol)
        hooks.rival_before("dynamodb.TransactWriteItems", make)

    hooks.rival_before("dynamodb.TransactWriteItems", make)
    assert run(CAROL, *STAGE, "--end-all") == (1, "", "failed: the tree kept changing: run it again\n")
    assert world.tokens.find(carol.token.secret_hash)


@pytest.mark.usefixtures("run")
def test_a_new_one_that_nobody_could_read_ends(
    world: World, carol: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", full)
        assert tokens.main([CAROL, *STAGE, "--new"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert world.tokens.list_of(carol.user_id, 10, None).rows == [carol.token]


@pytest.mark.usefixtures("run")
def test_one_that_cannot_be_taken_back_is_named(
    world: World, carol: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(*_: Any) -> None:
        raise Busy(reason="throttled")

    monkeypatch.setattr(DynamoTokens, "revoke", busy)
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", full)
        assert tokens.main([CAROL, *STAGE, "--new"]) == 1
    made, _ = world.tokens.list_of(carol.user_id, 10, None).rows
    assert f"the new token {made.id} may be there, and nobody saw it: --end-all ends it\n" in capsys.readouterr().err


def test_whoever_breaks_it_off_is_told_what_was_done(
    world: World, carol: Caller, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here as the new token is stored."""
    stored = DynamoTokens.add

    def add(self: DynamoTokens, token: ApiToken) -> None:
        stored(self, token)
        raise KeyboardInterrupt

    monkeypatch.setattr(DynamoTokens, "add", add)
    status, out, err = run(CAROL, *STAGE, "--end-all", "--new")
    assert (status, out) == (1, "1 ended\n")
    assert err.startswith("broken off. ")
    assert world.tokens.list_of(carol.user_id, 10, None).rows == []


def test_one_that_has_expired_is_none(world: World, carol: Caller, run: Run) -> None:
    """DynamoDB removes it when it likes."""
    before = datetime.now(UTC) - timedelta(days=1)
    made_by(world, carol, now=before, expires_at=before + timedelta(hours=1))
    assert len(run(CAROL, *STAGE)[1].splitlines()) == 1


def test_a_new_one_works_is_shown_once_and_can_be_revoked_by_its_owner(world: World, carol: Caller, run: Run) -> None:
    status, out, _ = run(CAROL, *STAGE, "--end-all", "--new")
    assert status == 0
    ended, line = out.splitlines()
    assert ended == "1 ended"
    token_id, text, *words = line.split()
    assert words == ["(shown", "this", "once)"]
    token = world.tokens.find(hash_secret(text))
    assert token
    assert (token.id, token.user_id, token.name, token.scopes) == (
        token_id,
        carol.user_id,
        "from the operator",
        frozenset(Scope),
    )
    assert text not in run(CAROL, *STAGE)[1]
    revoke_token(token, token.id, datetime.now(UTC), tokens=world.tokens)
    assert json.loads(run(CAROL, *STAGE, "--new", "--json")[1])["token"].startswith("sdt_")
    with pytest.raises(NotFound):
        revoke_token(token, token.id, datetime.now(UTC), tokens=world.tokens)


def test_the_audit_log_says_that_it_was_the_operator(world: World, carol: Caller, run: Run, aws: EmulatedAws) -> None:
    stream = TableStream(aws)
    run(CAROL, *STAGE, "--end-all", "--new")
    stream.deliver()
    entries = world.events.page(carol.account_id, None, 10, None).rows
    assert [(entry.event.type, entry.event.act.actor) for entry in entries[:2]] == [
        ("token.created", "operator"),
        ("token.revoked", "operator"),
    ]


def test_an_address_of_before_some_were_refused_is_found(world: World, run: Run) -> None:
    """New ones with a sharp s are refused (M2); whom an operator looks for may have come before."""
    caller = enrol(world, "wei\u00df@example.com", "Carol Wei\u00df", datetime.now(UTC))
    assert run("Wei\u00df@example.com", *STAGE, "--end-all") == (0, "1 ended\n", "")
    assert world.tokens.find(caller.token.secret_hash) is None


def test_what_it_refuses_it_says(world: World, carol: Caller, run: Run) -> None:
    assert run("dave@example.com", *STAGE) == (1, "", "failed: there is no user dave@example.com in the stage dev\n")
    for number in range(MAX_TOKENS - 1):
        made_by(world, carol, name=str(number))
    assert run(CAROL, *STAGE, "--new") == (1, "", "failed: A user has 99 tokens at most: revoke one first.\n")
    with pytest.raises(SystemExit):
        run(CAROL)
    with pytest.raises(SystemExit):
        run("carol", *STAGE)
