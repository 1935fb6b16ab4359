"""What is left of people whom python -m infra.erase has erased: Alice, a user, and Carol, who has no account.

One scene for all of these, which only look.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.event import Event
from chalicelib.domain.mail import MailStatus, Sendable
from chalicelib.domain.page import NEWEST_FIRST
from chalicelib.domain.people import ERASED
from chalicelib.domain.secret import hash_secret
from infra import erase, receipt
from infra.deployed import receipt_key
from infra.local.stack import EmulatedAws
from tests.integration.infra.person_kit import ALICE, ALICES_IP, CAROL, CAROLS_IP, Scene, told_scene
from tests.integration.stream import TableStream, events_in

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Erased:
    scene: Scene
    folder: Path
    told: dict[str, Any]  # the receipt
    events: list[Event]  # that it made
    stored: list[str]  # the items that held something of hers


@pytest.fixture(scope="module")
def erased(
    aws: EmulatedAws, clients: dict[str, Any], session: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Erased]:
    """Carol, then Alice."""
    folder = tmp_path_factory.mktemp("erased")
    with told_scene(aws, clients, NOW) as scene, pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.operating.session", lambda: session)
        patch.setattr("infra.erasure.GRACE", timedelta())
        patch.chdir(folder)
        assert erase.main([CAROL, "--stage", "dev", "--yes", "--receipt", "carol.json"]) == erase.DONE
        stored, stream = scene.what_holds(*scene.of_alice), TableStream(aws)
        left = ["--receipt", "receipt.json", "--ids", "ids.txt"]
        assert erase.main([ALICE.lower(), "--stage", "dev", "--yes", *left]) == erase.DONE
        assert scene.what_holds(*scene.of_alice) == []  # nothing waits for the stream
        records = stream.records()
        stream.deliver(records)
        told = json.loads((folder / "receipt.json").read_text())
        yield Erased(scene, folder, told, events_in(records), stored)


@pytest.fixture
def world(erased: Erased) -> World:
    return erased.scene.world


@pytest.fixture
def scene(erased: Erased) -> Scene:
    return erased.scene


def test_nothing_has_her_name_address_ids_or_network_address_any_more(erased: Erased, scene: Scene) -> None:
    assert len(erased.stored) > 20
    assert scene.what_holds(*scene.of_alice) == []


def test_every_token_key_and_grant_of_hers_has_ended(scene: Scene, world: World) -> None:
    assert world.tokens.find(hash_secret(scene.alice.text)) is None
    assert world.temporary_keys.find("f" * 64) is None
    assert world.users.find_by_email(ALICE) is None
    by_hand = world.downloads.find(scene.by_hand.id)
    assert by_hand
    assert by_hand.revoked_at


def test_the_accounts_file_stays_without_her_name(scene: Scene, world: World) -> None:
    file, account = world.files.find(scene.file.id), world.users.find_account(scene.alice.account_id)
    assert file
    assert (file.created_by, file.status, file.filename) == (ERASED, "ready", "plan.pdf")
    assert account
    assert account.name == ERASED.name


def test_what_she_sent_stays_and_can_be_opened(scene: Scene, world: World) -> None:
    mail, download = world.mails.find(scene.sent.id), world.downloads.find(scene.sent.download_id)
    entry = world.inbox.find(scene.sent.id)
    assert mail
    assert (mail.author, mail.status, mail.identifier) == (ERASED, MailStatus.SUCCESS, scene.sent.identifier)
    assert (mail.recipient, mail.is_open(NOW)) == (scene.sent.recipient, True)
    assert download
    assert (download.sender, download.revoked_at) == (ERASED, None)
    assert entry
    assert (entry.sender_name, entry.sender_email, entry.subject) == (ERASED.name, ERASED.email, scene.sent.subject)


@pytest.mark.parametrize("which", ["received", "queued"])
def test_what_she_was_sent_stays_its_senders_and_opens_nothing(scene: Scene, world: World, which: str) -> None:
    before = getattr(scene, which)
    mail, download = world.mails.find(before.id), world.downloads.find(before.download_id)
    assert mail
    assert (mail.recipient.email, mail.recipient.name, mail.status) == (ERASED.email, ERASED.name, before.status)
    assert (mail.author, mail.is_open(NOW), mail.opened_at) == (before.author, False, before.opened_at)
    assert mail.why_not_to_send(NOW) or mail.sendable(NOW) is Sendable.SETTLED
    assert download
    assert (download.sender, bool(download.revoked_at)) == (before.author, True)
    assert world.inbox.find(before.id) is None


def test_the_webhooks_of_an_account_without_users_end(scene: Scene, world: World) -> None:
    assert world.webhooks.list_of(scene.alice.account_id) == []
    assert world.webhooks.find(scene.hook.id) is None


def test_others_have_what_they_had(scene: Scene, world: World) -> None:
    bob, file = world.users.find(scene.bob.user_id), world.files.find(scene.bobs_file.id)
    assert world.tokens.find(hash_secret(scene.bob.text))
    assert bob
    assert bob.name == "Bob Baker"
    assert file == scene.bobs_file


def test_who_has_no_account_is_taken_out_of_what_they_were_sent(erased: Erased, scene: Scene, world: World) -> None:
    told = json.loads((erased.folder / "carol.json").read_text())
    assert (told["counts"], told["complete"]) == ({"mail that they received": 2}, True)
    assert scene.what_holds(CAROL, "Carol", CAROLS_IP) == []
    mail = world.mails.find(scene.to_carol.id)
    assert mail
    assert (bool(mail.revoked_at), mail.opened_at, mail.recipient.email) == (
        True,
        scene.to_carol.opened_at,
        ERASED.email,
    )


@pytest.mark.parametrize(("keyword", "found"), [("alice", set()), ("erased", {"sent", "to_carol", "hidden"})])
def test_the_search_finds_by_what_stands_there_now(scene: Scene, world: World, keyword: str, found: set[str]) -> None:
    page = world.mails.search(scene.alice.account_id, keyword, NEWEST_FIRST, 50, None)
    assert {mail.id for mail in page.rows} == {getattr(scene, name).id for name in found}


def test_the_audit_log_says_that_an_operator_did_it(erased: Erased) -> None:
    assert {(event.act.actor, event.act.request_id) for event in erased.events} == {("operator", erased.told["run"])}
    assert {str(event.type) for event in erased.events} == {
        "download.revoked",
        "inbox.deleted",
        "key.dropped",
        "mail.revoked",
        "token.revoked",
        "user.erased",
        "webhook.deleted",
    }


def test_the_receipt_says_what_and_not_who(erased: Erased, scene: Scene) -> None:
    counts = dict(erased.told["counts"])
    assert counts.pop("record that they wrote last") > 1
    assert counts == {
        "account's name": 1,
        "download that they made": 4,
        "entry of another's inbox that names them": 1,
        "entry of their inbox": 1,
        "file that they made": 1,
        "mail that they received": 2,
        "mail that they sent": 3,
        "note for the audit log": 1,
        "temporary key": 1,
        "token": 2,
        "user": 1,
        "webhook": 1,
    }
    told = erased.told
    assert (told["did"], told["stage"], told["complete"], told["with_files"]) == ("erase", "dev", True, False)
    assert told["by"].startswith("arn:aws:")
    text = json.dumps(told).lower()
    assert not any(word.lower() in text for word in (ALICE, "Alice", scene.alice.user_id, ALICES_IP))


class TestVerifying:
    def check(self, erased: Erased, told: Any, *more: str) -> int:
        path = erased.folder / "shown.json"
        path.write_text(json.dumps(told))
        return receipt.main([str(path), *more])

    def test_one_of_an_erasure_that_was_broken_off(self, erased: Erased, capsys: pytest.CaptureFixture[str]) -> None:
        told = {name: value for name, value in erased.told.items() if name != "mac"} | {"complete": False}
        kms = erased.scene.world._client("kms")
        assert self.check(erased, receipt.Signer(kms, receipt_key("dev")).sign(told)) == receipt.BAD
        assert "broken off: run that again" in capsys.readouterr().err

    def test_g3_one_that_says_a_thing_twice(self, erased: Erased, capsys: pytest.CaptureFixture[str]) -> None:
        """What stands first is what a reader sees, and nothing has signed it."""
        path = erased.folder / "twice.json"
        path.write_text('{"by": "arn:aws:iam::1:user/mallory", ' + json.dumps(erased.told)[1:])
        assert receipt.main([str(path)]) == receipt.NOT_CHECKED
        assert "twice" in capsys.readouterr().err

    def test_what_is_no_json(self, erased: Erased, capsys: pytest.CaptureFixture[str]) -> None:
        path = erased.folder / "ids.txt"
        assert receipt.main([str(path)]) == receipt.NOT_CHECKED
        assert "is no receipt" in capsys.readouterr().err

    def test_the_receipt_as_it_was_written(self, erased: Erased, capsys: pytest.CaptureFixture[str]) -> None:
        ids = erased.folder / "ids.txt"
        assert self.check(erased, erased.told, "--email", ALICE.upper(), "--ids", str(ids)) == receipt.GOOD
        assert capsys.readouterr().out.startswith("erase on 20")
        assert len(ids.read_text().splitlines()) == sum(erased.told["counts"].values())
        assert ALICE not in ids.read_text()

    @pytest.mark.parametrize("changes", [{"complete": False}, {"by": "x"}, {"mac": "AAAA"}, {"mac": "not base64!"}])
    def test_one_that_was_altered(self, erased: Erased, changes: dict[str, Any]) -> None:
        assert self.check(erased, erased.told | changes) == receipt.BAD

    def test_one_about_somebody_or_something_else(self, erased: Erased, capsys: pytest.CaptureFixture[str]) -> None:
        other = erased.folder / "other.txt"
        other.write_text("token: TOKEN#1\n")
        assert self.check(erased, erased.told, "--email", CAROL, "--ids", str(other)) == receipt.BAD
        assert capsys.readouterr().err == f"It is not about {CAROL}.\nIt is not about the records in {other}.\n"

    def test_an_address_that_is_none_is_about_nobody(self, erased: Erased) -> None:
        """As where a script has lost it."""
        with pytest.raises(SystemExit):
            self.check(erased, erased.told, "--email", "")

    def test_what_is_none(self, erased: Erased) -> None:
        assert self.check(erased, []) == receipt.NOT_CHECKED
        assert receipt.main(["none.json"]) == receipt.NOT_CHECKED
        deep = erased.folder / "deep.json"
        deep.write_text("[" * 100_000)
        assert receipt.main([str(deep)]) == receipt.NOT_CHECKED
        assert self.check(erased, erased.told, "--stage", "prod") == receipt.NOT_CHECKED
