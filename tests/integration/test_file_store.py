"""FileStore: what its port promises, of the fake and of the DynamoDB adapter."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_due import SHARDS, SHARE
from chalicelib.bootstrap import World
from chalicelib.domain.file import EncryptionMode, File, Shelf, Status
from chalicelib.domain.ids import FileId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import Multipart
from chalicelib.ports import FileStore, StaleRecord
from infra.local.stack import EmulatedAws
from tests.integration.hooks import Hooks
from tests.integration.pages import pages, rows
from tests.support.builders import ALICES, BOBS, NOW, a_file, a_ready_file, new_id

SEALED = {
    "encryption_mode": EncryptionMode.CLIENT,
    "wrapped_key": WrappedKey("arn:aws:kms:eu-west-1:1:key/k", bytes(range(256))),
    "stored_bytes": 5 * 2**40,
    "size_bytes": 5 * 2**40 - 700,
}
KINDS: dict[str, dict[str, Any]] = {
    "pending": {},
    "sealed, in parts": SEALED | {"multipart": Multipart("upload/id+=", 600 * 2**20, True, 5 * 2**40)},
    "digest and expiry": {"checksum_sha256": "5" * 43 + "=", "expires_at": NOW + timedelta(days=3, microseconds=1)},
    "empty": {"size_bytes": 0, "stored_bytes": 0, "filename": "ünïcödé 🗂.txt"},
    "ready, in the trash": {
        "status": Status.READY,
        "settled_at": NOW + timedelta(minutes=1),
        "object_version": "v.1",
        "trashed_at": NOW + timedelta(hours=1),
    },
    "rejected": {"status": Status.REJECTED, "rejected_reason": "4 bytes arrived instead of 5.", "settled_at": NOW},
    "being purged": {"status": Status.READY, "object_version": "v", "settled_at": NOW, "purging_at": NOW},
    "made elsewhere": {"created_at": NOW.astimezone(timezone(timedelta(hours=-7)))},
}


@pytest.fixture
def files(ports: World) -> FileStore:
    return ports.files


def made(files: FileStore, count: int, **changes: Any) -> list[File]:
    """`count` ready files, a minute apart, newest first."""
    times = [NOW + timedelta(minutes=minute) for minute in range(count)]
    return [files.add(a_ready_file(**{"created_at": time} | changes)) for time in times][::-1]


def listing(files: FileStore, limit: int, shelf: Shelf = Shelf.READY) -> Any:
    def read(after: Position | None) -> Page[File]:
        return files.list_of(ALICES, shelf, limit, after)

    return read


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_comes_back_as_it_was(files: FileStore, kind: str) -> None:
    file = a_file(**KINDS[kind])

    stored = files.add(file)

    assert stored == replace(file, revision=1)
    assert files.find(file.id) == stored
    assert files.find_many([file.id]) == [stored]


def test_an_unknown_file_is_none(files: FileStore) -> None:
    assert files.find(FileId(new_id())) is None


def test_adding_never_replaces(files: FileStore) -> None:
    file = files.add(a_file())

    with pytest.raises((ClientError, RuntimeError)):
        files.add(a_file(id=file.id, account_id=BOBS))

    assert files.find(file.id) == file


# -- find_many ---------------------------------------------------------------------------------------------------------


def test_many_come_in_the_order_asked_for(files: FileStore) -> None:
    one, two, three = made(files, 3)
    assert files.find_many([two.id, three.id, one.id]) == [two, three, one]


def test_many_leave_out_what_has_no_record(files: FileStore) -> None:
    one, two = made(files, 2)
    assert files.find_many([FileId(new_id()), two.id, FileId(new_id()), one.id]) == [two, one]
    assert files.find_many([FileId(new_id())]) == []
    assert files.find_many([]) == []


def test_many_are_a_hundred(files: FileStore) -> None:
    hundred = made(files, 100)
    assert files.find_many([file.id for file in hundred]) == hundred


# -- list_of -----------------------------------------------------------------------------------------------------------


def test_newest_first(files: FileStore) -> None:
    newest_first = made(files, 4)
    assert files.list_of(ALICES, Shelf.READY, 10, None) == Page(newest_first, None)


def test_ties_are_ordered_by_id(files: FileStore) -> None:
    twins = [files.add(a_ready_file()) for _ in range(7)]
    expected = sorted(twins, key=lambda file: file.id, reverse=True)
    assert files.list_of(ALICES, Shelf.READY, 10, None).rows == expected
    assert rows(listing(files, 2)) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
def test_pages_hold_the_limit_and_miss_nothing(files: FileStore, limit: int) -> None:
    newest_first = made(files, 4)

    walked = pages(listing(files, limit))

    assert [file for page in walked for file in page] == newest_first
    assert all(len(page) == limit for page in walked[: 4 // limit])
    assert len(walked) <= 4 // limit + 1


def test_a_microsecond_makes_an_order(files: FileStore) -> None:
    late = files.add(a_ready_file(created_at=NOW + timedelta(microseconds=10)))
    early = files.add(a_ready_file(created_at=NOW + timedelta(microseconds=9)))
    assert rows(listing(files, 1)) == [late, early]


def test_an_empty_list_is_one_empty_page(files: FileStore) -> None:
    assert files.list_of(ALICES, Shelf.READY, 10, None) == Page([], None)


def test_a_newer_file_between_pages_shifts_nothing(files: FileStore) -> None:
    newest_first = made(files, 4)
    first = files.list_of(ALICES, Shelf.READY, 2, None)

    files.add(a_ready_file(created_at=NOW + timedelta(days=1)))

    second = files.list_of(ALICES, Shelf.READY, 10, first.next)
    assert [*first.rows, *second.rows] == newest_first


def test_an_older_file_between_pages_is_found_on_the_way(files: FileStore) -> None:
    newest_first = made(files, 3)
    first = files.list_of(ALICES, Shelf.READY, 2, None)

    older = files.add(a_ready_file(created_at=NOW - timedelta(days=1)))

    assert files.list_of(ALICES, Shelf.READY, 10, first.next).rows == [newest_first[2], older]


def test_a_cursor_outlives_its_record(files: FileStore) -> None:
    newest_first = made(files, 5)
    first = files.list_of(ALICES, Shelf.READY, 2, None)

    files.remove(newest_first[1])  # the last one of the page: the place that the cursor names
    files.remove(newest_first[2])

    assert files.list_of(ALICES, Shelf.READY, 10, first.next).rows == newest_first[3:]


def test_a_cursor_may_name_a_place_where_nothing_ever_was(files: FileStore) -> None:
    newest_first = made(files, 3)
    between = Position(NOW + timedelta(minutes=1, seconds=30), new_id())
    assert files.list_of(ALICES, Shelf.READY, 10, between).rows == newest_first[1:]


def test_a_cursor_before_the_beginning_and_after_the_end(files: FileStore) -> None:
    newest_first = made(files, 2)
    assert files.list_of(ALICES, Shelf.READY, 10, Position(NOW + timedelta(days=9), new_id())).rows == newest_first
    assert files.list_of(ALICES, Shelf.READY, 10, Position(NOW - timedelta(days=9), new_id())) == Page([], None)


def test_lists_are_the_accounts_own(files: FileStore) -> None:
    hers, his = files.add(a_ready_file()), files.add(a_ready_file(account_id=BOBS))
    assert files.list_of(ALICES, Shelf.READY, 10, None).rows == [hers]
    assert files.list_of(BOBS, Shelf.READY, 10, None).rows == [his]


def test_a_file_is_on_one_shelf_at_a_time(files: FileStore) -> None:
    def shelves() -> list[Shelf]:
        return [shelf for shelf in Shelf if files.list_of(ALICES, shelf, 10, None).rows]

    file = files.add(a_file())
    assert shelves() == [Shelf.PENDING]
    file = files.save(file.made_ready("v", NOW))
    assert shelves() == [Shelf.READY]
    file = files.save(file.trashed(NOW))
    assert shelves() == [Shelf.TRASHED]
    file = files.save(file.restored())
    assert shelves() == [Shelf.READY]
    files.save(file.purging(NOW))
    assert shelves() == []
    files.add(a_file(**KINDS["rejected"]))
    assert shelves() == [Shelf.REJECTED]


# -- save and remove ---------------------------------------------------------------------------------------------------


def test_a_save_answers_the_next_revision(files: FileStore) -> None:
    file = files.add(a_file())
    renamed = files.save(replace(file, filename="renamed.pdf"))
    assert renamed == replace(file, filename="renamed.pdf", revision=2)
    assert files.find(file.id) == renamed


def test_what_is_taken_away_is_gone(files: FileStore) -> None:
    """A purge relies on it: no trace of the wrapped key may stay in the record."""
    file = files.add(a_ready_file(**SEALED, expires_at=NOW))
    bare = files.save(replace(file.purging(NOW), expires_at=None))
    assert files.find(file.id) == bare
    assert bare.wrapped_key is None


def test_of_two_changes_to_one_revision_the_second_is_stale(files: FileStore) -> None:
    read = files.add(a_file())
    first = files.save(replace(read, filename="first.pdf"))

    with pytest.raises(StaleRecord):
        files.save(replace(read, filename="second.pdf"))

    assert files.find(read.id) == first


def test_a_record_that_went_does_not_come_back(files: FileStore) -> None:
    file = files.add(a_file())
    files.remove(file)

    with pytest.raises(StaleRecord):
        files.save(file.made_ready("v", NOW))

    assert files.find(file.id) is None
    assert rows(listing(files, 10)) == []


def test_removing_twice_is_harmless(files: FileStore) -> None:
    file, other = files.add(a_file()), files.add(a_file())
    files.remove(file)
    files.remove(file)
    assert files.find(file.id) is None
    assert files.find(other.id) == other


def test_a_record_that_was_changed_meanwhile_is_not_removed(files: FileStore) -> None:
    read = files.add(a_file())
    changed = files.save(replace(read, filename="changed.pdf"))
    files.remove(read)
    assert files.find(read.id) == changed


# -- due ---------------------------------------------------------------------------------------------------------------


def in_shard(digit: str) -> FileId:
    return FileId(digit + str(uuid.uuid4())[1:])


def expiring(files: FileStore, at: datetime, shard: str = "5") -> File:
    return files.add(a_ready_file(id=in_shard(shard), expires_at=at))


def test_due_is_what_has_come(files: FileStore) -> None:
    past, now = expiring(files, NOW - timedelta(days=1)), expiring(files, NOW)
    expiring(files, NOW + timedelta(seconds=1))
    files.add(a_ready_file())  # never due
    assert sorted(files.due(NOW)) == sorted([past.id, now.id])


def test_the_oldest_of_a_shard_comes_first(files: FileStore) -> None:
    ages = [3, 1, 4, 2]
    aged = {age: expiring(files, NOW - timedelta(hours=age)) for age in ages}
    assert list(files.due(NOW)) == [aged[age].id for age in (4, 3, 2, 1)]


def test_due_looks_into_every_shard(files: FileStore) -> None:
    all_shards = {expiring(files, NOW, shard).id for shard in "0123456789abcdef"}
    assert set(files.due(NOW)) == all_shards


def test_no_shard_waits_for_another(files: FileStore) -> None:
    """However many are due in one: what is due in the others is among the first."""
    for _ in range(3 * SHARE):
        expiring(files, NOW - timedelta(days=30), "0")
    others = {expiring(files, NOW, shard).id for shard in "178ef"}
    due = list(files.due(NOW))
    assert len(due) == len(set(due)) == 3 * SHARE + len(others)
    assert others <= set(due[: SHARE + len(others)])


def test_each_run_begins_at_another_shard(world: World) -> None:
    for shard in SHARDS:
        expiring(world.files, NOW, shard)
    runs = [NOW + run * timedelta(minutes=10) for run in range(len(SHARDS))]
    assert {next(world.files.due(run))[0] for run in runs} == set(SHARDS)


def test_due_reads_no_more_than_it_is_asked_for(world: World, hooks: Hooks) -> None:
    for _ in range(2 * SHARE):
        expiring(world.files, NOW, "0")
    queries = hooks.count("dynamodb.Query")
    due = world.files.due(NOW)
    assert queries == []
    for _ in range(SHARE):
        next(due)
    assert len(queries) <= len(SHARDS)


def test_due_follows_the_record(files: FileStore) -> None:
    file = expiring(files, NOW)
    extended = files.save(replace(file, expires_at=NOW + timedelta(days=1)))
    assert list(files.due(NOW)) == []
    trashed = files.save(replace(extended, expires_at=None).trashed(NOW))
    assert list(files.due(NOW)) == []
    assert list(files.due(NOW + timedelta(days=30))) == [file.id]
    purging = files.save(trashed.purging(NOW))
    assert list(files.due(NOW)) == [file.id]
    files.remove(purging)
    assert list(files.due(NOW)) == []


# -- put_off -----------------------------------------------------------------------------------------------------------


def test_what_is_put_off_comes_later_and_after_the_others(files: FileStore) -> None:
    failing, other = expiring(files, NOW - timedelta(days=1)), expiring(files, NOW)
    later = NOW + timedelta(hours=1)
    files.put_off(failing.id, later)
    assert list(files.due(NOW)) == [other.id]
    assert list(files.due(later)) == [other.id, failing.id]
    assert files.find(failing.id) == failing, "and is as it was"


def test_a_change_puts_it_where_it_belongs_again(files: FileStore) -> None:
    file = expiring(files, NOW)
    files.put_off(file.id, NOW + timedelta(hours=1))
    files.save(file.purging(NOW))
    assert list(files.due(NOW)) == [file.id]


def test_nothing_is_put_off_to_an_earlier_time(files: FileStore) -> None:
    file = expiring(files, NOW + timedelta(days=2))
    files.leave_tombstone(file.id, NOW + timedelta(days=1))
    files.put_off(file.id, NOW)
    assert list(files.due(NOW + timedelta(hours=23))) == []


def test_what_has_gone_or_never_ends_cannot_be_put_off(files: FileStore) -> None:
    endless, gone = files.add(a_ready_file()), expiring(files, NOW)
    files.remove(gone)
    for file in (endless, gone):
        files.put_off(file.id, NOW)
    assert list(files.due(NOW)) == []
    assert files.find(endless.id) == endless
    assert files.find(gone.id) is None


# -- tombstones --------------------------------------------------------------------------------------------------------

A_DAY = timedelta(days=1)


def test_a_tombstone_is_due_and_nothing_else(files: FileStore) -> None:
    file = expiring(files, NOW)
    files.leave_tombstone(file.id, NOW + A_DAY)
    files.remove(files.save(file.purging(NOW)))
    assert list(files.due(NOW + A_DAY - timedelta(seconds=1))) == []
    assert list(files.due(NOW + A_DAY)) == [file.id]
    assert files.find(file.id) is None
    assert files.find_many([file.id]) == []
    assert all(files.list_of(ALICES, shelf, 10, None).rows == [] for shelf in Shelf)


def test_a_purge_that_goes_on_leaves_the_tombstone_where_it_is(files: FileStore) -> None:
    file_id = FileId(new_id())
    files.leave_tombstone(file_id, NOW)
    files.leave_tombstone(file_id, NOW)
    files.leave_tombstone(file_id, NOW + A_DAY)
    assert list(files.due(NOW)) == [file_id]


def test_a_tombstone_goes_when_its_time_has_come(files: FileStore) -> None:
    """And not before: the index may still tell of the file that it stands for."""
    file_id = FileId(new_id())
    files.leave_tombstone(file_id, NOW)
    files.remove_tombstone(file_id, NOW - timedelta(seconds=1))
    assert list(files.due(NOW)) == [file_id]
    files.remove_tombstone(file_id, NOW)
    files.remove_tombstone(file_id, NOW)
    assert list(files.due(NOW)) == []


def test_a_tombstone_can_be_put_off(files: FileStore) -> None:
    file_id = FileId(new_id())
    files.leave_tombstone(file_id, NOW)
    files.put_off(file_id, NOW + A_DAY)
    files.remove_tombstone(file_id, NOW)
    assert list(files.due(NOW)) == []
    assert list(files.due(NOW + A_DAY)) == [file_id]


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def item_of(aws: EmulatedAws, file: File) -> dict[str, Any]:
    key = {"pk": {"S": f"FILE#{file.id}"}, "sk": {"S": "FILE"}}
    item: dict[str, Any] = aws.clients("dynamodb").get_item(TableName=aws.metadata_table, Key=key)["Item"]
    return item


def test_a_file_has_no_ttl(world: World, aws: EmulatedAws) -> None:
    """Its end is the sweep's work: DynamoDB would leave the object behind."""
    assert "ttl" not in item_of(aws, world.files.add(a_ready_file(expires_at=NOW)))


