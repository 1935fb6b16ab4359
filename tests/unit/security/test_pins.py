"""Checks K of docs/threat-model.md: PINs, and the temporary keys that they buy."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.download import Download
from chalicelib.domain.errors import Conflict, Invalid, NotFound, PinLocked
from chalicelib.domain.mail import entry_of
from chalicelib.domain.people import User
from chalicelib.domain.pin import (
    LOCKED_FOR,
    MAX_TRIES,
    SCRYPT_COST,
    PinHolder,
    PinVerifier,
    Tries,
    clean_pin,
)
from chalicelib.domain.secret import hash_secret
from chalicelib.services.check_pin import check_pin
from chalicelib.services.create_download import create_download_key
from chalicelib.services.embed_downloads import embed_downloads
from chalicelib.services.temporary_keys import buy_temporary_key, drop_temporary_key
from chalicelib.services.update_user import UserChanges, update_user
from tests.support.adapters import downloads_on, users_on
from tests.support.app_client import AppClient
from tests.support.builders import (
    ALICE_ID,
    ALICES,
    BOB_ID,
    NOW,
    PIN,
    Caller,
    a_download,
    a_mail,
    a_ready_file,
    a_temporary_key,
    a_token,
    a_user,
    a_verifier,
    checking_pins,
    key_to,
    keying,
    new_id,
    stored,
    stored_mail,
    verifier_for,
)
from tests.support.fakes import FakeWorld

RIGHT, WRONG = clean_pin(PIN), clean_pin("0000")
HOLDER = PinHolder("user", ALICE_ID)


def with_pin(world: FakeWorld, **changes: Any) -> User:
    user = a_user(**changes)
    world.users.users[user.id] = replace(user, pin=verifier_for(world, user.pin_holder))
    return world.users.users[user.id]


# --- K1: in the rule and in its order --------------------------------------------------------------------------------


def test_k1_a_wrong_try_stays_counted(world: FakeWorld) -> None:
    user = with_pin(world)
    for _ in range(5):
        assert check_pin(WRONG, user.pin_holder, NOW, **checking_pins(world)) is None
    with pytest.raises(PinLocked):
        check_pin(RIGHT, user.pin_holder, NOW, **checking_pins(world))


def test_k1_a_try_is_counted_before_it_is_looked_at(world: FakeWorld) -> None:
    """Whoever asks while another guess is being looked at finds that one counted."""
    user, seen = with_pin(world), list[int]()
    for _ in range(2):
        world.pin_hasher.before("matches", lambda: seen.append(len(world.pin_tries.of(user.pin_holder).ids)))
        check_pin(WRONG, user.pin_holder, NOW, **checking_pins(world))
    assert seen == [1, 2]


def test_k1_the_lock_lasts_fifteen_minutes() -> None:
    tries = Tries(frozenset("abcde"), NOW)
    for waited in (timedelta(0), timedelta(minutes=14, seconds=59)):
        with pytest.raises(PinLocked):
            tries.counting("f", NOW + waited)
    assert tries.counting("f", NOW + timedelta(minutes=15)).ids == {"f"}
    assert Tries(frozenset("abcd"), NOW).counting("e", NOW).are_used_up


# --- K1: in the condition of the write -------------------------------------------------------------------------------


@pytest.fixture
def tries(table: Any) -> Any:
    """Of a user with a PIN. Nothing is remembered between two calls, so only the write itself can refuse."""
    from chalicelib.adapters.dynamo_pins import DynamoPinTries

    user = a_user(pin=a_verifier())
    users_on(table).add(user, None, a_token())
    return DynamoPinTries(table)


def how_many(tries: Any, now: Any, attempts: int = 9) -> int:
    """Of so many tries, one after the other, that many are counted."""
    counted = 0
    for _ in range(attempts):
        try:
            tries.count(HOLDER, new_id(), now)
        except PinLocked:
            continue
        counted += 1
    return counted


def test_k1_the_write_counts_no_more_than_five(tries: Any) -> None:
    assert how_many(tries, NOW) == MAX_TRIES
    assert how_many(tries, NOW + LOCKED_FOR - timedelta(microseconds=1)) == 0
    assert how_many(tries, NOW + LOCKED_FOR) == MAX_TRIES


def test_k1_the_end_of_a_lock_gives_five_and_not_five_to_each(tries: Any) -> None:
    """Two find that the lock is over; before the second one writes, the first has used up what there was."""
    how_many(tries, NOW)
    later = NOW + LOCKED_FOR
    met = 0

    def rival(**_: Any) -> None:
        nonlocal met
        met += 1
        if met == 2:  # our second write, which begins the count anew
            how_many(tries, later, attempts=5)

    events = tries._table.client.meta.events
    events.register("before-call.dynamodb.UpdateItem", rival)
    with pytest.raises(PinLocked):
        tries.count(HOLDER, "mine", later)
    events.unregister("before-call.dynamodb.UpdateItem", rival)
    assert met > 2


def test_k1_a_right_old_pin_forgets_no_tries_at_the_new_one(tries: Any) -> None:
    how_many(tries, NOW)
    tries.forget(HOLDER, "another version")
    assert how_many(tries, NOW) == 0


# --- K2, K3: temporary keys ------------------------------------------------------------------------------------------


def key_refused(world: FakeWorld, user: User, pin_key: str | None) -> dict[str, Any]:
    download = a_download()
    world.downloads.add(download)
    ports = keying(world)
    with pytest.raises(Invalid) as refusal:
        create_download_key(user, download.id, pin_key, NOW, **ports)
    assert world.downloads.keys == {}
    return dict(refusal.value.errors or {})


def test_k2_who_has_a_pin_needs_a_key(world: FakeWorld) -> None:
    assert list(key_refused(world, with_pin(world), None)) == ["pinKey"]


def test_k2_whatever_is_wrong_with_a_key_the_answer_is_one(world: FakeWorld) -> None:
    alice, bob = with_pin(world), with_pin(world, id=BOB_ID)
    wrong = [
        a_temporary_key(world, bob),
        a_temporary_key(world, alice, expires_at=NOW),
        a_temporary_key(world, alice)[:-1],
        "made up",
        "A" * 43,
        PIN,
    ]
    for text in wrong:
        assert key_refused(world, alice, text) == {"pinKey": ["Pin key does not exists"]}


def test_k2_anothers_key_with_a_version_like_ones_own(world: FakeWorld) -> None:
    """Versions are random, so this is not to be expected: whose key it is counts all the same."""
    alice, bob = with_pin(world), with_pin(world, id=BOB_ID)
    assert alice.pin
    text = a_temporary_key(world, bob, pin_version=alice.pin.version)
    assert key_refused(world, alice, text) == {"pinKey": ["Pin key does not exists"]}


def test_k2_nobody_drops_anothers_key(table: Any) -> None:
    from chalicelib.adapters.dynamo_temporary_keys import DynamoTemporaryKeys
    from chalicelib.domain.temporary_key import TemporaryKey

    keys, key_hash = DynamoTemporaryKeys(table), hash_secret("x")
    until = NOW + timedelta(hours=1)
    hers = {"account_id": ALICES, "user_id": ALICE_ID, "pin_version": "v", "expires_at": until}
    keys.add(TemporaryKey(key_hash=key_hash, **hers))
    assert keys.remove(key_hash, BOB_ID, NOW) is False
    assert keys.find(key_hash)
    assert keys.remove(key_hash, ALICE_ID, NOW) is True


def test_k3_a_pin_that_was_replaced_or_removed_ends_its_keys(world: FakeWorld) -> None:
    alice = with_pin(world)
    text = a_temporary_key(world, alice)
    for now_she_has in (verifier_for(world, alice.pin_holder), None):
        assert key_refused(world, replace(alice, pin=now_she_has), text) == {"pinKey": ["Pin key does not exists"]}


def test_k3_a_key_is_of_the_pin_that_was_checked(world: FakeWorld) -> None:
    """While it was being bought the PIN was replaced, after it had been found right."""
    alice = with_pin(world)
    renewed = replace(alice, pin=verifier_for(world, alice.pin_holder, "new one"))
    world.pin_tries.before("forget", lambda: world.users.users.update({alice.id: renewed}))
    ports = {**checking_pins(world), "temporary_keys": world.temporary_keys}
    text = buy_temporary_key(alice, RIGHT, NOW, **ports).text
    assert key_refused(world, renewed, text) == {"pinKey": ["Pin key does not exists"]}


# --- K4, K5: what is kept of a PIN -----------------------------------------------------------------------------------


@pytest.fixture
def hasher_of() -> Iterator[Callable[[], Any]]:
    """Each under an HMAC key of its own, in moto's KMS."""
    import boto3
    from moto import mock_aws

    from chalicelib.adapters.kms_pins import KmsPinHasher

    with mock_aws():
        client = boto3.client("kms")

        def make() -> Any:
            key = client.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
            return KmsPinHasher(client, key["Arn"])

        yield make
        client.close()


