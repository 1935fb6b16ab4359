"""Accounts, users and their API tokens in the metadata table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import call, condition_failed_at
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
from chalicelib.adapters.dynamo_token_tree import FURTHER, change_tree, delete, put, tree_item
from chalicelib.domain.api_token import ApiToken, Scope, token_id
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.people import Account, Author, User, email_key
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import TokenTree

account_key = KeyOfId("ACCOUNT", "ACCOUNT")
user_key = KeyOfId("USER", "USER")
address_key = KeyOfId("EMAIL", "USER")
token_key = KeyOfId("TOKEN", "TOKEN")
_OWN = "user_id = :user"
_ANOTHERS = f"attribute_not_exists(pk) OR {_OWN}"  # one that expired may be gone already


class DynamoTokens:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, token: ApiToken) -> None:
        def with_token(tree: TokenTree) -> Any:
            return tree.with_token(token, token.created_at), [put(self._table, token_item(token))]

        change_tree(self._table, token.user_id, with_token)

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        item = self._table.get(token_key(token_id(secret_hash)))
        # the key holds 122 bits of the hash; the record holds, and must match, all of it
        return _token_from(item) if item and item["secret_hash"] == secret_hash else None

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        items, more = self._table.newest(_list_pk(user_id), limit, after, token_key)
        tokens = [_token_from(item) for item in items]
        return Page(tokens, Position(tokens[-1].created_at, tokens[-1].id) if more and tokens else None)

    def find_own(self, token_id: TokenId, user_id: UserId) -> ApiToken | None:
        item = self._table.get(token_key(token_id))
        return _token_from(item) if item and item["user_id"] == user_id else None

    def remove(self, token_id: TokenId, user_id: UserId, spared: TokenId | None = None) -> bool:
        def without(tree: TokenTree) -> Any:
            left, ended = tree.without(token_id, spared)
            others = [self._removal(held, user_id, _ANOTHERS) for held in ended - {token_id}]
            return left, [self._removal(token_id, user_id, _OWN), *others]

        try:
            change_tree(self._table, user_id, without)
        except ClientError as error:
            if condition_failed_at(error, FURTHER):
                return False
            raise
        return True

    def _removal(self, token_id: TokenId, user_id: UserId, condition: str) -> Any:
        return delete(self._table, token_key(token_id), condition, user=user_id)

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        key = token_key(token_id(secret_hash))
        try:
            self._table.update(key, "SET last_used_at = :at", "attribute_exists(pk)", {}, at=timestamp(at))
        except ClientError as error:
            if not condition_failed(error):  # a token revoked meanwhile must not come back as a fragment
                raise


class DynamoUsers:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        tree = TokenTree().with_token(token, token.created_at)
        items = [_address_item(user), _user_item(user), token_item(token), tree_item(user.id, tree)]
        if new_account:
            items.append(_account_item(new_account))
        try:
            call(self._table.client.transact_write_items, TransactItems=[self._new(item) for item in items])
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
        "maker_id": token.maker_id,
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
        maker_id=item.get("maker_id"),
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
