"""Races, decided without luck: a rival acts between our read and our write, whenever there is one to act between.

Each race is run twice: by the adapter, and by a careless one (careless.py) that reads, decides and writes. The same
race has to tell them apart, or it proves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain

import pytest

from chalicelib.adapters import dynamo_categories
from chalicelib.bootstrap import World
from chalicelib.domain import token_tree
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Conflict, Gone, PinLocked, SealdropError, Unauthenticated
from chalicelib.domain.file import File
from chalicelib.domain.page import Order
from chalicelib.domain.pin import LOCKED_FOR, MAX_TRIES, clean_pin
from chalicelib.domain.rate_limit import MICROSECONDS, BucketRule
from chalicelib.ports import FileStore, NameTaken, StaleRecord, TooManyCategories
from chalicelib.services.check_pin import check_pin
from chalicelib.services.complete_upload import complete_upload
from chalicelib.services.delete_file import purge_file
from chalicelib.services.on_upload import on_upload
from tests.integration import careless
from tests.integration.bucket import bucket_of
from tests.integration.hooks import Hooks
from tests.integration.test_download_store import UNTIL, a_hash, a_key, standing, with_key
from tests.integration.test_limiter import HOME, T0, container
from tests.integration.test_pin_store import a_holder, use_up
from tests.integration.test_pin_store import a_key as a_temporary_key
from tests.integration.test_user_store import a_user, added, an_account, first_token
from tests.support.builders import (
    ALICE_ID,
    ALICES,
    NOW,
    a_category,
    a_file,
    a_ready_file,
    a_token,
    a_verifier,
    checking_pins,
    new_id,
)

RULE = BucketRule(300)
Act = Callable[[], object]


def worked(act: Act, *refusals: type[Exception]) -> bool:
    try:
        act()
    except refusals:
        return False
    return True


# -- the races: each answers what came of it ---------------------------------------------------------------------------


def last_use(world: World, hooks: Hooks) -> int:
    """Two performers and one use. How many were served?"""
    key = with_key(world)

    def perform() -> bool:
        return worked(lambda: world.downloads.spend(key, a_hash(), UNTIL, NOW), Gone)

    rival = hooks.rival_before("dynamodb.UpdateItem", perform)
    return sum([perform(), *map(bool, rival)])


def use_given_back(world: World, hooks: Hooks) -> int:
    """One spending, given back by two at once. How many uses are left?"""
    key, session = with_key(world), a_hash()
    world.downloads.spend(key, session, UNTIL, NOW)

    def give_back() -> None:
        world.downloads.give_back(key, session)

    hooks.rival_before("dynamodb.UpdateItem", give_back)
    give_back()
    return standing(world, key).uses_left


def key_of_a_spent_download(world: World, hooks: Hooks) -> bool:
    """The last use is spent while another key is being made. Is there a key to a spent download?"""
    old = with_key(world)
    download = standing(world, old)
    new = a_key(download)
    hooks.rival_before("dynamodb.TransactWriteItems", lambda: world.downloads.spend(old, a_hash(), UNTIL, NOW))
    worked(lambda: world.downloads.make_key_current(download, new, NOW), Gone)
    return world.downloads.find_key(new.key_hash) is not None


def last_token(world: World, hooks: Hooks) -> int:
    """Two requests and one token in the bucket. How many pass?"""
    item = {"ip": {"S": HOME}, "full_at": {"N": str(RULE.latest_full_at(T0))}}
    world._client("dynamodb").put_item(TableName=world.settings.ratelimit_table, Item=item)

    def take() -> bool:
        return world.limiter.take(HOME, T0).allowed

    rival = hooks.rival_before("dynamodb.UpdateItem", take)
    return sum([take(), *map(bool, rival)])


def first_token_of_a_full_bucket(world: World, hooks: Hooks) -> int:
    """Two containers meet a full bucket, which is not added to but set. How many tokens are gone?"""
    other = type(world.limiter)(world._client("dynamodb"), world.settings.ratelimit_table, RULE)
    hooks.rival_before("dynamodb.UpdateItem", lambda: other.take(HOME, T0))
    world.limiter.take(HOME, T0)
    return RULE.capacity - 1 - container(world, RULE).take(HOME, T0).remaining


def two_changes(world: World, hooks: Hooks) -> int:
    """Two change one file. How many were told that their change stands?"""
    file = world.files.add(a_ready_file())

    def rename(name: str) -> bool:
        return worked(lambda: world.files.save(replace(file, filename=name)), StaleRecord)

    rival = hooks.rival_before("dynamodb.PutItem", lambda: rename("rival.pdf"))
    return sum([rename("mine.pdf"), *map(bool, rival)])


def one_name(world: World, hooks: Hooks) -> int:
    """Two make a category of one name. How many are there?"""
    return _two_categories(world, hooks, "Bills", "BILLS")


def last_category(world: World, hooks: Hooks) -> int:
    """Two make a category where one more may be. How many are there?"""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamo_categories, "MAX_CATEGORIES", 1)
        return _two_categories(world, hooks, "Bills", "Contracts")


def _two_categories(world: World, hooks: Hooks, one: str, other: str) -> int:
    def add(name: str) -> bool:
        return worked(lambda: world.categories.add(a_category(name=name)), NameTaken, TooManyCategories)

    for call in ("dynamodb.TransactWriteItems", "dynamodb.PutItem"):  # the latter is the careless one's
        hooks.rival_before(call, lambda: add(other))
    add(one)
    return len(world.categories.list_of(ALICES, Order("name", descending=False), 9, None).rows)


def completed_while_purged(world: World, hooks: Hooks) -> tuple[bool, int]:
    """A whole purge happens while an upload is completed. Is the file back, and how many versions are?"""
    file, bucket = arrived(world), bucket_of(world)
    hooks.rival_before(
        "dynamodb.PutItem", lambda: purge_file(file, NOW, files=world.files, objects=world.objects), times=1
    )
    worked(lambda: complete(world, file, 0), SealdropError)
    return world.files.find(file.id) is not None, bucket.versions(file.object_key)


def completed_while_trashed_for_good(world: World, hooks: Hooks) -> bool:
    """A purge has begun, and no more than that, while an upload is completed. Is the file on its way out?"""
    file = arrived(world)
    hooks.rival_before("dynamodb.PutItem", lambda: world.files.save(file.purging(NOW)))
    worked(lambda: complete(world, file, 0), SealdropError)
    after = world.files.find(file.id)
    return after is not None and after.purging_at is not None


def two_completes(world: World, hooks: Hooks) -> int:
    """Two complete one upload. Both are told that it is ready: of how many different files?"""
    file = arrived(world)
    rival = hooks.rival_before("dynamodb.PutItem", lambda: complete(world, file, 1))
    mine = complete(world, file, 2)
    return len({answer.settled_at for answer in (mine, *rival) if isinstance(answer, File)})


def noted_while_revoked(world: World, hooks: Hooks) -> int:
    """A token is revoked while its use is noted. How many uses are noted of what was revoked?"""
    token = a_token()
    world.tokens.add(token)
    hooks.rival_before("dynamodb.UpdateItem", lambda: world.tokens.revoke(token.id, ALICE_ID, NOW))
    world.tokens.note_use(token.secret_hash, NOW)
    items = world._client("dynamodb").scan(TableName=world.settings.metadata_table)["Items"]
    found = [item for item in items if item["pk"]["S"].startswith("TOKEN#")]
    assert all("revoked_at" in item for item in found)
    return sum("last_used_at" in item for item in found)


def revoked_twice(world: World, hooks: Hooks) -> int:
    """Two revoke one token. How many were told that they did?"""
    token = a_token()
    world.tokens.add(token)

    def revoke() -> bool:
        return world.tokens.revoke(token.id, ALICE_ID, NOW)

    rivals = [hooks.rival_before(f"dynamodb.{call}", revoke) for call in ("TransactWriteItems", "UpdateItem")]
    return sum([revoke(), *map(bool, chain(*rivals))])


def made_while_its_maker_is_revoked(world: World, hooks: Hooks) -> bool:
    """A stolen token makes another while it is revoked. Does the new one live on?"""
    stolen = a_token()
    world.tokens.add(stolen)
    child = a_token(maker_id=stolen.id)
    for call in ("TransactWriteItems", "UpdateItem"):  # the latter is the careless one's
        hooks.rival_before(f"dynamodb.{call}", lambda: world.tokens.add(child))
    world.tokens.revoke(stolen.id, ALICE_ID, NOW)
    return world.tokens.find(child.secret_hash) is not None


def revoked_while_it_makes_another(world: World, hooks: Hooks) -> bool:
    """The same from the other side."""
    stolen = a_token()
    world.tokens.add(stolen)
    child = a_token(maker_id=stolen.id)
    for call in ("TransactWriteItems", "PutItem"):
        hooks.rival_before(f"dynamodb.{call}", lambda: world.tokens.revoke(stolen.id, ALICE_ID, NOW))
    worked(lambda: world.tokens.add(child), Unauthenticated)
    return world.tokens.find(child.secret_hash) is not None


def one_token_more_than_may_be(world: World, hooks: Hooks) -> int:
    """Two tokens are made where there is room for one. How many are there?"""
    world.tokens.add(a_token())
    last = [a_token(), a_token()]

    def make(token: ApiToken) -> bool:
        return worked(lambda: world.tokens.add(token), Conflict)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_tree, "MAX_TOKENS", 2)
        for call in ("TransactWriteItems", "PutItem"):  # the latter is the careless one's
            hooks.rival_before(f"dynamodb.{call}", lambda: make(last[0]))
        make(last[1])
    return sum(world.tokens.find(token.secret_hash) is not None for token in last)


def one_address(world: World, hooks: Hooks) -> int:
    """Two users are made of one address. How many are there?"""
    users = [a_user(an_account()), a_user(an_account())]

    def enrol(index: int) -> bool:
        return worked(lambda: world.users.add(users[index], None, first_token(users[index])), Conflict)

    hooks.rival_before("dynamodb.TransactWriteItems", lambda: enrol(0))
    enrol(1)
    return sum(world.users.find(user.id) is not None for user in users)


def last_try(world: World, hooks: Hooks) -> int:
    """Two guess, and one try is left. How many guesses are looked at?"""
    holder = a_holder(world)
    for _ in range(MAX_TRIES - 1):
        world.pin_tries.count(holder, new_id(), NOW)

    def guess() -> bool:
        return worked(lambda: check_pin(clean_pin("0000"), holder, NOW, **checking_pins(world)), PinLocked)

    rival = hooks.rival_before("dynamodb.UpdateItem", guess)
    return sum([guess(), *map(bool, rival)])


def first_try_after_a_lock(world: World, hooks: Hooks) -> int:
    """A rival uses up all that there is again, just before we begin. How many guesses are looked at?"""
    holder = a_holder(world)
    use_up(world, holder, NOW - LOCKED_FOR)

    def guess() -> bool:
        return worked(lambda: check_pin(clean_pin("0000"), holder, NOW, **checking_pins(world)), PinLocked)

    rival = hooks.rival_before("dynamodb.UpdateItem", lambda: [guess() for _ in range(MAX_TRIES)])
    return sum([guess(), *rival[0]])  # type: ignore[misc]


def two_pins(world: World, hooks: Hooks) -> int:
    """Two set a user's first PIN. How many were told that theirs stands?"""
    before = added(world)

    def put() -> bool:
        return worked(lambda: world.users.save(before, replace(before, pin=a_verifier())), Conflict)

    rival = hooks.rival_before("dynamodb.UpdateItem", put)
    return sum([put(), *map(bool, rival)])


