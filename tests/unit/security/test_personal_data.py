"""Checks G of docs/threat-model.md: a person's data, exported and erased."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from chalicelib.adapters import dynamo_downloads, dynamo_files, dynamo_inbox, dynamo_mails, dynamo_tokens
from chalicelib.adapters.dynamo_people import DynamoUsers
from chalicelib.adapters.dynamo_table import Item
from chalicelib.adapters.dynamo_touch import TOUCHED
from chalicelib.domain.act import Actor
from chalicelib.domain.chain import Head, link
from chalicelib.domain.mail import Mail, MailStatus, Recipient, entry_of
from chalicelib.domain.sealing import WrappedKey
from chalicelib.ports import StaleRecord
from infra import erasure, template
from infra.deployed import receipt_key
from infra.erasure import GRACE, Erasure, NotErased
from infra.exported import FIELDS, line_of, may_be_read, use_line
from infra.personal_data import Person, Role, roles_of
from infra.receipt import Signer, Tally
from tests.support.builders import (
    ALICE,
    ALICE_ID,
    ALICES,
    BOB_ID,
    BOBS,
    NOW,
    a_download,
    a_mail,
    a_ready_file,
    a_token,
    a_user,
    a_verifier,
    an_act,
    an_event,
)

PERSON = Person("ALICE@example.com", a_user())
STRANGER = Person("alice@example.com.evil.example")
SECRET = "5ec4e7" * 8


def records() -> dict[Role, Item]:
    """Each with every secret that such a record can have."""
    mail = a_mail(recipient=Recipient(email="Alice@Example.com", name="Alice"), message_id=SECRET)
    key = WrappedKey(key_arn=SECRET, blob=SECRET.encode())
    download = a_download(
        key_hash=SECRET, link_hash=SECRET, sessions={SECRET: NOW}, pin=replace(a_verifier(), mac=SECRET.encode())
    )
    marked = {TOUCHED: {"ip": SECRET, "user_id": BOB_ID}}
    return {
        Role.TOKEN: dynamo_tokens.token_item(a_token(secret_hash=SECRET)) | marked,
        Role.KEY: {"pk": f"TEMPORARYKEY#{SECRET}", "sk": "TEMPORARYKEY", "user_id": ALICE_ID, "pin_version": SECRET},
        Role.FILE: dynamo_files.to_item(a_ready_file(wrapped_key=key)) | marked,
        Role.DOWNLOAD: dynamo_downloads._to_item(download) | marked,
        Role.SENT: dynamo_mails.to_item(mail) | marked,
        Role.RECEIVED: dynamo_mails.to_item(replace(mail, author=BOB)) | marked,
        Role.INBOX: dynamo_inbox.entry_item(entry_of(mail, ALICE_ID, ALICES, NOW)) | marked,
    }


BOB = replace(ALICE, name="Bob Baker", email="bob@example.com")


# --- G1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(FIELDS))
def test_g1_no_secret_is_exported(role: Role) -> None:
    item = records()[role]
    assert role in roles_of(PERSON, item)
    assert SECRET in repr(item)
    assert SECRET not in repr(line_of(role, item))


@pytest.mark.parametrize("role", list(FIELDS))
def test_g1_what_only_looks_like_theirs_is_anothers(role: Role) -> None:
    """Whatever DynamoDB finds: an address within another, or another's mail that quotes it."""
    assert roles_of(STRANGER, records()[role]) == frozenset()
    quoting = dynamo_mails.to_item(a_mail(author=BOB, subject="alice@example.com"))
    assert roles_of(PERSON, quoting) == frozenset()


@pytest.mark.parametrize(
    ("mail", "readable"),
    [
        (a_mail(status=MailStatus.SUCCESS), True),
        (a_mail(status=MailStatus.SUCCESS, pin_required=True), False),
        (a_mail(status=MailStatus.SUCCESS, pin_required=True, opened_at=NOW), True),
        (a_mail(status=MailStatus.SUCCESS, revoked_at=NOW), False),
        (a_mail(status=MailStatus.SUCCESS, revoked_at=NOW, opened_at=NOW), True),
        (a_mail(status=MailStatus.QUEUED), False),
        (a_mail(status=MailStatus.FAILED), False),
    ],
)
def test_g1_nobody_is_handed_a_text_that_they_may_not_read(mail: Mail, readable: bool) -> None:
    assert may_be_read(mail, NOW) is readable


def test_g1_of_anothers_log_only_ones_own_uses_are_told() -> None:
    act = an_act(actor=Actor.PERFORMER, user_id=None, token_id=None)
    (entry,), _ = link(Head(BOBS), [an_event(account_id=BOBS, act=act)], NOW.date())
    assert BOBS not in repr(use_line(entry))
    assert use_line(entry)["ip"] == act.ip


# --- G2 --------------------------------------------------------------------------------------------------------------


class Clockwork:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None

    def pause(self, seconds: float) -> None:
        self.meanwhile()
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def left() -> list[Any]:
    """Records that are still to be erased."""
    return ["one"]


@pytest.fixture
def clockwork() -> Clockwork:
    return Clockwork()


