"""QuotaStore, and what FileStore charges and gives back: of the fakes and of the DynamoDB adapters."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamo_purses import PURSES, purse_key, purse_of
from chalicelib.bootstrap import World
from chalicelib.domain.errors import QuotaExceeded
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.quota import Quota, Usage
from chalicelib.ports import StaleRecord
from chalicelib.settings import DEFAULT_QUOTA
from tests.integration.hooks import Hooks
from tests.integration.quotas import another_container, used, with_quota
from tests.integration.test_user_store import a_user, an_account, first_token
from tests.support.builders import ALICES, BOBS, NOW, a_file, new_id

QUOTA = Quota(stored_bytes=1000, files=20, mails_a_day=50)
NOTHING = Usage()


@pytest.fixture
def small(ports: World) -> World:
    return with_quota(ports, QUOTA)


def sized(size: int, **changes: Any) -> File:
    return a_file(size_bytes=size, stored_bytes=size, **changes)


def refused(act: Callable[[], object]) -> list[str]:
    """Which quotas were named."""
    with pytest.raises(QuotaExceeded) as refusal:
        act()
    return list(refusal.value.errors or {})


# -- what is used ------------------------------------------------------------------------------------------------------


def test_an_account_that_did_nothing_uses_nothing(ports: World) -> None:
    assert ports.quotas.find(ALICES, NOW) == (DEFAULT_QUOTA, NOTHING)


def test_a_file_is_charged_with_its_stored_bytes_and_as_one(small: World) -> None:
    small.files.add(a_file(size_bytes=5, stored_bytes=700))
    small.files.add(sized(0))
    assert small.quotas.find(ALICES, NOW) == (QUOTA, Usage(stored_bytes=700, files=2))


def test_accounts_are_charged_apart(small: World) -> None:
    small.files.add(sized(1000))
    small.files.add(sized(999, account_id=BOBS))
    small.quotas.charge(BOBS, Usage(mails=7), NOW)
    assert used(small) == Usage(stored_bytes=1000, files=1)
    assert used(small, BOBS) == Usage(stored_bytes=999, files=1, mails=7)


# -- the limit ---------------------------------------------------------------------------------------------------------


def test_the_last_byte_can_be_used_and_no_more(small: World) -> None:
    small.files.add(sized(999))
    assert refused(lambda: small.files.add(sized(2))) == ["bytes"]
    small.files.add(sized(1))
    assert refused(lambda: small.files.add(sized(1))) == ["bytes"]
    small.files.add(sized(0))
    assert used(small) == Usage(stored_bytes=1000, files=3)


def test_the_last_file_can_be_made_and_no_more(small: World) -> None:
    for _ in range(20):
        small.files.add(sized(1))
    assert refused(lambda: small.files.add(sized(0))) == ["files"]
    assert used(small) == Usage(stored_bytes=20, files=20)


def test_a_file_larger_than_all_there_is(small: World) -> None:
    assert refused(lambda: small.files.add(sized(1001))) == ["bytes"]
    assert used(small) == NOTHING


def test_one_file_may_fill_the_account(small: World) -> None:
    """Wherever its bytes are counted: no part of the account has that much room to itself."""
    small.files.add(sized(1000))
    assert used(small).stored_bytes == 1000


def test_a_refused_file_leaves_nothing(small: World) -> None:
    file = sized(1001)
    refused(lambda: small.files.add(file))
    assert small.files.find(file.id) is None


def test_room_that_was_given_back_can_be_used(small: World) -> None:
    for _ in range(3):
        file = small.files.add(sized(1000))
        assert refused(lambda: small.files.add(sized(1))) == ["bytes"]
        small.files.remove(file)
    assert used(small) == NOTHING


# -- giving back -------------------------------------------------------------------------------------------------------


def test_a_removed_file_gives_back_what_it_took_once(small: World) -> None:
    kept, file = small.files.add(sized(10)), small.files.add(sized(90))
    small.files.remove(file)
    small.files.remove(file)
    assert used(small) == Usage(stored_bytes=10, files=1)
    assert small.files.find(kept.id) == kept


def test_a_rejected_file_gives_back_what_it_took_once(small: World) -> None:
    """Not again when it is renamed, nor when its purge begins, nor when its record goes."""
    file = small.files.add(sized(90))
    rejected = small.files.save(file.rejected("no", NOW))
    assert used(small) == NOTHING
    assert rejected == replace(file.rejected("no", NOW), revision=2, is_charged=False)
    assert small.files.find(file.id) == rejected
    renamed = small.files.save(replace(rejected, filename="renamed.pdf"))
    purging = small.files.save(renamed.purging(NOW))
    assert used(small) == NOTHING
    small.files.remove(purging)
    assert used(small) == NOTHING
    assert small.files.find(file.id) is None


@pytest.mark.parametrize("change", ["ready", "renamed", "trashed", "purging"])
def test_nothing_else_gives_anything_back(small: World, change: str) -> None:
    file = small.files.add(sized(90))
    ready = small.files.save(file.made_ready("v1", NOW))
    changed = {
        "ready": ready,
        "renamed": replace(ready, filename="renamed.pdf"),
        "trashed": ready.trashed(NOW),
        "purging": ready.purging(NOW),
    }
    small.files.save(changed[change])
    assert used(small) == Usage(stored_bytes=90, files=1)


def test_who_comes_late_gives_nothing_back(small: World) -> None:
    read = small.files.add(sized(90))
    small.files.save(replace(read, filename="changed.pdf"))
    small.files.remove(read)
    with pytest.raises(StaleRecord):
        small.files.save(read.rejected("no", NOW))
    assert used(small) == Usage(stored_bytes=90, files=1)


# -- mails a day -------------------------------------------------------------------------------------------------------


def test_mails_are_charged_all_or_none(small: World) -> None:
    small.quotas.charge(ALICES, Usage(mails=30), NOW)
    assert refused(lambda: small.quotas.charge(ALICES, Usage(mails=21), NOW)) == ["mails_today"]
    assert used(small) == Usage(mails=30)
    small.quotas.charge(ALICES, Usage(mails=20), NOW)
    assert refused(lambda: small.quotas.charge(ALICES, Usage(mails=1), NOW)) == ["mails_today"]
    assert used(small) == Usage(mails=50)


def test_more_mails_than_a_day_has(small: World) -> None:
    assert refused(lambda: small.quotas.charge(ALICES, Usage(mails=51), NOW)) == ["mails_today"]
    assert used(small) == NOTHING


def test_the_next_day_begins_at_midnight_in_utc(small: World) -> None:
    small.quotas.charge(ALICES, Usage(mails=50), NOW)
    midnight = NOW.replace(hour=0) + timedelta(days=1)
    refused(lambda: small.quotas.charge(ALICES, Usage(mails=1), midnight - timedelta(microseconds=1)))
    small.quotas.charge(ALICES, Usage(mails=50), midnight)
    assert small.quotas.find(ALICES, midnight)[1] == Usage(mails=50)
    assert used(small) == Usage(mails=50)


def test_mails_alone(small: World) -> None:
    """Those of that day, and nothing of what is held."""
    small.files.add(sized(700))
    small.quotas.charge(ALICES, Usage(mails=3), NOW)
    small.quotas.charge(ALICES, Usage(mails=5), NOW + timedelta(days=1))
    assert small.quotas.find_mails(ALICES, NOW) == (QUOTA, Usage(mails=3))
    assert small.quotas.find_mails(BOBS, NOW) == (QUOTA, NOTHING)


def test_mails_and_files_do_not_limit_each_other(small: World) -> None:
    small.quotas.charge(ALICES, Usage(mails=50), NOW)
    small.files.add(sized(1000))
    assert used(small) == Usage(stored_bytes=1000, files=1, mails=50)


# -- DynamoDB alone: purses --------------------------------------------------------------------------------------------


def rooms(world: World) -> list[tuple[int, int]]:
    items = world._table.get_many([purse_key(ALICES, purse) for purse in PURSES])
    return [
        (items[key]["bytes_room"], items[key]["files_room"]) for key in (purse_key(ALICES, purse) for purse in PURSES)
    ]


def in_purse(purse: int) -> FileId:
    return FileId(f"{purse:x}{new_id()[1:]}")


def test_what_is_used_and_what_is_left_is_the_limit(world: World) -> None:
    with_quota(world, QUOTA)
    files = [world.files.add(sized(size)) for size in (0, 1, 100, 62, 63, 500)]
    for file in files[::2]:
        world.files.remove(file)
    total = used(world)
    assert sum(room for room, _ in rooms(world)) == 1000 - total.stored_bytes
    assert sum(room for _, room in rooms(world)) == 20 - total.files


def test_a_file_counts_in_the_purse_of_its_id(world: World) -> None:
    with_quota(world, QUOTA)
    for purse in PURSES:
        world.files.add(sized(purse, id=in_purse(purse)))
    assert [purse.used for purse in world._creations.quotas.read(ALICES, NOW).purses] == [
        Usage(stored_bytes=purse, files=1) for purse in PURSES
    ]
    assert [purse_of(in_purse(purse)) for purse in PURSES] == list(PURSES)


def test_one_purse_can_use_all_the_room(world: World) -> None:
    """However unlucky the ids are."""
    with_quota(world, QUOTA)
    for _ in range(20):
        world.files.add(sized(50, id=in_purse(7)))
    assert used(world) == Usage(stored_bytes=1000, files=20)
    assert refused(lambda: world.files.add(sized(0, id=in_purse(3)))) == ["files"]


def calls_of(hooks: Hooks) -> list[str]:
    return hooks.count("dynamodb")


def test_the_usual_charge_is_one_call(world: World, hooks: Hooks) -> None:
    account = an_account()
    user = a_user(account)
    world.users.add(user, account, first_token(user))
    calls = calls_of(hooks)
    for purse in PURSES:
        world.files.add(sized(10**9, account_id=account.id, id=in_purse(purse)))
    assert calls == ["dynamodb.TransactWriteItems"] * 16


def test_dividing_anew_takes_two_more(world: World, hooks: Hooks) -> None:
    with_quota(world, QUOTA)
    calls = calls_of(hooks)
    world.files.add(sized(1))  # an account that has no purses yet
    assert [call.partition(".")[2] for call in calls] == ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"]


class TestLimitsThatChange:
    """A default that was deployed, or limits of the account's own: exact from the first charge on."""

    def test_raised(self, world: World) -> None:
        with_quota(world, QUOTA).files.add(sized(1000))
        more = another_container(world, replace(QUOTA, stored_bytes=1500))
        more.files.add(sized(500))
        assert refused(lambda: more.files.add(sized(1))) == ["bytes"]

    def test_lowered_below_what_is_used(self, world: World) -> None:
        """What one purse has too much, the others must not give out."""
        file = with_quota(world, QUOTA).files.add(sized(600, id=in_purse(0)))
        less = another_container(world, replace(QUOTA, stored_bytes=320))
        for purse in PURSES:
            assert refused(partial(less.files.add, sized(1, id=in_purse(purse)))) == ["bytes"]
        less.files.add(sized(0))
        assert used(less) == Usage(stored_bytes=600, files=2)
        less.files.remove(file)
        less.files.add(sized(320))
        assert used(less) == Usage(stored_bytes=320, files=2)

    def test_room_given_back_while_too_much_is_used_is_none(self, world: World) -> None:
        with_quota(world, QUOTA)
        files = [world.files.add(sized(100, id=in_purse(0))) for _ in range(8)]
        less = another_container(world, replace(QUOTA, stored_bytes=500))
        less.files.add(sized(0))
        for file in files[:3]:
            less.files.remove(file)
            assert refused(lambda: less.files.add(sized(100, id=in_purse(0)))) == ["bytes"]
        less.files.remove(files[3])
        less.files.add(sized(100, id=in_purse(0)))
        assert used(less).stored_bytes == 500

    def test_two_settings_at_once_while_one_is_being_deployed(self, world: World) -> None:
        with_quota(world, QUOTA)
        other = another_container(world, replace(QUOTA, stored_bytes=1100))
        for _ in range(5):
            world.files.add(sized(100))
            other.files.add(sized(100))
        assert refused(lambda: world.files.add(sized(1))) == ["bytes"]
        other.files.add(sized(100))
        assert used(world) == Usage(stored_bytes=1100, files=11)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_sixteen_purses_refuse_what_one_would(world: World, data: st.DataObject) -> None:
    """Files of any size, in any purse, ending in any order, while the limit changes: beside one plain sum."""
    account, limit, held = AccountId(new_id()), 1000, list[File]()
    container = with_quota(world, replace(QUOTA, stored_bytes=limit))
    for _ in range(data.draw(st.integers(10, 25))):
        if held and data.draw(st.booleans(), "one ends"):
            container.files.remove(held.pop(data.draw(st.integers(0, len(held) - 1))))
        elif data.draw(st.integers(0, 5)) == 0:
            limit = data.draw(st.sampled_from([0, 15, 16, 500, 1000, 1001]), "limit")
            container = another_container(world, replace(QUOTA, stored_bytes=limit))
        else:
            size = data.draw(st.sampled_from([0, 1, 62, 63, 300, 500, 1000]), "size")
            file = sized(size, account_id=account, id=in_purse(data.draw(st.integers(0, 15))))
            total = sum(one.stored_bytes for one in held)
            if (size and total + size > limit) or len(held) == QUOTA.files:
                assert refused(partial(container.files.add, file))
            else:
                held.append(container.files.add(file))
        assert used(container, account) == Usage(stored_bytes=sum(one.stored_bytes for one in held), files=len(held))
