"""The adapters as one should not write them: read, decide, write. The races have to find each of them out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from chalicelib.adapters import dynamo_categories
from chalicelib.adapters.dynamo_authors import user_key
from chalicelib.adapters.dynamo_categories import DynamoCategories, _name_item, _name_key, count_key
from chalicelib.adapters.dynamo_categories import _to_item as category_item
from chalicelib.adapters.dynamo_claims import DynamoClaims, keep
from chalicelib.adapters.dynamo_creations import _NOTHING, NEW, Creations
from chalicelib.adapters.dynamo_downloads import DynamoDownloads, _key_item, _to_item, download_key
from chalicelib.adapters.dynamo_files import DynamoFiles, file_key, to_item
from chalicelib.adapters.dynamo_limiter import DynamoLimiter
from chalicelib.adapters.dynamo_people import (
    DynamoUsers,
    _account_item,
    _address_item,
    _user_from,
    _user_item,
    address_key,
)
from chalicelib.adapters.dynamo_pins import DynamoPinTries, _key, _tries_from
from chalicelib.adapters.dynamo_purses import purse_key
from chalicelib.adapters.dynamo_table import Item, MetadataTable, timestamp, to_dynamo
from chalicelib.adapters.dynamo_temporary_keys import DynamoTemporaryKeys, temporary_key
from chalicelib.adapters.dynamo_tokens import DynamoTokens, token_item, token_key
from chalicelib.adapters.dynamo_transaction import put, transact
from chalicelib.adapters.dynamo_verifiers import verifier_from
from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken, token_id
from chalicelib.domain.category import Category
from chalicelib.domain.claim import Claim
from chalicelib.domain.download import Download, DownloadKey, Refused, may_spend
from chalicelib.domain.errors import Conflict, Gone
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.people import Account, User, email_key
from chalicelib.domain.pin import PinHolder, PinVerifier
from chalicelib.domain.quota import Usage, refusal
from chalicelib.domain.rate_limit import BucketRule, RateLimit
from chalicelib.domain.secret import SecretHash
from chalicelib.ports import Claimed, NameTaken, StaleRecord, TooManyCategories
from tests.integration.quotas import with_creations


def downloads(world: World) -> None:
    world.downloads = CarelessDownloads(world._table, world._creations)


def files(world: World) -> None:
    world.files = CarelessFiles(world._table, world._postings, world._creations)


def categories(world: World) -> None:
    world.categories = CarelessCategories(world._table)


def tokens(world: World) -> None:
    world.tokens = CarelessTokens(world._table)


def users(world: World) -> None:
    world.users = CarelessUsers(world._table, world._creations.quotas)


def pins(world: World) -> None:
    world.pin_tries = CarelessPinTries(world._table)


def temporary_keys(world: World) -> None:
    world.temporary_keys = CarelessTemporaryKeys(world._table)


def limiter(world: World) -> None:
    rule = BucketRule(world.settings.rate_limit)
    world.limiter = CarelessLimiter(world._client("dynamodb"), world.settings.ratelimit_table, rule)


def creations(world: World) -> None:
    with_creations(world, CarelessCreations(world._table, world._creations.quotas))


def ends(world: World) -> None:
    world.files = CarelessEnds(world._table, world._creations)


def _put(table: MetadataTable, item: dict[str, Any]) -> None:
    table.client.put_item(TableName=table.name, Item=to_dynamo(item))


class CarelessDownloads(DynamoDownloads):
    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        download = self.find(key.download_id)
        if download is None or isinstance(may_spend(download, key.key_hash, now), Refused):
            raise Gone
        sessions = {**download.sessions, session_hash: session_until}
        return self._overwrite(replace(download, uses_left=download.uses_left - 1, sessions=sessions))

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        download = self.find(key.download_id)
        if download and session_hash in download.sessions:
            self._table.update(
                download_key(download.id), "SET uses_left = uses_left + :one", "attribute_exists(pk)", {}, one=1
            )

    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        standing = self.find(download.id)
        if standing is None or standing.uses_left < 1 or standing.expires_at <= now or standing.revoked_at:
            raise Gone
        put: Any = {"TableName": self._table.name, "Item": to_dynamo(_key_item(key))}
        self._table.client.transact_write_items(TransactItems=[{"Put": put}])

    def _overwrite(self, download: Download) -> Download:
        item = _to_item(download)
        given = {"left": item["uses_left"], "sessions": item["sessions"]}
        self._table.update(
            download_key(download.id),
            "SET uses_left = :left, sessions = :sessions",
            "attribute_exists(pk)",
            {},
            **given,
        )
        return download


class CarelessFiles(DynamoFiles):
    def save(self, file: File) -> File:
        standing = self.find(file.id)
        if standing is None or standing.revision != file.revision:
            raise StaleRecord
        stored = replace(file, revision=file.revision + 1)
        _put(self._table, to_item(stored))
        return stored


class CarelessCategories(DynamoCategories):
    def add(self, category: Category) -> Category:
        count = (self._table.get(count_key(category.account_id)) or {"category_count": 0})["category_count"]
        if self._table.get(_name_key(category)):
            raise NameTaken
        if count >= dynamo_categories.MAX_CATEGORIES:
            raise TooManyCategories
        pk, sk = count_key(category.account_id)
        _put(self._table, {"pk": pk, "sk": sk, "category_count": count + 1})
        stored = replace(category, revision=1)
        for item in (category_item(stored), _name_item(stored)):
            _put(self._table, item)
        return stored


class CarelessTokens(DynamoTokens):
    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        if self.find(secret_hash):
            pk, sk = token_key(token_id(secret_hash))
            self._table.client.update_item(
                TableName=self._table.name,
                Key={"pk": {"S": pk}, "sk": {"S": sk}},
                UpdateExpression="SET last_used_at = :at",
                ExpressionAttributeValues={":at": {"S": timestamp(at)}},
            )

    def revoke(self, token_id: TokenId, user_id: UserId, now: datetime) -> bool:
        item = self._table.get(token_key(token_id))
        if item is None or item["user_id"] != user_id or "revoked_at" in item:
            return False
        pk, sk = token_key(token_id)
        self._table.client.update_item(
            TableName=self._table.name,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET revoked_at = :now",
            ExpressionAttributeValues={":now": {"S": timestamp(now)}},
        )
        return True


class CarelessUsers(DynamoUsers):
    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        if self._table.get(address_key(email_key(user.email))):
            raise Conflict
        items = [_user_item(user), _address_item(user), token_item(token)]
        items += [_account_item(new_account)] if new_account else []
        puts: Any = [{"Put": {"TableName": self._table.name, "Item": to_dynamo(item)}} for item in items]
        self._table.client.transact_write_items(TransactItems=puts)

    def save(self, before: User, after: User) -> User:
        standing = self.find(before.id)
        if standing is None or standing.pin != before.pin:
            raise Conflict
        item = _user_item(after)
        change = "SET #name = :name, #timezone = :timezone, pin = :pin"
        names = {"#name": "name", "#timezone": "timezone"}
        given = {name: item[name] for name in ("name", "timezone", "pin")}
        return _user_from(self._table.update(user_key(before.id), change, "attribute_exists(pk)", names, **given))


class CarelessPinTries(DynamoPinTries):
    def count(self, holder: PinHolder, try_id: str, now: datetime) -> PinVerifier | None:
        item = self._table.get(_key(holder)) or {}
        tries = _tries_from(item).counting(try_id, now)
        given = {"tries": set(tries.ids), "now": timestamp(now)}
        change = "SET pin_tries = :tries, pin_tried_at = :now"
        return verifier_from(self._table.update(_key(holder), change, "attribute_exists(pin)", {}, **given)["pin"])


class CarelessTemporaryKeys(DynamoTemporaryKeys):
    def remove(self, key_hash: SecretHash, user_id: UserId, now: datetime) -> bool:
        key = self.find(key_hash)
        if key is None or key.user_id != user_id or key.expires_at <= now:
            return False
        pk, sk = temporary_key(key_hash)
        self._table.client.delete_item(TableName=self._table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        return True


class CarelessLimiter(DynamoLimiter):
    def take(self, address: str, now_us: int) -> RateLimit:
        full_at = self.read(address)
        limit = self._rule.judge(full_at, now_us)
        if not limit.allowed:
            return limit
        moved = max(full_at, now_us) + self._rule.interval_us
        self.write(address, moved)
        return self._rule.after_taking(moved, now_us)

    def read(self, address: str) -> int:
        answer = self._client.get_item(TableName=self._table, Key={"ip": {"S": address}}, ConsistentRead=True)
        return int(answer["Item"]["full_at"]["N"]) if "Item" in answer else 0

    def write(self, address: str, full_at_us: int) -> None:
        self._client.update_item(
            TableName=self._table,
            Key={"ip": {"S": address}},
            UpdateExpression="SET full_at = :full",
            ExpressionAttributeValues={":full": {"N": str(full_at_us)}},
        )


class CarelessCreations(Creations):
    """Looks whether there is a claim, whether there is room; then writes, and counts what it has read and one more."""

    def add(
        self,
        account_id: AccountId,
        items: Sequence[Item],
        resource_ids: Sequence[str],
        now: datetime,
        *,
        claim: Claim | None = None,
        charge: Usage = _NOTHING,
    ) -> None:
        if claim and (kept := DynamoClaims(self._table).find(claim)):
            raise Claimed(kept)
        quota, used = self.quotas.find(account_id, now)
        if refused := refusal(quota, used, charge):
            raise refused
        writes = [put(self._table, item, NEW) for item in items]
        if claim:
            writes.append(
                {"Put": {"TableName": self._table.name, "Item": keep(self._table, claim, resource_ids)["Put"]["Item"]}}
            )
        self._table.client.transact_write_items(TransactItems=cast(Any, writes))
        after = used + charge
        pk, sk = purse_key(account_id, 0)
        _put(self._table, {"pk": pk, "sk": sk, "changes": 1, "stored_bytes": after.stored_bytes, "files": after.files})


class CarelessEnds(DynamoFiles):
    """Looks whether the record is there, ends it, and gives back what it took."""

    def remove(self, file: File) -> None:
        standing = self.find(file.id)
        if standing is None or standing.revision != file.revision:
            return
        pk, sk = file_key(file.id)
        self._table.client.delete_item(TableName=self._table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        transact(self._table, [self._quotas.give_back(file.account_id, file.id, file.charge)])

    def save(self, file: File) -> File:
        standing = self.find(file.id)
        if standing is None or standing.revision != file.revision:
            raise StaleRecord
        stored = replace(file, revision=file.revision + 1, is_charged=not file.gives_quota_back)
        _put(self._table, to_item(stored))
        if file.gives_quota_back:
            transact(self._table, [self._quotas.give_back(file.account_id, file.id, file.charge)])
        return stored