def renamed_while_a_pin_is_set(world: World, hooks: Hooks) -> tuple[bool, str]:
    """Is there a PIN afterwards, and what is the name?"""
    before = added(world)
    hooks.rival_before("dynamodb.UpdateItem", lambda: world.users.save(before, replace(before, pin=a_verifier())))
    world.users.save(before, replace(before, name="Alice Adams"))
    after = world.users.find(before.id)
    assert after
    return after.pin is not None, after.name


def dropped_twice(world: World, hooks: Hooks) -> int:
    """Two drop one temporary key. How many were told that they did?"""
    key = a_temporary_key()
    world.temporary_keys.add(key)

    def drop() -> bool:
        return world.temporary_keys.remove(key.key_hash, key.user_id, NOW)

    rival = hooks.rival_before("dynamodb.UpdateItem", drop)
    return sum([drop(), *map(bool, rival)])


def arrived(world: World) -> File:
    """Pending, and its bytes are there."""
    file = world.files.add(a_file())
    assert bucket_of(world).send(world.objects.sign_put(file.object_key, 5, None), b"hello") is None
    return file


def complete(world: World, file: File, minute: int) -> File:
    return complete_upload(
        file.account_id,
        file.id,
        NOW + timedelta(minutes=minute),
        files=world.files,
        objects=world.objects,
        keys=world.keys,
        authenticate_header=world.authenticate_header,
    )