def test_a_record_stands_in_an_index_only_while_it_belongs_there(world: World, aws: EmulatedAws) -> None:
    file = world.files.add(a_ready_file())
    assert {"list_pk", "list_sk"} <= set(item_of(aws, file))
    assert not {"due_shard", "due_at"} & set(item_of(aws, file))
    file = world.files.save(file.purging(NOW))
    assert not {"list_pk", "list_sk"} & set(item_of(aws, file))
    assert {"due_shard", "due_at"} <= set(item_of(aws, file))


def test_nothing_of_a_wrapped_key_stays_after_a_purge_began(world: World, aws: EmulatedAws) -> None:
    file = world.files.add(a_ready_file(**SEALED))
    assert "wrapped_key" in item_of(aws, file)
    assert "wrapped_key" not in item_of(aws, world.files.save(file.purging(NOW)))


def test_z1_a_tombstone_holds_an_id_and_a_time(world: World, aws: EmulatedAws) -> None:
    file = world.files.add(a_ready_file(**SEALED))
    world.files.leave_tombstone(file.id, NOW)
    world.files.remove(file)
    (item,) = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    assert item == {
        "pk": {"S": f"PURGED#{file.id}"},
        "sk": {"S": "PURGED"},
        "due_shard": {"S": f"FILE#{file.id[0]}"},
        "due_at": {"N": str(int(NOW.timestamp()))},
    }