def test_k4_a_verifier_fits_its_holder_alone(hasher_of: Callable[[], Any]) -> None:
    hasher = hasher_of()
    [verifier] = hasher.make(RIGHT, [HOLDER])
    assert hasher.matches(RIGHT, HOLDER, verifier)
    for other in (PinHolder("user", BOB_ID), PinHolder("download", ALICE_ID)):
        assert not hasher.matches(RIGHT, other, verifier)


def test_k4_of_one_pin_for_many_each_has_its_own(hasher_of: Callable[[], Any]) -> None:
    holders = [PinHolder("download", new_id()) for _ in range(3)]
    verifiers = hasher_of().make(RIGHT, holders)
    assert len({verifier.mac for verifier in verifiers}) == 3


def test_k5_without_the_key_in_kms_no_guess_can_be_checked(hasher_of: Callable[[], Any]) -> None:
    hasher, thief = hasher_of(), hasher_of()
    [verifier] = hasher.make(RIGHT, [HOLDER])
    assert not thief.matches(RIGHT, HOLDER, verifier), "all of the record, all of the code, and another key"
    assert hasher.matches(RIGHT, HOLDER, verifier)


def test_k5_each_guess_costs_even_with_the_key(hasher_of: Callable[[], Any]) -> None:
    from chalicelib.adapters.kms_pins import slow_hash

    [verifier] = hasher_of().make(RIGHT, [HOLDER])
    assert verifier.cost == SCRYPT_COST
    assert 128 * verifier.cost.n * verifier.cost.r >= 16 * 2**20, "bytes of memory"
    scrypt = hashlib.scrypt(RIGHT.encode(), salt=verifier.salt, n=2**14, r=8, p=1, dklen=32)
    assert slow_hash(RIGHT, verifier.salt, verifier.cost) == scrypt


