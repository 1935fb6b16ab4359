"""A call does its work at AWS and its answer never comes. botocore tries again, and meets its own first attempt."""

import json
from dataclasses import replace

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy, Gone
from chalicelib.domain.page import Page
from chalicelib.domain.rate_limit import MICROSECONDS
from chalicelib.domain.sealing import encryption_context
from chalicelib.ports import StaleRecord
from chalicelib.services.perform_download import perform_download
from tests.integration.bucket import bucket_of
from tests.integration.hooks import BROKEN_LINES, Hooks
from tests.integration.test_download_store import UNTIL, a_hash, a_key, standing, with_key
from tests.integration.test_object_store import a_key as an_object_key
from tests.integration.test_user_store import a_user, an_account, first_token
from tests.support.builders import ALICE_ID, NOW, a_download, a_file, a_ready_file, a_token

pytestmark = pytest.mark.usefixtures("impatient")

ATTEMPTS = 3  # of botocore, as bootstrap tells it


def test_a_record_is_added_once(world: World, hooks: Hooks) -> None:
    file, token, download = a_file(), a_token(), a_download(a_ready_file())

    hooks.lose_answers("dynamodb.PutItem")
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
    assert world.tokens.remove(token.id, ALICE_ID)
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
        perform_download(key, NOW, downloads=world.downloads, objects=world.objects, keys=world.keys, pool=world.pool)

    assert standing(world, key) == replace(download, key_hash=key.key_hash)


def test_a_use_is_given_back_once(world: World, hooks: Hooks) -> None:
    key, session = with_key(world), a_hash()
    world.downloads.spend(key, session, UNTIL, NOW)
    hooks.lose_answers("dynamodb.UpdateItem")
    world.downloads.give_back(key, session)
    assert standing(world, key).uses_left == 1


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
