"""A call does its work at AWS and its answer never comes. botocore tries again, and meets its own first attempt."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy, Conflict, Gone
from chalicelib.domain.mail import entry_of
from chalicelib.domain.page import Page
from chalicelib.domain.pin import MAX_TRIES, clean_pin
from chalicelib.domain.rate_limit import MICROSECONDS
from chalicelib.domain.sealing import encryption_context
from chalicelib.ports import StaleRecord
from chalicelib.services.check_pin import check_pin
from chalicelib.services.perform_download import perform_download
from tests.integration.bucket import bucket_of
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.integration.test_download_store import UNTIL, a_hash, a_key, standing, with_key
from tests.integration.test_mail_store import add as add_mails
from tests.integration.test_object_store import a_key as an_object_key
from tests.integration.test_pin_store import a_holder, left
from tests.integration.test_pin_store import a_key as a_temporary_key
from tests.integration.test_user_store import a_user, added, an_account, first_token
from tests.support.builders import (
    ALICE_ID,
    ALICES,
    NOW,
    PIN,
    a_download,
    a_file,
    a_mail,
    a_ready_file,
    a_token,
    a_verifier,
    checking_pins,
    new_id,
    performing,
)

pytestmark = pytest.mark.usefixtures("impatient")

ATTEMPTS = 3  # of botocore, as bootstrap tells it


def test_a_record_is_added_once(world: World, hooks: Hooks) -> None:
    file, token, download = a_file(), a_token(), a_download(a_ready_file())

    hooks.lose_answers("dynamodb.TransactWriteItems")
    stored = world.files.add(file)
    hooks.lose_answers("dynamodb.TransactWriteItems")
    world.tokens.add(token)
    hooks.lose_answers("dynamodb.PutItem")
    world.downloads.add(download)

    assert world.files.find(file.id) == stored == replace(file, revision=1)
    assert world.tokens.list_of(ALICE_ID, 9, None) == Page([token], None)
    assert world.downloads.find(download.id) == download


def test_a_revocation_counts_as_made(world: World, hooks: Hooks) -> None:
    token = a_token()
    world.tokens.add(token)
    hooks.lose_answers("dynamodb.TransactWriteItems")
    assert world.tokens.revoke(token.id, ALICE_ID, NOW)
    assert world.tokens.find(token.secret_hash) is None


def test_a_change_is_made_once_and_counts_as_made(world: World, hooks: Hooks) -> None:
    file = world.files.add(a_file())
    hooks.lose_answers("dynamodb.PutItem")
    ready = world.files.save(file.made_ready("v", NOW))
    assert ready.revision == 2
    assert world.files.find(file.id) == ready


def test_another_change_is_not_taken_for_ones_own(world: World, hooks: Hooks) -> None:
    file = world.files.add(a_file())
    rival = replace(file, filename="rival.pdf")
    hooks.rival_before("dynamodb.PutItem", lambda: world.files.save(rival))
    hooks.lose_answers("dynamodb.PutItem", times=2)
    with pytest.raises(StaleRecord):
        world.files.save(replace(file, filename="mine.pdf"))
    assert world.files.find(file.id) == replace(rival, revision=2)


def test_a_use_is_spent_once_by_who_spent_it(world: World, hooks: Hooks) -> None:
    """Else the performer would be told that the download was used, and it would be: by nobody."""
    key, session = with_key(world), a_hash()
    hooks.lose_answers("dynamodb.UpdateItem")

    spent = world.downloads.spend(key, session, UNTIL, NOW)

    assert (spent.uses_left, spent.sessions) == (0, {session: UNTIL})
    assert standing(world, key) == spent
    with pytest.raises(Gone):
        world.downloads.spend(key, a_hash(), UNTIL, NOW)


def test_one_of_several_uses_is_spent_once(world: World, hooks: Hooks) -> None:
    """At the second attempt there are uses left: it is the session that tells."""
    key = with_key(world, uses_left=3)
    hooks.lose_answers("dynamodb.UpdateItem")
    world.downloads.spend(key, a_hash(), UNTIL, NOW)
    assert standing(world, key).uses_left == 2


def test_a_spending_of_which_nothing_is_known_is_given_back(world: World, hooks: Hooks) -> None:
    context = encryption_context(a_file().id, a_file().account_id)
    file = a_ready_file()
    sealed = replace(file, wrapped_key=world.keys.generate(context).wrapped)
    world.files.add(sealed)
    download = a_download(sealed)
    world.downloads.add(download)
    key = a_key(download)
    world.downloads.make_key_current(download, key, NOW)
    hooks.lose_answers("dynamodb.UpdateItem", times=ATTEMPTS)

    with pytest.raises(Busy):
        perform_download(key, NOW, **performing(world))

    assert standing(world, key) == replace(download, key_hash=key.key_hash)


def test_a_use_is_given_back_once(world: World, hooks: Hooks) -> None:
    key, session = with_key(world), a_hash()
    world.downloads.spend(key, session, UNTIL, NOW)
    hooks.lose_answers("dynamodb.UpdateItem")
    world.downloads.give_back(key, session)
    assert standing(world, key).uses_left == 1


@pytest.mark.parametrize("was_made", [False, True], ids=["not made", "made"])
def test_a_spending_that_was_given_up_and_comes_late_is_refused(world: World, hooks: Hooks, was_made: bool) -> None:
    """Else a use would be gone, by a session that nobody knows, of which the performer was told "not now"."""
    key, session = with_key(world), a_hash()
    late: list[Any] = []
    hooks.watch("dynamodb.UpdateItem", lambda sent: late.append(copy.copy(sent)))
    if was_made:
        world.downloads.spend(key, session, UNTIL, NOW)
    else:
        hooks.break_line("dynamodb.UpdateItem", BROKEN_LINES["no answer in time"], times=ATTEMPTS)
        with pytest.raises(Busy):
            world.downloads.spend(key, session, UNTIL, NOW)
    hooks.remove_all()
    world.downloads.give_back(key, session)

    world._clients["dynamodb"]._endpoint._send(late[0])

    assert (standing(world, key).uses_left, standing(world, key).sessions) == (1, {})
    assert world.downloads.spend(key, session, UNTIL, NOW).uses_left == 0


def test_a_use_that_others_gave_back_meanwhile_can_be_spent(world: World, hooks: Hooks) -> None:
    key, other, session = with_key(world), a_hash(), a_hash()
    world.downloads.spend(key, other, UNTIL, NOW)
    hooks.rival_before("dynamodb.UpdateItem", lambda: world.downloads.give_back(key, other))
    assert world.downloads.spend(key, session, UNTIL, NOW).sessions == {session: UNTIL}


def test_a_key_becomes_current(world: World, hooks: Hooks) -> None:
    download = a_download(a_ready_file())
    world.downloads.add(download)
    hooks.lose_answers("dynamodb.TransactWriteItems")
    key = a_key(download)
    world.downloads.make_key_current(download, key, NOW)
    assert world.downloads.find_key(key.key_hash) == key


def test_a_transaction_is_repeated_under_its_own_token(world: World, hooks: Hooks) -> None:
    """By which DynamoDB knows the repetition. moto does not, so only the token can be looked at."""
    tokens: list[str] = []
    hooks.watch("dynamodb.TransactWriteItems", lambda sent: tokens.append(json.loads(sent.body)["ClientRequestToken"]))
    hooks.break_line("dynamodb.TransactWriteItems", BROKEN_LINES["closed"], times=2)
    account = an_account()
    user = a_user(account)
    world.users.add(user, account, first_token(user))
    assert len(tokens) == ATTEMPTS
    assert len(set(tokens)) == 1


# -- PINs --------------------------------------------------------------------------------------------------------------


def test_a_try_counts_once_and_is_looked_at_also_when_it_is_the_last(world: World, hooks: Hooks) -> None:
    """Else whose fifth try was the right one would be told that the PIN is locked: by that very try."""
    holder = a_holder(world)
    for _ in range(MAX_TRIES - 1):
        world.pin_tries.count(holder, new_id(), NOW)
    hooks.lose_answers("dynamodb.UpdateItem", times=ATTEMPTS - 1)
    assert check_pin(clean_pin(PIN), holder, NOW, **checking_pins(world))
    assert left(world, holder) == MAX_TRIES


def test_a_try_of_which_nothing_is_known_counts_at_most_once(world: World, hooks: Hooks) -> None:
    holder = a_holder(world)
    hooks.lose_answers("dynamodb.UpdateItem", times=ATTEMPTS)
    with pytest.raises(Busy):
        check_pin(clean_pin(PIN), holder, NOW, **checking_pins(world))
    assert left(world, holder) == MAX_TRIES - 1


def test_what_kms_cannot_answer_is_taken_back_once(world: World, hooks: Hooks) -> None:
    holder = a_holder(world)
    world.pin_tries.count(holder, new_id(), NOW)
    hooks.refuse("kms.GenerateMac", "ThrottlingException")
    with pytest.raises(Busy):
        check_pin(clean_pin(PIN), holder, NOW, **checking_pins(world))
    hooks.remove_all()
    assert left(world, holder) == MAX_TRIES - 1


@pytest.mark.parametrize(
    "changes", [{"pin": a_verifier()}, {"pin": None}, {"name": "Alice Adams", "pin": a_verifier()}]
)
def test_a_changed_pin_counts_as_changed(world: World, hooks: Hooks, changes: dict[str, Any]) -> None:
    before = added(world, pin=a_verifier())
    after = replace(before, **changes)
    hooks.lose_answers("dynamodb.UpdateItem")
    assert world.users.save(before, after) == after == world.users.find(before.id)


def test_a_rivals_change_is_not_taken_for_ones_own(world: World, hooks: Hooks) -> None:
    before = added(world, pin=a_verifier())
    rival = replace(before, pin=a_verifier())
    hooks.rival_before("dynamodb.UpdateItem", lambda: world.users.save(before, rival))
    hooks.lose_answers("dynamodb.UpdateItem", times=2)
    with pytest.raises(Conflict):
        world.users.save(before, replace(before, pin=a_verifier()))
    assert world.users.find(before.id) == rival


def test_a_temporary_key_is_added_once(world: World, hooks: Hooks) -> None:
    key = a_temporary_key()
    hooks.lose_answers("dynamodb.PutItem")
    world.temporary_keys.add(key)
    assert world.temporary_keys.find(key.key_hash) == key


def test_an_upload_is_finished_once(world: World, hooks: Hooks) -> None:
    bucket, key = bucket_of(world), an_object_key()
    upload_id = world.objects.start_multipart(key, part_checksums=False)
    assert bucket.send(world.objects.sign_part(key, upload_id, 1, 5, None), b"hello") is None
    parts = world.objects.received_parts(key, upload_id) or []
    hooks.lose_answers("s3.CompleteMultipartUpload")
    world.objects.finish_multipart(key, upload_id, parts)
    assert bucket.versions(key) == 1


def test_a_token_may_be_lost_but_none_is_won(world: World, hooks: Hooks) -> None:
    hooks.lose_answers("dynamodb.UpdateItem")
    now_us = int(NOW.timestamp()) * MICROSECONDS
    capacity = world.settings.rate_limit
    assert world.limiter.take("192.0.2.1", now_us).remaining in {capacity - 1, capacity - 2}


def test_mails_are_told_under_their_own_token(world: World, hooks: Hooks) -> None:
    """By which DynamoDB knows a repetition, as above: all writes of several records go out under one."""
    tokens: list[str] = []
    hooks.watch("dynamodb.TransactWriteItems", lambda sent: tokens.append(json.loads(sent.body)["ClientRequestToken"]))
    hooks.break_line("dynamodb.TransactWriteItems", BROKEN_LINES["closed"], times=2)
    mail = add_mails(world, a_mail())[0]
    assert (len(tokens), len(set(tokens))) == (ATTEMPTS, 1)
    assert world.mails.find(mail.id) == mail


def test_a_mail_is_opened_once_and_counts_as_opened(world: World, hooks: Hooks) -> None:
    mail = add_mails(world, a_mail())[0]
    hooks.lose_answers("dynamodb.PutItem")
    opened = world.mails.save(mail.opened(NOW))
    assert world.mails.find(mail.id) == opened


def test_a_mail_is_hidden_and_so_it_is_gone(world: World, hooks: Hooks) -> None:
    """At the second attempt there is nothing left to hide; DELETE answers 404 then, which clients take for done."""
    mail = add_mails(world, a_mail())[0]
    world.mails.save(mail, entry_of(mail, ALICE_ID, ALICES, NOW))
    hooks.lose_answers("dynamodb.DeleteItem")
    world.inbox.remove(mail.id, ALICE_ID)
    assert world.inbox.find(mail.id) is None
