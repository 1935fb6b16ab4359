"""python -m infra.erase: what it asks first, what it does on demand, and that it may be broken off anywhere."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy, Conflict
from chalicelib.domain.file import object_key
from chalicelib.domain.mail import Mail
from chalicelib.domain.secret import hash_secret
from chalicelib.services.create_user import NewUser, create_user
from infra import erase
from infra.erasure import GRACE, PASSES, Erasure, NotErased
from infra.local.stack import EmulatedAws
from infra.personal_data import find_person
from infra.receipt import Tally
from tests.integration.hooks import Hooks
from tests.integration.infra.conftest import Run
from tests.integration.infra.person_kit import ALICE, ALICES_IP, CAROL, CAROLS_IP, Scene, a_scene, operators
from tests.support.builders import NOW, a_ready_file, an_act, enrol

WRITES = ("UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems")


@pytest.fixture
def scene(world: World, aws: EmulatedAws) -> Scene:
    return a_scene(world, aws, datetime.now(UTC))


@pytest.fixture
def run(command: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Nobody has to wait."""
    monkeypatch.setattr("infra.erasure.GRACE", timedelta())
    return command(erase.main)


class Clockwork:
    """Time passes only when somebody waits."""

    def __init__(self) -> None:
        self.began = self.now = datetime.now(UTC)
        self.waits: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.meanwhile()


def erasure(scene: Scene, clockwork: Clockwork, *, with_files: bool = False) -> Erasure:
    here = operators(scene.world).acting(an_act(actor="operator", user_id=None, token_id=None, ip=None))
    person = find_person(ALICE, here.table, here)
    return Erasure(person, here, Tally(), with_files=with_files, clock=lambda: clockwork.now, pause=clockwork.pause)


def found(scene: Scene, mail: Mail) -> Mail:
    standing = scene.world.mails.find(mail.id)
    assert standing
    return standing


def test_without_a_word_of_consent_it_shows_and_changes_nothing(scene: Scene, run: Run, tmp_path: Path) -> None:
    before = sorted(scene.what_holds(""))
    status, out, err = run(ALICE)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        f"{ALICE}: the user {scene.alice.user_id} of the account {scene.alice.account_id}, "
        "which has no other user, and stays without one"
    )
    assert "       3  download that they made                   one made by hand ends; without their name" in lines
    assert len(lines) == 1 + 10 + 1
    assert out.endswith("Nothing was changed. --yes does it.\n")
    assert sorted(scene.what_holds("")) == before
    assert list(tmp_path.iterdir()) == []
    assert "which has no other user" not in run("nobody@example.com")[1]


def test_the_address_that_is_typed_is_consent(scene: Scene, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "bob@example.com")
    assert "Nothing was changed" in run(ALICE)[1]
    assert scene.world.tokens.find(hash_secret(scene.alice.text))
    monkeypatch.setattr("builtins.input", lambda _: f" {ALICE.upper()} ")
    assert run(ALICE)[0] == 0
    assert scene.what_holds(*scene.of_alice) == []
    assert run(ALICE, "--yes")[1].startswith("nothing was held")


def test_with_files_they_are_purged_and_a_shared_account_keeps_its_name(
    scene: Scene, run: Run, aws: EmulatedAws
) -> None:
    world, account_id = scene.world, scene.alice.account_id
    new = NewUser(email="dan@example.com", name="Dan", timezone="UTC", account_id=account_id, account_name=None)
    create_user(new, NOW, users=world.users, pin_hasher=world.pin_hasher)
    out = run(ALICE, "--with-files")[1]
    assert "which has other users" in out
    assert "is purged" in out
    run(ALICE, "--yes", "--with-files")
    assert world.files.find(scene.file.id) is None
    assert "Versions" not in aws.clients("s3").list_object_versions(Bucket=aws.bucket, Prefix=object_key(scene.file.id))
    assert world.files.find(scene.bobs_file.id)
    account = world.users.find_account(account_id)
    assert account
    assert account.name == "Alice Archer"