# -- and who runs them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Race:
    run: Callable[[World, Hooks], object]
    right: object
    wrong: object  # what comes of it with the careless adapter
    careless: Callable[[World], None]


RACES = [
    Race(last_use, 1, 2, careless.downloads),
    Race(use_given_back, 1, 2, careless.downloads),
    Race(key_of_a_spent_download, False, True, careless.downloads),
    Race(last_token, 1, 2, careless.limiter),
    Race(first_token_of_a_full_bucket, 2, 1, careless.limiter),
    Race(two_changes, 1, 2, careless.files),
    Race(one_name, 1, 2, careless.categories),
    Race(last_category, 1, 2, careless.categories),
    Race(completed_while_purged, (False, 0), (True, 0), careless.files),
    Race(completed_while_trashed_for_good, True, False, careless.files),
    Race(two_completes, 1, 2, careless.files),
    Race(noted_while_revoked, 0, 1, careless.tokens),
    Race(revoked_twice, 1, 2, careless.tokens),
    Race(made_while_its_maker_is_revoked, False, True, careless.tokens),
    Race(revoked_while_it_makes_another, False, True, careless.tokens),
    Race(one_token_more_than_may_be, 1, 2, careless.tokens),
    Race(one_address, 1, 2, careless.users),
    Race(last_try, 1, 2, careless.pins),
    Race(first_try_after_a_lock, 5, 6, careless.pins),
    Race(two_pins, 1, 2, careless.users),
    Race(renamed_while_a_pin_is_set, (True, "Alice Adams"), (False, "Alice Adams"), careless.users),
    Race(dropped_twice, 1, 2, careless.temporary_keys),
]
each_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.run.__name__)


