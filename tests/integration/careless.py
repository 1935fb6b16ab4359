"""The adapters as one should not write them: read, decide, write. The races have to find each of them out."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.adapters.dynamo_downloads import DynamoDownloads, _key_item, _to_item, download_key
from chalicelib.adapters.dynamo_files import DynamoFiles, to_item
from chalicelib.adapters.dynamo_limiter import DynamoLimiter
from chalicelib.adapters.dynamo_people import (
    DynamoTokens,
    DynamoUsers,
    _account_item,
    _address_item,
    _user_item,
    address_key,
    token_item,
    token_key,
)
from chalicelib.adapters.dynamo_table import MetadataTable, timestamp, to_dynamo
from chalicelib.bootstrap import World
from chalicelib.domain.api_token import ApiToken, token_id
from chalicelib.domain.download import Download, DownloadKey, Refused, may_spend
from chalicelib.domain.errors import Conflict, Gone
from chalicelib.domain.file import File
from chalicelib.domain.ids import TokenId, UserId
from chalicelib.domain.people import Account, User, email_key
from chalicelib.domain.rate_limit import BucketRule, RateLimit
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import MAX_TOKENS, Branch, TokenTree
from chalicelib.ports import StaleRecord


def downloads(world: World) -> None:
    world.downloads = CarelessDownloads(world._table)


def files(world: World) -> None:
    world.files = CarelessFiles(world._table)


def tokens(world: World) -> None:
    world.tokens = CarelessTokens(world._table)


def users(world: World) -> None:
    world.users = CarelessUsers(world._table)


def limiter(world: World) -> None:
    rule = BucketRule(world.settings.rate_limit)
    world.limiter = CarelessLimiter(world._client("dynamodb"), world.settings.ratelimit_table, rule)


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

    def add(self, token: ApiToken) -> None:
        self._tree(token.user_id).with_token(token, token.created_at)
        _put(self._table, token_item(token))

    def remove(self, token_id: TokenId, user_id: UserId, spared: TokenId | None = None) -> bool:
        tree = self._tree(user_id)
        for held in tree.without(token_id, spared)[1]:
            pk, sk = token_key(held)
            self._table.client.delete_item(TableName=self._table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        return token_id in tree.branches

    def _tree(self, user_id: UserId) -> TokenTree:
        """From the list, as one would without a record of its own."""
        listed = self.list_of(user_id, 2 * MAX_TOKENS, None).rows
        return TokenTree({token.id: Branch(token.maker_id, token.expires_at) for token in listed})


class CarelessUsers(DynamoUsers):
    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        if self._table.get(address_key(email_key(user.email))):
            raise Conflict
        items = [_user_item(user), _address_item(user), token_item(token)]
        items += [_account_item(new_account)] if new_account else []
        puts: Any = [{"Put": {"TableName": self._table.name, "Item": to_dynamo(item)}} for item in items]
        self._table.client.transact_write_items(TransactItems=puts)


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
