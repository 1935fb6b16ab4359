"""python -m infra.erase: what it asks first, what it does on demand, and that it may be broken off anywhere."""

import hashlib
import json
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamo_people import address_key
from chalicelib.adapters.dynamo_table import timestamp
from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy, Conflict
from chalicelib.domain.file import object_key
from chalicelib.domain.people import email_key
from chalicelib.domain.secret import hash_secret
from chalicelib.services.create_user import NewUser, create_user
from infra import erase
from infra.erasure import GRACE, Erasure
from infra.local.stack import EmulatedAws
from infra.personal_data import find_person
from infra.private import create_privately
from infra.receipt import Tally, finish
from tests.integration.hooks import Hooks
from tests.integration.infra.conftest import Run
from tests.integration.infra.person_kit import ALICE, ALICES_IP, Scene, a_scene, operators
from tests.support.builders import NOW, a_ready_file, an_act, enrol

WRITES = ("UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems")


@pytest.fixture
def scene(world: World, aws: EmulatedAws) -> Scene:
    return a_scene(world, aws, datetime.now(UTC))


@pytest.fixture(autouse=True)
def without_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made of the search is for test_erased.py to see, and takes longer than all the rest."""
    monkeypatch.setattr(Erasure, "_index", lambda *_: None)


@pytest.fixture
def run(command: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Nobody has to wait."""
    monkeypatch.setattr("infra.erasure.GRACE", timedelta())
    main = command(erase.main)
    return lambda *arguments: main("--stage", "dev", *arguments)


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


def revoke(scene: Scene) -> None:
    now, mail = datetime.now(UTC), scene.world.mails.find(scene.received.id)
    assert mail
    scene.world.mails.withdraw(mail.revoked(now), now)


def test_it_shows_what_there_is_and_asks_for_the_address(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(scene.what_holds(""))
    status, out, err = run(ALICE)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        f"{ALICE}: the user {scene.alice.user_id} of the account {scene.alice.account_id}, "
        "which has no other user, and stays without one: its webhooks end"
    )
    assert "       4  download that they made                   one made by hand ends; without their name" in lines
    assert len(lines) == 1 + 10 + 1
    assert out.endswith("Nothing was changed. --yes does it.\n")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "bob@example.com")
    assert "Nothing was changed" in run(ALICE)[1]
    assert sorted(scene.what_holds("")) == before
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("builtins.input", lambda _: f" {ALICE.upper()} ")
    assert run(ALICE)[0] == 0
    assert scene.what_holds(*scene.of_alice) == []
    assert run(ALICE)[1].startswith(f"{ALICE}: nothing is held")


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
    assert world.webhooks.list_of(account_id) == [scene.hook]


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


def test_others_who_act_meanwhile_lose_and_leave_nothing(scene: Scene, hooks: Hooks) -> None:
    """A request that showed a token a moment before the closing may write for as long as it may run. Nobody else gets
    in: from the closing on the address finds nobody, and is nobody else's. A mail that its sender revokes between our
    read and our write is met again.
    """
    rival = hooks.rival_before("dynamodb.PutItem", lambda: revoke(scene))
    clockwork, seen = Clockwork(), []

    def late() -> None:
        world = scene.world.acting(an_act(user_id=scene.alice.user_id, ip=ALICES_IP))
        world.files.add(a_ready_file(account_id=scene.alice.account_id, created_by=scene.alice.token.author))
        seen.append((world.users.find_by_email(ALICE), world.tokens.find(hash_secret(scene.alice.text))))
        with pytest.raises(Conflict):
            enrol(scene.world, ALICE, "Another")

    clockwork.meanwhile = late
    begun = timestamp(clockwork.now - timedelta(days=1))  # by a run that was broken off before it ended the tokens
    scene.world._table.update(address_key(email_key(ALICE)), "SET erasing_at = :at", "attribute_exists(pk)", at=begun)
    erasure(scene, clockwork).run()
    assert len(rival) == 1
    assert (clockwork.waits, seen) == ([GRACE.total_seconds()], [(None, None)])
    assert scene.what_holds(*scene.of_alice) == []
    assert enrol(scene.world, ALICE, "Another").user_id != scene.alice.user_id