@each_race
def test_the_rival_changes_nothing_for_the_worse(world: World, hooks: Hooks, race: Race) -> None:
    assert race.run(world, hooks) == race.right


@each_race
def test_the_same_race_finds_out_who_reads_and_then_writes(world: World, hooks: Hooks, race: Race) -> None:
    race.careless(world)
    assert race.run(world, hooks) == race.wrong


def test_a_purged_upload_leaves_no_bytes_when_they_come_late(world: World) -> None:
    """The URL may be used after the purge: whoever verifies then finds no record, and deletes."""
    file: File = world.files.add(a_file())
    signed = world.objects.sign_put(file.object_key, 5, None)
    files: FileStore = world.files
    purge_file(file, NOW, files=files, objects=world.objects)
    assert bucket_of(world).send(signed, b"hello") is None
    on_upload(
        file.id,
        NOW,
        files=files,
        objects=world.objects,
        keys=world.keys,
        authenticate_header=world.authenticate_header,
    )
    assert bucket_of(world).versions(file.object_key) == 0


def test_a_rival_between_makes_nobody_wait(world: World, hooks: Hooks) -> None:
    """A bucket that is drawn upon is added to: requests at the same time do not fail each other."""
    world.limiter.take(HOME, T0)
    hooks.rival_before("dynamodb.UpdateItem", lambda: container(world, RULE).take(HOME, T0 + MICROSECONDS // 10))
    calls = hooks.count("dynamodb.UpdateItem")
    world.limiter.take(HOME, T0)
    assert len(calls) == 3  # the rival's two, since its container was cold, and one of ours