def test_k5_no_two_pins_have_one_salt(hasher_of: Callable[[], Any]) -> None:
    hasher = hasher_of()
    verifiers = [hasher.make(RIGHT, [HOLDER])[0] for _ in range(3)]
    assert len({verifier.salt for verifier in verifiers}) == len({verifier.mac for verifier in verifiers}) == 3
    assert all(len(verifier.salt) == 16 for verifier in verifiers)


def test_k5_the_record_holds_no_pin() -> None:
    from chalicelib.adapters.dynamo_people import _user_item

    verifier = a_verifier(salt=b"the salt", mac=b"the mac")
    item = _user_item(a_user(pin=verifier))
    assert set(item["pin"]) == {"version", "salt", "n", "r", "p", "mac"}
    assert "the salt" not in repr(verifier), "nor can it be printed by accident"
    assert "the mac" not in repr(verifier)


# --- K6: downloads that ask for one ----------------------------------------------------------------------------------


@pytest.fixture
def guarded(world: FakeWorld) -> tuple[Download, str]:
    """A download that asks for a PIN, and the path to it."""
    download = a_download(stored(world, a_ready_file(filename="secret plans.pdf")), expires_at=NOW + timedelta(days=1))
    download = replace(download, pin=verifier_for(world, download.pin_holder))
    world.downloads.add(download)
    return download, f"/public/downloads/{key_to(world, download)}"


def test_k6_nothing_of_its_files_is_told_without_the_pin(api: AppClient, guarded: tuple[Download, str]) -> None:
    _, path = guarded
    shown = api.get(path)
    assert shown.data["pin_required"] is True
    for answer in (shown, api.post(path), api.post(path, {"pin": "0000"})):
        for told in ("files", "plans", ".pdf", "size", "mode", "url"):
            assert told not in answer.text