def test_aws_in_trouble_leaves_a_receipt_of_what_was_done(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> None:
        raise Busy(reason="throttled")

    with monkeypatch.context() as broken:
        broken.setattr(Erasure, "_finish", busy)
        status, _, err = run(ALICE, "--yes", "--receipt", "1.json")
    assert (status, err) == (1, "not erased, or not all: throttled\nRun it again: it goes on.\n")
    in_the_way = (1, "", "nothing was changed: 1.json is there already, so name another file\n")
    assert run(ALICE, "--yes", "--receipt", "1.json") == in_the_way
    assert run(ALICE, "--yes", "--receipt", "2.json", "--ids", "1.json") == in_the_way
    assert scene.world.users.find(scene.alice.user_id)
    assert run(ALICE, "--yes", "--receipt", "1.json", "--ids", "ids.txt") == in_the_way
    assert [path.name for path in tmp_path.iterdir()] == ["1.json"], "nothing is left that blocks the next try"
    assert run(ALICE, "--yes", "--receipt", "2.json", "--ids", "ids.txt")[0] == 0
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    first, second = (json.loads((tmp_path / name).read_text()) for name in ("1.json", "2.json"))
    assert (first["complete"], second["complete"]) == (False, True)
    assert second["counts"] == {"account's name": 1, "user": 1, "webhook": 1}
    assert first["person"] == second["person"]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """As at a terminal: shells start what is in the background without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_whoever_breaks_it_off_twice_has_a_receipt_all_the_same(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    def written(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        finish(*given)

    monkeypatch.setattr(Erasure, "_finish", impatient)
    monkeypatch.setattr(erase, "finish", written)
    status, _, err = run(ALICE, "--yes", "--receipt", "1.json")
    assert (status, err) == (1, "broken off. Run it again: it goes on.\n")
    assert json.loads((tmp_path / "1.json").read_text())["complete"] is False
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_a_receipt_is_about_is_on_disk_before_it_is_signed(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = []

    def seen(path: Path, told: Any, tally: Tally, signer: Any) -> None:
        signed.append((hashlib.sha256((tmp_path / "ids.txt").read_bytes()).hexdigest(), tally.told["ids_sha256"]))
        finish(path, told, tally, signer)

    monkeypatch.setattr(erase, "finish", seen)
    assert run(ALICE, "--yes", "--receipt", "1.json", "--ids", "ids.txt")[0] == 0
    ((on_disk, told),) = signed
    assert on_disk == told


@pytest.mark.usefixtures("scene")
def test_broken_off_between_its_two_files_it_leaves_neither(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> Any:
        if path.name == "ids.txt":
            raise KeyboardInterrupt
        return create_privately(path)

    monkeypatch.setattr(erase, "create_privately", interrupted)
    assert run(ALICE, "--yes", "--receipt", "1.json", "--ids", "ids.txt")[0] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", ["", "x y", "Prod", "prod;", "-prod"])
def test_a_stage_that_cannot_be(command: Callable[..., Run], stage: str) -> None:
    with pytest.raises(SystemExit):
        command(erase.main)(ALICE, f"--stage={stage}", "--yes")


def test_receipt_and_ids_are_two_files(scene: Scene, run: Run, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run(ALICE, "--yes", "--receipt", "1", "--ids", str(tmp_path / "x" / ".." / "1"))
    assert scene.world.users.find(scene.alice.user_id)
    assert list(tmp_path.iterdir()) == []


def test_no_stage_is_meant_if_none_is_named(scene: Scene, command: Callable[..., Run]) -> None:
    with pytest.raises(SystemExit):
        command(erase.main)(ALICE, "--yes")
    assert scene.world.users.find(scene.alice.user_id)


def test_a_stage_that_is_not_there(scene: Scene, run: Run) -> None:
    status, _, err = run(ALICE, "--stage", "prod")
    assert status == 1
    assert "check the names, the stage and the region" in err
