"""Races for one claim, for the last room in an account, and for what a file gives back. As in test_races.py, each is
run by the adapter and by a careless one.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.errors import Busy, QuotaExceeded
from chalicelib.domain.file import File
from chalicelib.domain.quota import Quota, Usage
from chalicelib.ports import Claimed, StaleRecord
from tests.integration import careless
from tests.integration.hooks import Hooks
from tests.integration.quotas import another_container, used
from tests.integration.test_races import Race, worked
from tests.support.builders import NOW, a_claim, a_download, a_file

QUOTA = Quota(stored_bytes=12, files=90, mails_a_day=9)  # two files of five bytes fit, three do not
WRITES = ["dynamodb.TransactWriteItems", "dynamodb.PutItem", "dynamodb.DeleteItem"]


@pytest.fixture(autouse=True)
def _small(world: World) -> None:
    world.settings = replace(world.settings, quota=QUOTA)


def rival_before_our_write(hooks: Hooks, act: Callable[[], object]) -> None:
    """Whichever write comes first, and once."""
    left = [act]

    def once() -> None:
        if left:
            left.pop()()

    for write in WRITES:
        hooks.rival_before(write, once)


def count(world: World, prefix: str) -> int:
    found = world._client("dynamodb").scan(TableName=world.settings.metadata_table)["Items"]
    return sum(item["pk"]["S"].startswith(prefix) for item in found)


def add(world: World, *, claimed: bool = False, size: int = 5) -> bool:
    file = a_file(size_bytes=size, stored_bytes=size)
    return worked(lambda: world.files.add(file, a_claim() if claimed else None), Claimed, QuotaExceeded)


def two_files(world: World) -> File:
    world.files.add(a_file())
    return world.files.add(a_file())


# -- the races ---------------------------------------------------------------------------------------------------------


def twin_files(world: World, hooks: Hooks) -> int:
    """Two requests with one key. How many files are there?"""
    rival_before_our_write(hooks, lambda: add(world, claimed=True, size=0))
    add(world, claimed=True, size=0)
    return count(world, "FILE#")


def twin_downloads(world: World, hooks: Hooks) -> int:
    """Two requests with one key. How many grants are there?"""

    def grant() -> bool:
        return worked(lambda: world.downloads.add(a_download(), a_claim()), Claimed)

    rival_before_our_write(hooks, grant)
    grant()
    return count(world, "DOWNLOAD#")


def last_room(world: World, hooks: Hooks) -> int:
    """Two more files, and room for one. How many files are there?"""
    add(world)
    rival_before_our_write(hooks, lambda: add(world))
    add(world)
    return count(world, "FILE#")


def counted_at_once(world: World, hooks: Hooks) -> int:
    """Two files, and room for both. How many does the account count?"""
    rival_before_our_write(hooks, lambda: add(world, size=0))
    add(world, size=0)
    return used(world).files


def removed_twice(world: World, hooks: Hooks) -> int:
    """Two end one file of two. How many does the account count?"""
    file = two_files(world)
    rival_before_our_write(hooks, lambda: world.files.remove(file))
    world.files.remove(file)
    return used(world).files


def rejected_twice(world: World, hooks: Hooks) -> int:
    """Two reject one upload of two. How many does the account count?"""
    file = two_files(world)

    def reject() -> bool:
        return worked(lambda: world.files.save(file.rejected("no", NOW)), StaleRecord)

    rival_before_our_write(hooks, reject)
    reject()
    return used(world).files


def rejected_while_purged(world: World, hooks: Hooks) -> int:
    """An upload of two is rejected, and its whole purge comes between. How many does the account count?"""
    file = two_files(world)
    rival_before_our_write(hooks, lambda: world.files.remove(world.files.save(file.purging(NOW))))
    worked(lambda: world.files.save(file.rejected("no", NOW)), StaleRecord)
    return used(world).files


RACES = [
    Race(twin_files, 1, 2, careless.creations),
    Race(twin_downloads, 1, 2, careless.creations),
    Race(last_room, 2, 3, careless.creations),
    Race(counted_at_once, 2, 1, careless.creations),
    Race(removed_twice, 1, 0, careless.ends),
    Race(rejected_twice, 1, 0, careless.ends),
    Race(rejected_while_purged, 1, 0, careless.ends),
]
each_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.run.__name__)


@each_race
def test_the_rival_changes_nothing_for_the_worse(world: World, hooks: Hooks, race: Race) -> None:
    assert race.run(world, hooks) == race.right


@each_race
def test_the_same_race_finds_out_who_reads_and_then_writes(world: World, hooks: Hooks, race: Race) -> None:
    race.careless(world)
    assert race.run(world, hooks) == race.wrong


# -- and those that only the adapter's own ways can lose -------------------------------------------------------------


@pytest.mark.parametrize("before", ["dynamodb.BatchGetItem", "dynamodb.TransactWriteItems"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_whoever_comes_while_rooms_are_divided_is_counted(world: World, hooks: Hooks, before: str, times: int) -> None:
    """Between the failed charge and the reading, or between the reading and the division."""
    calm = another_container(world, QUOTA)
    hooks.rival_before(before, lambda: add(calm, size=1), times=times)
    add(world, size=1)
    assert used(world) == Usage(stored_bytes=count(world, "FILE#"), files=count(world, "FILE#"))
    for _ in range(20):
        add(world, size=1)
    assert used(world).stored_bytes == count(world, "FILE#") == 12


def test_a_limit_lowered_between_counts_what_came_before(world: World, hooks: Hooks) -> None:
    """While settings are being deployed each container keeps its own limit, and both count the same files."""
    add(world)
    less = another_container(world, replace(QUOTA, stored_bytes=6))
    hooks.rival_before("dynamodb.TransactWriteItems", lambda: add(less, size=1))
    assert add(world, size=5)  # by its own settings there is room
    assert not add(less, size=1)
    assert used(less) == Usage(stored_bytes=11, files=3)


def test_mails_that_go_out_at_once_stay_within_the_day(world: World, hooks: Hooks) -> None:
    def send() -> bool:
        return worked(lambda: world.quotas.charge(a_file().account_id, Usage(mails=6), NOW), QuotaExceeded)

    rival = hooks.rival_before("dynamodb.TransactWriteItems", send)
    assert [*rival, send()] == [False]
    assert rival == [True]
    assert used(world) == Usage(mails=6)


def test_q1_many_at_once_never_pass_the_limit(world: World) -> None:
    """Threads, on a table whose conditions are atomic. Whoever finds the account busy made nothing."""
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: worked(lambda: world.files.add(a_file()), QuotaExceeded, Busy), range(32)))
    assert 1 <= sum(made) <= 2
    assert count(world, "FILE#") == sum(made)
    assert used(world) == Usage(stored_bytes=5 * sum(made), files=sum(made))
    while add(world):
        made.append(True)
    assert used(world) == Usage(stored_bytes=10, files=2)