def test_who_has_no_account_is_taken_out_of_what_they_were_sent(scene: Scene, run: Run) -> None:
    status, out, _ = run(CAROL, "--yes")
    assert (status, out.splitlines()[0].split(maxsplit=1)) == (0, ["1", "mail that they received"])
    assert scene.what_holds(CAROL, "Carol", CAROLS_IP) == []
    mail = found(scene, scene.to_carol)
    assert (bool(mail.revoked_at), mail.author.name, mail.opened_at) == (True, "Alice Archer", scene.to_carol.opened_at)
    assert scene.world.tokens.find(hash_secret(scene.alice.text))


def test_broken_off_after_any_few_writes_it_goes_on(scene: Scene) -> None:
    clockwork, runs, left = Clockwork(), 0, [0]
    dynamodb = scene.world._client("dynamodb")

    def die(**_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    for write in WRITES:
        dynamodb.meta.events.register(f"before-call.dynamodb.{write}", die)
    try:
        for runs in range(1, 50):
            left[0] = 3 + runs % 3
            try:
                erasure(scene, clockwork, with_files=True).run()
            except KeyboardInterrupt:
                continue
            break
    finally:
        for write in WRITES:
            dynamodb.meta.events.unregister(f"before-call.dynamodb.{write}", die)
    assert 8 < runs < 49
    assert scene.what_holds(*scene.of_alice, "plan.pdf") == []


def test_what_was_let_in_before_the_closing_is_found_after_a_wait(scene: Scene) -> None:
    """A request that showed a token a moment before may write for as long as it may run."""
    clockwork = Clockwork()

    def late() -> None:
        world = scene.world.acting(an_act(user_id=scene.alice.user_id, ip=ALICES_IP))
        world.files.add(a_ready_file(account_id=scene.alice.account_id, created_by=scene.alice.token.author))

    clockwork.meanwhile = late
    erasure(scene, clockwork).run()
    assert clockwork.waits == [GRACE.total_seconds()]
    assert scene.what_holds(*scene.of_alice) == []


def test_from_the_closing_on_the_address_finds_nobody_and_is_nobody_elses(scene: Scene) -> None:
    clockwork, seen = Clockwork(), []

    def look() -> None:
        seen.append((scene.world.users.find_by_email(ALICE), scene.world.tokens.find(hash_secret(scene.alice.text))))
        with pytest.raises(Conflict):
            enrol(scene.world, ALICE, "Another")

    clockwork.meanwhile = look
    erasure(scene, clockwork).run()
    assert seen == [(None, None)]
    assert enrol(scene.world, ALICE, "Another").user_id != scene.alice.user_id


def test_a_mail_that_changes_between_read_and_write_is_met_again(scene: Scene, hooks: Hooks) -> None:
    """Its sender revokes it at that moment."""

    def revoke() -> None:
        mail = found(scene, scene.received)
        scene.world.mails.withdraw(mail.revoked(datetime.now(UTC)), datetime.now(UTC))

    rival = hooks.rival_before("dynamodb.PutItem", revoke)
    erasure(scene, Clockwork()).run()
    assert len(rival) == 1
    assert found(scene, scene.received).revoked_at
    assert scene.what_holds(*scene.of_alice) == []


def test_records_that_never_stand_still_end_it_and_the_user_is_still_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    monkeypatch.setattr(Erasure, "_erase", lambda *_: passes.append(1))
    with pytest.raises(NotErased):
        erasure(scene, Clockwork()).run()
    assert len(passes) >= PASSES
    assert scene.world.users.find(scene.alice.user_id)


def test_aws_in_trouble_leaves_a_receipt_of_what_was_done(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> None:
        raise Busy(reason="throttled")

    with monkeypatch.context() as broken:
        broken.setattr(Erasure, "_finish", busy)
        status, _, err = run(ALICE, "--yes", "--receipt", "1.json")
    assert (status, err) == (1, "not erased, or not all: throttled\nRun it again: it goes on.\n")
    assert run(ALICE, "--yes", "--receipt", "1.json")[0] == 1  # nothing is done without a place for its receipt
    assert scene.world.users.find(scene.alice.user_id)
    assert run(ALICE, "--yes", "--receipt", "2.json")[0] == 0
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("1.json", "2.json"))
    assert (first["complete"], second["complete"]) == (False, True)
    assert second["counts"] == {"account's name": 1, "user": 1}
    assert first["person"] == second["person"]


def test_a_stage_that_is_not_there(run: Run) -> None:
    status, _, err = run(ALICE, "--stage", "prod")
    assert status == 1
    assert "check the names, the stage and the region" in err