@pytest.fixture
def erasing(left: list[Any], clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch) -> Erasure:
    erasing = Erasure(PERSON, World(), Tally(), with_files=False, clock=lambda: clockwork.now, pause=clockwork.pause)  # type: ignore[arg-type]
    erasing._closed_at = clockwork.now
    monkeypatch.setattr(erasure, "records_of", lambda *_: [(item, frozenset()) for item in left])
    monkeypatch.setattr(erasing, "_erase", lambda item, _: left.remove(item))
    return erasing


def test_g2_what_was_let_in_before_is_waited_for(erasing: Erasure, left: list[Any], clockwork: Clockwork) -> None:
    clockwork.meanwhile = lambda: left.append("late")
    erasing._pass_until_nothing_is_left()
    assert (left, clockwork.now - Clockwork.now) == ([], GRACE)


def test_g2_records_that_never_stand_still_are_not_called_erased(
    erasing: Erasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*_: Any) -> None:
        raise StaleRecord

    monkeypatch.setattr(erasing, "_erase", changed)
    with pytest.raises(NotErased):
        erasing._pass_until_nothing_is_left()


class World:
    """No more of it than is asked for here."""

    table: ClassVar[Any] = None

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_g2_the_wait_is_longer_than_anything_that_lets_people_in_may_run() -> None:
    functions = template.load(template.OVERRIDES)["Resources"]
    longest = max(functions[name]["Properties"]["Timeout"] for name in ("APIHandler", "OnUpload", "OnMail"))
    assert timedelta(seconds=longest) < GRACE


def test_g2_an_address_that_is_being_erased_finds_nobody() -> None:
    """Nothing is put into an inbox that was emptied."""

    class Table:
        item: ClassVar[dict[str, str]] = {"user_id": ALICE_ID}

        def get(self, _: Any) -> dict[str, str]:
            return self.item

    users: Any = DynamoUsers(Table(), None)  # type: ignore[arg-type]
    assert users.find_by_email("alice@example.com") == ALICE_ID
    Table.item = {**Table.item, "erasing_at": "2026-03-01T12:00:00Z"}
    assert users.find_by_email("alice@example.com") is None


# --- G3 --------------------------------------------------------------------------------------------------------------


class Kms:
    """Two deployments' keys, by alias."""

    class exceptions:  # noqa: N801 - as botocore has it
        class KMSInvalidMacException(Exception):
            pass

    def __init__(self) -> None:
        self.used: list[str] = []

    def generate_mac(self, *, KeyId: str, Message: bytes, **_: Any) -> dict[str, bytes]:  # noqa: N803 - KMS's
        self.used.append(KeyId)
        return {"Mac": hmac.digest(KeyId.encode(), Message, "sha256")}

    def verify_mac(self, *, KeyId: str, Message: bytes, Mac: bytes, **_: Any) -> dict[str, bool]:  # noqa: N803 - KMS's
        if not hmac.compare_digest(Mac, self.generate_mac(KeyId=KeyId, Message=Message)["Mac"]):
            raise self.exceptions.KMSInvalidMacException
        return {"MacValid": True}


TOLD = {"did": "erase", "by": "arn:aws:iam::1:user/op", "counts": {"token": 2}, "complete": True}


def test_g3_a_receipt_that_was_altered_or_is_anothers_is_none() -> None:
    kms = Kms()
    ours, theirs = Signer(kms, receipt_key("prod")), Signer(kms, receipt_key("dev"))
    receipt = ours.sign(TOLD)
    assert ours.is_ours(json.loads(json.dumps(receipt)))
    assert not theirs.is_ours(receipt)
    for name in TOLD:
        assert not ours.is_ours({**receipt, name: "another"})
    assert not ours.is_ours({**theirs.sign({**TOLD, "key": "alias/sealdrop-dev-receipts"})})
    assert set(kms.used) == {"alias/sealdrop-prod-receipts", "alias/sealdrop-dev-receipts"}


def test_g3_a_receipt_does_not_say_who_to_whoever_lacks_the_key() -> None:
    """Neither the address nor a hash of it that one could make for every address there is."""
    signer = Signer(Kms(), receipt_key("prod"))
    person = signer.person("Alice@example.com")
    assert person == signer.person("alice@EXAMPLE.com") != signer.person("alicf@example.com")
    assert signer.is_about({"person": person}, "alice@example.com")
    assert not signer.is_about({"person": person}, "bob@example.com")
    plain = hashlib.sha256(b"alice@example.com").digest()
    assert person not in {plain.hex(), base64.b64encode(plain).decode()}


def test_g3_the_digest_is_of_every_id(tmp_path: Path) -> None:
    tallies = [Tally(), Tally()]
    for tally, last in zip(tallies, ("TOKEN#2", "TOKEN#3"), strict=True):
        tally.note("token", "TOKEN#1")
        tally.note("token", last)
    assert tallies[0].told["counts"] == tallies[1].told["counts"] == {"token": 2}
    assert tallies[0].told["ids_sha256"] != tallies[1].told["ids_sha256"]
