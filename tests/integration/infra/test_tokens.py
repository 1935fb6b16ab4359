"""python -m infra.tokens: what an operator sees of a user's tokens, ends and makes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken, Scope
from chalicelib.domain.errors import NotFound, Unauthenticated
from chalicelib.domain.secret import hash_secret
from chalicelib.domain.token_tree import MAX_TOKENS
from chalicelib.services.manage_tokens import create_token, revoke_token
from infra import tokens
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.integration.infra.conftest import Run
from tests.integration.infra.person_kit import operators
from tests.integration.stream import TableStream
from tests.support.builders import Caller, an_act, enrol

CAROL = "Carol.Cook@example.com"
STAGE = ("--stage", "dev")


@pytest.fixture
def carol(world: World) -> Caller:
    return enrol(world, CAROL, "Carol Cook", datetime.now(UTC))


@pytest.fixture
def run(command: Callable[..., Run]) -> Run:
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


def test_one_that_is_made_meanwhile_ends_as_well(world: World, carol: Caller, hooks: Hooks) -> None:
    """It was made after the tree was read, with one that still stood."""
    made = hooks.rival_before("dynamodb.TransactWriteItems", lambda: made_by(world, carol))
    here = operators(world).acting(an_act(actor="operator", user_id=None, token_id=None, ip=None))
    user = world.users.find(carol.user_id)
    assert user
    assert tokens.end_all(user, datetime.now(UTC), here) == 1
    (token,) = made
    assert isinstance(token, ApiToken)
    assert world.tokens.find_own(token.id, carol.user_id) is None


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


def test_what_it_refuses_it_says(world: World, carol: Caller, run: Run) -> None:
    assert run("dave@example.com", *STAGE) == (1, "", "failed: there is no user dave@example.com in the stage dev\n")
    for number in range(MAX_TOKENS - 1):
        made_by(world, carol, name=str(number))
    assert run(CAROL, *STAGE, "--new") == (1, "", "failed: A user has 99 tokens at most: revoke one first.\n")
    with pytest.raises(SystemExit):
        run(CAROL)
    with pytest.raises(SystemExit):
        run("carol", *STAGE)
