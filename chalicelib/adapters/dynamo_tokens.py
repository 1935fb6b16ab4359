"""API tokens in the metadata table. Each carries a copy of its user: decision 0041 says how that stays true."""

from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_authors import author_from, author_item, is_still
from chalicelib.adapters.dynamo_lists import LISTING, Lists
from chalicelib.adapters.dynamo_table import (
    BATCH_KEYS,
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    moment,
    optional_moment,
    optional_timestamp,
    timestamp,
)
from chalicelib.adapters.dynamo_transaction import Cancelled, Transaction
from chalicelib.domain.api_token import TOKEN_SORTS, ApiToken, Scope, token_id
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.page import NEWEST_FIRST, Page, Position
from chalicelib.domain.people import User
from chalicelib.domain.secret import SecretHash

token_key = KeyOfId("TOKEN", "TOKEN")
_STANDS = "attribute_exists(pk) AND attribute_not_exists(revoked_at)"
_REVOKED_KEPT = timedelta(days=1)


class DynamoTokens:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, token: ApiToken) -> None:
        transaction = Transaction(self._table).put(token_item(token), "attribute_not_exists(pk)")
        try:
            transaction.append(is_still(self._table, token.user_id, token.author)).write()
        except Cancelled as cancelled:
            if 0 in cancelled.met:
                raise RuntimeError(f"{token.id} is there already: secrets are random") from cancelled
            raise Conflict from cancelled

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        item = self._table.get(token_key(token_id(secret_hash)))
        # the key holds 122 bits of the hash; the record holds, and must match, all of it
        if not item or item["secret_hash"] != secret_hash or item.get("revoked_at"):
            return None
        return _token_from(item)

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        return token_lists.page(self._table, _list_pk(user_id), NEWEST_FIRST, limit, after)

    def revoke(self, token_id: TokenId, user_id: UserId, now: datetime) -> bool:
        """The record stays for a while, on no list: a removal could not say who did it."""
        try:
            self._table.update(
                token_key(token_id),
                "SET revoked_at = :now, #ttl = :ttl REMOVE list_pk, list_sk",
                "user_id = :user AND attribute_not_exists(revoked_at)",
                {"#ttl": "ttl"},
                user=user_id,
                now=timestamp(now),
                ttl=int((now + _REVOKED_KEPT).timestamp()),
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        key = token_key(token_id(secret_hash))
        try:
            self._table.update(key, "SET last_used_at = :at", _STANDS, {}, at=timestamp(at))
        except ClientError as error:
            if not condition_failed(error):  # a token revoked meanwhile must not come back as a fragment
                raise

    def copy_author(self, user: User, also: TokenId) -> None:
        after: Position | None = None
        ids = {also}
        while True:
            page = self.list_of(user.id, BATCH_KEYS, after)
            ids |= {token.id for token in page.rows}
            if (after := page.next) is None:
                break
        for each in sorted(ids):
            if not self._copy(user, each):
                return  # whoever changed the user meanwhile copies that

    def _copy(self, user: User, token_id: TokenId) -> bool:
        """False when the user is called otherwise by now. A token that has gone stays so."""
        transaction = Transaction(self._table).append(is_still(self._table, user.id, user.author))
        change, condition = "SET author = :author", f"user_id = :user AND {_STANDS}"
        transaction.update(token_key(token_id), change, condition, author=author_item(user.author), user=user.id)
        try:
            transaction.write()
        except Cancelled as cancelled:
            return 0 not in cancelled.met
        return True


def token_item(token: ApiToken) -> Item:
    pk, sk = token_key(token.id)
    return {
        "pk": pk,
        "sk": sk,
        **token_lists.attributes(_list_pk(token.user_id), token),
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


token_lists = Lists(TOKEN_SORTS, {"created_at": LISTING}, token_key, _token_from)


def _list_pk(user_id: UserId) -> str:
    return f"USER#{user_id}#TOKENS"
