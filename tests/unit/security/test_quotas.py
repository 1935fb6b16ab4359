"""Checks Q of docs/threat-model.md: how much an account may hold and send."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.claim import claim_of
from chalicelib.domain.errors import QuotaExceeded
from chalicelib.domain.file import File
from chalicelib.domain.mail import Recipient
from chalicelib.domain.quota import Quota, Usage
from chalicelib.domain.upload import MIB
from chalicelib.ports import Claimed, StaleRecord
from chalicelib.services.send_mails import NewMails, send_mails
from tests.support.adapters import files_on
from tests.support.app_client import AppClient
from tests.support.builders import ALICES, BOBS, NOW, Caller, a_file, a_ready_file, a_user, new_id, sending, stored
from tests.support.fakes import FakeWorld

QUOTA = Quota(stored_bytes=100, files=5, mails_a_day=9)


def quotas_of(files: Any) -> Any:
    return files._quotas


def used(files: Any) -> Usage:
    usage: Usage = quotas_of(files).find(ALICES, NOW)[1]
    return usage


def sized(size: int, digit: str = "5") -> File:
    """In one purse, or in another."""
    return a_file(id=f"{digit}{new_id()[1:]}", size_bytes=size, stored_bytes=size)


# --- Q1: more than there is room for ----------------------------------------------------------------------------------


def test_q1_the_limit_is_in_the_write(table: Any) -> None:
    """Nothing is read before it: whoever was quicker is seen by the write itself."""
    files = files_on(table, QUOTA)
    files.add(sized(60))
    for digit in "05f":
        with pytest.raises(QuotaExceeded):
            files.add(sized(41, digit))
    files.add(sized(40))
    assert used(files) == Usage(stored_bytes=100, files=2)


def test_q1_empty_files_have_an_end_too(table: Any) -> None:
    files = files_on(table, QUOTA)
    for digit in "55555":
        files.add(sized(0, digit))
    for digit in "5a":
        with pytest.raises(QuotaExceeded):
            files.add(sized(0, digit))


def test_q1_a_purse_gives_what_it_has(table: Any) -> None:
    """Between two that divide, a charge takes from one purse alone: it must not take what the others hold."""
    files = files_on(table, replace(QUOTA, files=500))
    files.add(sized(4))
    room = table.get(_purse("5"))["bytes_room"]
    calls = _count(table)
    files.add(sized(room))
    assert len(calls) == 1
    files.add(sized(1))
    assert len(calls) > 2
    assert used(files) == Usage(stored_bytes=5 + room, files=3)


def test_q1_rooms_are_divided_from_what_was_read(table: Any) -> None:
    """Of two that divide at once, the second must see the first."""
    files, rival = files_on(table, QUOTA), files_on(table, QUOTA)
    left = [lambda: rival.add(sized(60, "a"))]

    def act(**_: Any) -> None:
        if left:
            left.pop()()

    table.client.meta.events.register("after-call.dynamodb.BatchGetItem", act)
    with pytest.raises(QuotaExceeded):
        files.add(sized(60))
    assert used(rival) == Usage(stored_bytes=60, files=1)


def test_q1_a_lowered_limit_holds_at_once(table: Any) -> None:
    """Also where rooms were divided for the higher one, and where one purse holds more than its part."""
    files_on(table, QUOTA).add(sized(60))
    lower = files_on(table, replace(QUOTA, stored_bytes=62))
    lower.add(sized(2, "0"))
    for digit in "0123456789abcdef":
        with pytest.raises(QuotaExceeded):
            lower.add(sized(1, digit))


def test_q1_what_does_not_fit_leaves_no_upload_at_s3(world: FakeWorld, api: AppClient, alice: Caller) -> None:
    world.quotas.default = QUOTA
    big = {"filename": "big.bin", "size": 6 * MIB, "part_size": 5 * MIB}
    assert api.with_token(alice.text).post("/files", big).status == 403
    assert world.objects.uploads == {}
    assert world.files.records == {}


def test_q1_another_accounts_room_is_not_ones_own(table: Any) -> None:
    files = files_on(table, QUOTA)
    files.add(replace(sized(100), account_id=BOBS))
    files.add(sized(100))
    with pytest.raises(QuotaExceeded):
        files.add(sized(1))


# --- Q2: room given back ----------------------------------------------------------------------------------------------


def test_q2_an_end_gives_back_once(table: Any) -> None:
    files = files_on(table, QUOTA)
    files.add(sized(50))
    file = files.add(sized(30))
    for _ in range(3):
        files.remove(file)
    assert used(files) == Usage(stored_bytes=50, files=1)


def test_q2_a_rejection_gives_back_once_and_the_purge_nothing(table: Any) -> None:
    files = files_on(table, QUOTA)
    files.add(sized(50))
    pending = files.add(sized(30))
    rejected = files.save(pending.rejected("no", NOW))
    assert used(files) == Usage(stored_bytes=50, files=1)
    with pytest.raises(StaleRecord):
        files.save(pending.rejected("no again", NOW))
    renamed = files.save(replace(rejected, filename="renamed.pdf"))
    files.remove(files.save(renamed.purging(NOW)))
    assert used(files) == Usage(stored_bytes=50, files=1)


def test_q2_a_stale_hand_gives_nothing_back(table: Any) -> None:
    files = files_on(table, QUOTA)
    read = files.add(sized(50))
    files.save(replace(read, filename="changed.pdf"))
    files.remove(read)
    assert used(files) == Usage(stored_bytes=50, files=1)


# --- Q3: mails --------------------------------------------------------------------------------------------------------


def test_q3_a_day_has_so_many_mails_and_no_more(table: Any) -> None:
    quotas = quotas_of(files_on(table, QUOTA))
    quotas.charge(ALICES, Usage(mails=5), NOW)
    with pytest.raises(QuotaExceeded):
        quotas.charge(ALICES, Usage(mails=5), NOW)
    quotas.charge(ALICES, Usage(mails=4), NOW)
    with pytest.raises(QuotaExceeded):
        quotas.charge(ALICES, Usage(mails=1), NOW)


def test_q3_none_or_all(table: Any) -> None:
    files = files_on(table, QUOTA)
    with pytest.raises(QuotaExceeded):
        quotas_of(files).charge(ALICES, Usage(mails=10), NOW)
    assert used(files) == Usage()


def test_q3_what_is_refused_or_was_sent_before_makes_no_downloads() -> None:
    """Each would be told in the audit log, a file at a time, without end: no quota is used up by a refusal."""
    world = FakeWorld(quota=replace(QUOTA, mails_a_day=12))
    sender, file = a_user(), stored(world, a_ready_file())
    key = claim_of(ALICES, sender.id, "POST /mails", "key", "body", NOW)
    new = NewMails(
        recipients=[Recipient(email=f"{number}@example.com", name="Somebody") for number in range(5)],
        subject="Yours",
        body="<p>Hello</p>",
        file_ids=[file.id],
        max_downloads=3,
        expires_at=None,
        pin=None,
    )
    send_mails(new, sender, NOW, key, **sending(world))
    made = dict(world.downloads.records)
    assert len(made) == 5
    with pytest.raises(Claimed):
        send_mails(new, sender, NOW, key, **sending(world))
    send_mails(new, sender, NOW, None, **sending(world))
    made |= world.downloads.records
    with pytest.raises(QuotaExceeded):
        send_mails(new, sender, NOW, None, **sending(world))
    assert len(made) == 10
    assert world.downloads.records == made


def _purse(digit: str) -> tuple[str, str]:
    from chalicelib.adapters.dynamo_purses import purse_key

    return purse_key(ALICES, int(digit, 16))


def _count(table: Any) -> list[str]:
    seen: list[str] = []
    table.client.meta.events.register("before-call.dynamodb", lambda event_name, **_: seen.append(event_name))
    return seen
