"""The writes that decide races, on a DynamoDB whose conditions are atomic by construction: sixteen callers at once.

Each race is run by the adapter and by a careless one, which reads, decides and writes; that one has to lose. All
callers stand before their first write until the last has got there, so luck has no part in it.

dynalite has no transactions. Of those that charge a quota and keep a claim the decisive write runs here by itself: its
condition is what lets one through, whatever else is written with it.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_claims import DynamoClaims, keep
from chalicelib.adapters.dynamo_creations import Creations
from chalicelib.adapters.dynamo_downloads import DynamoDownloads
from chalicelib.adapters.dynamo_files import DynamoFiles, to_item
from chalicelib.adapters.dynamo_limiter import DynamoLimiter
from chalicelib.adapters.dynamo_pins import DynamoPinTries
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_purses import PURSES, purse_from, purse_key, settle, take
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.adapters.dynamo_table import NEW, MetadataTable, condition_failed, to_dynamo
from chalicelib.adapters.dynamo_temporary_keys import DynamoTemporaryKeys
from chalicelib.adapters.dynamo_transaction import Write
from chalicelib.domain.download import DownloadKey
from chalicelib.domain.errors import Gone, PinLocked
from chalicelib.domain.ids import AccountId
from chalicelib.domain.pin import MAX_TRIES, PinHolder
from chalicelib.domain.quota import Quota, Usage
from chalicelib.domain.rate_limit import MICROSECONDS, BucketRule
from chalicelib.ports import StaleRecord
from tests.integration import careless
from tests.integration.test_download_store import UNTIL, a_hash
from tests.integration.test_pin_store import a_key as a_temporary_key
from tests.integration.test_races import worked
from tests.support.builders import NOW, a_claim, a_download, a_ready_file, a_verifier, new_id

pytestmark = pytest.mark.xdist_group("dynalite")  # one server for all of these tests

CALLERS = 16
PATIENCE_SECONDS = 30
QUOTA = Quota(stored_bytes=160, files=1600, mails_a_day=5)  # ten bytes a purse: two files of five fit
RULE = BucketRule(10)
T0 = int(NOW.timestamp()) * MICROSECONDS

Act = Callable[[], bool]
Adapter = Callable[..., Any]


def at_once(table: MetadataTable, acts: Sequence[Act]) -> int:
    """How many were let through, of callers who all write at the same moment."""
    together, arrived = threading.Barrier(len(acts), timeout=PATIENCE_SECONDS), threading.local()

    def wait(operation_name: str = "", **_: Any) -> None:
        if not hasattr(arrived, "once"):
            arrived.once = True
            together.wait()

    events = [f"before-call.dynamodb.{write}" for write in ("UpdateItem", "PutItem")]
    for event in events:
        table.client.meta.events.register_first(event, wait)
    try:
        with ThreadPoolExecutor(len(acts)) as pool:
            return sum(pool.map(lambda act: act(), acts))
    finally:
        for event in events:
            table.client.meta.events.unregister(event, wait)


def alone(table: MetadataTable, write: Write) -> bool:
    """One write of a transaction, by itself. Whether its condition held."""
    ((kind, request),) = write.items()
    operation = {"Put": table.client.put_item, "Update": table.client.update_item}[kind]
    try:
        operation(**request)
    except ClientError as error:
        if condition_failed(error):
            return False
        raise
    return True


def creations(table: MetadataTable) -> Creations:
    return Creations(table, DynamoQuotas(table, QUOTA))


# -- the races: each answers how many were let through -----------------------------------------------------------------


def uses(table: MetadataTable, adapter: Adapter) -> int:
    """Of a download with five."""
    key_hash = a_hash()
    download = a_download(uses_left=5, key_hash=key_hash)
    downloads = adapter(table, creations(table))
    downloads.add(download)
    key = DownloadKey(key_hash, download.id, download.file_ids, download.forgotten_at)
    served = at_once(table, [lambda: worked(lambda: downloads.spend(key, a_hash(), UNTIL, NOW), Gone)] * CALLERS)
    assert downloads.find(download.id).uses_left == max(0, 5 - served) or adapter is not DynamoDownloads
    return served


def uses_given_back(table: MetadataTable, adapter: Adapter) -> int:
    """Of one that was spent once."""
    key_hash, session = a_hash(), a_hash()
    download = a_download(uses_left=1, key_hash=key_hash)
    downloads = adapter(table, creations(table))
    downloads.add(download)
    key = DownloadKey(key_hash, download.id, download.file_ids, download.forgotten_at)
    downloads.spend(key, session, UNTIL, NOW)
    at_once(table, [lambda: worked(lambda: downloads.give_back(key, session))] * CALLERS)
    return int(downloads.find(download.id).uses_left)


def guesses(table: MetadataTable, adapter: Adapter) -> int:
    """At a PIN that nobody has tried yet."""
    download = a_download(pin=a_verifier())
    DynamoDownloads(table, creations(table)).add(download)
    tries, holder = adapter(table), PinHolder("download", download.id)
    return at_once(table, [lambda: worked(lambda: tries.count(holder, new_id(), NOW), PinLocked)] * CALLERS)


def requests(table: MetadataTable, adapter: Adapter) -> int:
    """From one address with a full bucket of ten, at as many containers as there are callers."""
    address = new_id()
    limiters = [adapter(table.client, "ratelimit", RULE) for _ in range(CALLERS)]
    return at_once(table, [lambda each=each: each.take(address, T0).allowed for each in limiters])


def changes(table: MetadataTable, adapter: Adapter) -> int:
    """Of a file that all have read."""
    file = replace(a_ready_file(), revision=1)
    table.put(to_item(file), NEW)
    files = adapter(table, SearchTable(table.client, "search"), creations(table))
    return at_once(
        table,
        [
            lambda name=f"{number}.pdf": worked(lambda: files.save(replace(file, filename=name)), StaleRecord)
            for number in range(CALLERS)
        ],
    )


def drops(table: MetadataTable, adapter: Adapter) -> int:
    """Of one temporary key."""
    keys, key = adapter(table), a_temporary_key()
    DynamoTemporaryKeys(table).add(key)
    return at_once(table, [lambda: keys.remove(key.key_hash, key.user_id, NOW)] * CALLERS)


def twins(table: MetadataTable, adapter: Adapter) -> int:
    """With one Idempotency-Key: how many keep a claim of their own?"""
    claim = a_claim(new_id())
    return at_once(table, [lambda: adapter(table, claim, [new_id()])] * CALLERS)


def files_in_a_purse(table: MetadataTable, adapter: Adapter) -> int:
    """Of five bytes, where there is room for ten."""
    account = AccountId(new_id())
    empty = [purse_from(None) for _ in PURSES]
    for write in settle(table, account, empty, [Usage() for _ in PURSES], QUOTA, {}):
        assert alone(table, write)
    taken = at_once(table, [lambda: adapter(table, account)] * CALLERS)
    counted = purse_from(table.get(purse_key(account, 0))).used.files
    assert counted == taken or adapter is not charges
    return taken


def mails_of_a_day(table: MetadataTable, adapter: Adapter) -> int:
    """Of which five are allowed."""
    account = AccountId(new_id())
    return at_once(table, [lambda: adapter(table, account)] * CALLERS)


# -- the single writes of transactions, and how one should not write them ----------------------------------------------


def keeps(table: MetadataTable, claim: Any, resource_ids: list[str]) -> bool:
    return alone(table, keep(table, claim, resource_ids))


def keeps_carelessly(table: MetadataTable, claim: Any, resource_ids: list[str]) -> bool:
    if DynamoClaims(table).find(claim):
        return False
    table.client.put_item(TableName=table.name, Item=keep(table, claim, resource_ids)["Put"]["Item"])
    return True


def charges(table: MetadataTable, account: AccountId) -> bool:
    return alone(table, take(table, account, 0, Usage(stored_bytes=5, files=1), QUOTA))


def charges_carelessly(table: MetadataTable, account: AccountId) -> bool:
    item = table.get(purse_key(account, 0)) or {}
    if item["bytes_room"] < 5:
        return False
    item |= {"bytes_room": item["bytes_room"] - 5, "files": item["files"] + 1}
    table.client.put_item(TableName=table.name, Item=to_dynamo(item))
    return True


def counts_a_mail(table: MetadataTable, account: AccountId) -> bool:
    _, count = DynamoQuotas(table, QUOTA)._mails(account, Usage(mails=1), {}, NOW)
    return alone(table, count)


def counts_a_mail_carelessly(table: MetadataTable, account: AccountId) -> bool:
    quotas = DynamoQuotas(table, QUOTA)
    _, used = quotas.find(account, NOW)
    if used.mails >= QUOTA.mails_a_day:
        return False
    request = dict(quotas._mails(account, Usage(mails=1), {}, NOW)[1]["Update"])
    del request["ConditionExpression"], request["ReturnValuesOnConditionCheckFailure"]
    del request["ExpressionAttributeValues"][":room"]
    table.client.update_item(**cast(Any, request))
    return True


# -- and who runs them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Race:
    run: Callable[[MetadataTable, Adapter], int]
    adapter: Adapter
    right: int
    careless: Adapter
    wrong: int = CALLERS


RACES = [
    Race(uses, DynamoDownloads, 5, careless.CarelessDownloads),
    Race(uses_given_back, DynamoDownloads, 1, careless.CarelessDownloads),
    Race(guesses, DynamoPinTries, MAX_TRIES, careless.CarelessPinTries),
    Race(requests, DynamoLimiter, RULE.capacity, careless.CarelessLimiter),
    Race(changes, DynamoFiles, 1, careless.CarelessFiles),
    Race(drops, DynamoTemporaryKeys, 1, careless.CarelessTemporaryKeys),
    Race(twins, keeps, 1, keeps_carelessly),
    Race(files_in_a_purse, charges, 2, charges_carelessly),
    Race(mails_of_a_day, counts_a_mail, QUOTA.mails_a_day, counts_a_mail_carelessly),
]
each_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.run.__name__)


@each_race
def test_as_many_are_let_through_as_may_be(table: MetadataTable, race: Race) -> None:
    assert race.run(table, race.adapter) == race.right


@each_race
def test_the_same_race_finds_out_who_reads_and_then_writes(table: MetadataTable, race: Race) -> None:
    assert race.run(table, race.careless) == race.wrong


class TestWhatItDoesNotDo:
    """When it learns to, the writes above can run as the transactions that they are part of, and as they are."""

    def test_transactions(self, dynamodb: Any) -> None:
        put: Any = {"Put": {"TableName": "metadata", "Item": {"pk": {"S": new_id()}, "sk": {"S": "X"}}}}
        with pytest.raises(ClientError, match="UnknownOperationException"):
            dynamodb.transact_write_items(TransactItems=[put])

    def test_telling_what_made_a_condition_fail(self, untaught: Any) -> None:
        put: Any = {"TableName": "metadata", "Item": {"pk": {"S": new_id()}, "sk": {"S": "X"}}}
        untaught.put_item(**put)
        with pytest.raises(ClientError) as failed:
            untaught.put_item(**put, ConditionExpression=NEW, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        assert condition_failed(failed.value)
        assert "Item" not in failed.value.response
