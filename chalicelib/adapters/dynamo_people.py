"""Accounts, users and their API tokens in the metadata table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import call, condition_failed_at
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.adapters.dynamo_table import (
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    list_sk,
    moment,
    optional_moment,
    optional_timestamp,
    timestamp,
    to_dynamo,
)
from chalicelib.domain.api_token import ApiToken, Scope, token_id
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Account, Author, User, email_key
from chalicelib.domain.secret import SecretHash

account_key = KeyOfId("ACCOUNT", "ACCOUNT")
user_key = KeyOfId("USER", "USER")
address_key = KeyOfId("EMAIL", "USER")
token_key = KeyOfId("TOKEN", "TOKEN")


class DynamoTokens:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, token: ApiToken) -> None:
        self._table.put(token_item(token), "attribute_not_exists(pk)")

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        item = self._table.get(token_key(token_id(secret_hash)))
        # the key holds 122 bits of the hash; the record holds, and must match, all of it
        return _token_from(item) if item and item["secret_hash"] == secret_hash else None

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        items, more = self._table.newest(_list_pk(user_id), limit, after, token_key)
        tokens = [_token_from(item) for item in items]
        return Page(tokens, Position(tokens[-1].created_at, tokens[-1].id) if more and tokens else None)

    def remove(self, token_id: TokenId, user_id: UserId) -> bool:
        return self._table.delete(token_key(token_id), "user_id = :user", user=user_id)

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        key = token_key(token_id(secret_hash))
        try:
            self._table.update(key, "SET last_used_at = :at", "attribute_exists(pk)", {}, at=timestamp(at))
        except ClientError as error:
            if not condition_failed(error):  # a token revoked meanwhile must not come back as a fragment
                raise


class DynamoUsers:
    def __init__(self, table: MetadataTable, quotas: DynamoQuotas) -> None:
        self._table, self._quotas = table, quotas

    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        items = [_address_item(user), _user_item(user), token_item(token)]
        opening: Any = []
        if new_account:
            items.append(_account_item(new_account))
            opening = self._quotas.open(new_account.id)
        try:
            call(self._table.client.transact_write_items, TransactItems=[*map(self._new, items), *opening])
        except ClientError as error:
            if condition_failed_at(error, 0):  # the address; the other ids are random
                raise Conflict(f"There is a user with the address {user.email} already.") from error
            raise

    def find(self, user_id: UserId) -> User | None:
        item = self._table.get(user_key(user_id))
        return _user_from(item) if item else None

    def find_account(self, account_id: AccountId) -> Account | None:
        item = self._table.get(account_key(account_id))
        if not item:
            return None
        return Account(id=account_id, name=item["name"], created_at=moment(item["created_at"]))

    def _new(self, item: Item) -> Any:
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._table.name, "Item": to_dynamo(item), "ConditionExpression": condition}}


def author_item(author: Author) -> dict[str, str]:
    return {"name": author.name, "email": author.email, "timezone": author.timezone}


def author_from(item: Mapping[str, str]) -> Author:
    return Author(name=item["name"], email=item["email"], timezone=item["timezone"])


def token_item(token: ApiToken) -> Item:
    pk, sk = token_key(token.id)
    return {
        "pk": pk,
        "sk": sk,
        "list_pk": _list_pk(token.user_id),
        "list_sk": list_sk(Position(token.created_at, token.id)),
        # tidying only: `is_live` decides at every use
        "ttl": int(token.expires_at.timestamp()) if token.expires_at else None,
        "secret_hash": token.secret_hash,
        "user_id": token.user_id,
        "account_id": token.account_id,
        "author": author_item(token.author),
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": timestamp(token.created_at),
        "expires_at": optional_timestamp(token.expires_at),
        "last_used_at": optional_timestamp(token.last_used_at),
    }


def _token_from(item: Item) -> ApiToken:
    return ApiToken(
        secret_hash=SecretHash(item["secret_hash"]),
        user_id=UserId(item["user_id"]),
        account_id=AccountId(item["account_id"]),
        author=author_from(item["author"]),
        name=item["name"],
        scopes=frozenset(map(Scope, item["scopes"])),
        created_at=moment(item["created_at"]),
        expires_at=optional_moment(item.get("expires_at")),
        last_used_at=optional_moment(item.get("last_used_at")),
    )


def _user_item(user: User) -> Item:
    pk, sk = user_key(user.id)
    return {
        "pk": pk,
        "sk": sk,
        "account_id": user.account_id,
        "email": user.email,
        "name": user.name,
        "timezone": user.timezone,
        "created_at": timestamp(user.created_at),
    }


def _user_from(item: Item) -> User:
    return User(
        id=UserId(item["pk"].removeprefix("USER#")),
        account_id=AccountId(item["account_id"]),
        email=item["email"],
        name=item["name"],
        timezone=item["timezone"],
        created_at=moment(item["created_at"]),
    )


def _address_item(user: User) -> Item:
    """One per address, whatever its spelling: this is what makes an address unique."""
    pk, sk = address_key(email_key(user.email))
    return {"pk": pk, "sk": sk, "user_id": user.id, "account_id": user.account_id}


def _account_item(account: Account) -> Item:
    pk, sk = account_key(account.id)
    return {"pk": pk, "sk": sk, "name": account.name, "created_at": timestamp(account.created_at)}


def _list_pk(user_id: UserId) -> str:
    return f"USER#{user_id}#TOKENS"