def test_k6_nor_by_an_inbox(api: AppClient, world: FakeWorld, bob: Caller) -> None:
    """Its sender sees them: they are theirs."""
    mail = stored_mail(world, a_mail(pin_required=True), stored(world, a_ready_file(filename="plans.pdf")))
    world.inbox.records[mail.id] = entry_of(mail, bob.user_id, bob.account_id, NOW)
    download = world.downloads.records[mail.download_id]
    for pin, told in ((None, True), (a_verifier(), False)):
        world.downloads.records[download.id] = replace(download, pin=pin)
        for path in ("/inbox", f"/inbox/{mail.id}"):
            answer = api.get(path, token=bob.text, query={"include": "download.files"})
            assert ("plans" in answer.text) is told
    shown = embed_downloads(
        [mail], NOW, with_files=True, to_recipient=False, downloads=world.downloads, files=world.files
    )
    assert [file.filename for file in shown[download.id].files or ()] == ["plans.pdf"]


def test_k6_nothing_is_spent_without_the_pin(api: AppClient, world: FakeWorld, guarded: tuple[Download, str]) -> None:
    download, path = guarded
    assert [api.post(path, body).status for body in ({}, {"pin": "0000"}, {"pin": "1"})] == [422] * 3
    assert world.downloads.records[download.id].uses_left == 1
    assert world.objects.calls == []
    assert api.post(path, {"pin": PIN}).status == 200


def test_k6_the_store_keeps_the_pin(table: Any) -> None:
    download = a_download(pin=a_verifier())
    downloads = downloads_on(table)
    downloads.add(download)
    assert downloads.find(download.id) == download


# --- K7: changing it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [clean_pin("new one"), None])
@pytest.mark.parametrize("current", [None, WRONG])
def test_k7_a_token_alone_changes_no_pin(world: FakeWorld, new: Any, current: Any) -> None:
    alice = with_pin(world)
    changes = UserChanges(sets_pin=True, pin=new, current_pin=current, name="Mallory")
    with pytest.raises(Invalid) as refusal:
        update_user(alice, changes, NOW, users=world.users, tokens=world.tokens, **checking_pins(world))
    assert list(refusal.value.errors or {}) == ["current_pin"]
    assert world.users.users[alice.id] == alice


def test_k7_no_way_to_ask_whether_a_pin_is_right(world: FakeWorld) -> None:
    alice = with_pin(world)
    with pytest.raises(Invalid):
        update_user(
            alice,
            UserChanges(current_pin=RIGHT),
            NOW,
            users=world.users,
            tokens=world.tokens,
            **checking_pins(world),
        )


@pytest.mark.parametrize("had", [None, a_verifier()])
def test_k7_the_write_replaces_what_was_checked_and_nothing_else(table: Any, had: PinVerifier | None) -> None:
    users, before = users_on(table), a_user(pin=had)
    users.add(before, None, a_token())
    first, second = (replace(before, pin=a_verifier()) for _ in range(2))
    assert users.save(before, first) == first
    with pytest.raises(Conflict):
        users.save(before, second)
    assert users.find(before.id) == first


# --- L3, S2 ----------------------------------------------------------------------------------------------------------


def test_s2_a_temporary_key_is_stored_as_its_hash(world: FakeWorld) -> None:
    ports = {**checking_pins(world), "temporary_keys": world.temporary_keys}
    bought = buy_temporary_key(with_pin(world), RIGHT, NOW, **ports)
    assert bought.text not in repr(world.temporary_keys.records)
    with pytest.raises(NotFound):
        drop_temporary_key(ALICE_ID, hash_secret(bought.text), NOW, temporary_keys=world.temporary_keys)


def test_s1_no_answer_holds_a_verifier(api: AppClient, world: FakeWorld, alice: Any) -> None:
    user = world.users.users[alice.token.user_id]
    verifier = verifier_for(world, user.pin_holder)
    world.users.users[user.id] = replace(user, pin=verifier)
    text = api.get("/user", token=alice.text).text
    assert json.loads(text)["data"]["has_pin"] is True
    for part in (verifier.version, verifier.salt.hex(), verifier.mac.hex(), "salt", "mac"):
        assert part not in text
