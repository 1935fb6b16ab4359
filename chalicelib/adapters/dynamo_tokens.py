"""API tokens in the metadata table. Each carries a copy of its user: decision 0041 says how that stays true."""

from collections.abc import Callable
from datetime import datetime, timedelta

from chalicelib.adapters.dynamo_authors import author_from, author_item, is_still
from chalicelib.adapters.dynamo_lists import LISTING, Lists
from chalicelib.adapters.dynamo_table import (
    NEW,
    Item,
    KeyOfId,
    MetadataTable,
    moment,
    optional_moment,
    optional_timestamp,
    timestamp,
)
from chalicelib.adapters.dynamo_token_tree import FURTHER, Further, change_tree, read_tree
from chalicelib.adapters.dynamo_transaction import Cancelled, Transaction, Write, put, update
from chalicelib.domain.api_token import TOKEN_SORTS, ApiToken, Scope, token_id
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, TokenId, UserId
from chalicelib.domain.page import NEWEST_FIRST, Page, Position
from chalicelib.domain.people import User
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.token_tree import TokenTree

token_key = KeyOfId("TOKEN", "TOKEN")
_STANDS = "attribute_exists(pk) AND attribute_not_exists(revoked_at)"
_REVOKED_KEPT = timedelta(days=1)
_Choice = Callable[[TokenTree], tuple[TokenTree, frozenset[TokenId]]]  # a tree without some, and which


class DynamoTokens:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, token: ApiToken) -> None:
        stored = put(self._table, token_item(token), NEW)
        named = is_still(self._table, token.user_id, token.author)
        try:
            change_tree(
                self._table, token.user_id, lambda tree: (tree.with_token(token, token.created_at), [stored, named])
            )
        except Cancelled as cancelled:
            if FURTHER in cancelled.met:
                raise RuntimeError(f"{token.id} is there already: secrets are random") from cancelled
            raise Conflict from cancelled

    def find(self, secret_hash: SecretHash) -> ApiToken | None:
        item = self._table.get(token_key(token_id(secret_hash)))
        # the key holds 122 bits of the hash; the record holds, and must match, all of it
        return _token_from(item) if item and item["secret_hash"] == secret_hash and _stands(item) else None

    def find_own(self, token_id: TokenId, user_id: UserId) -> ApiToken | None:
        item = self._table.get(token_key(token_id))
        return _token_from(item) if item and item["user_id"] == user_id and _stands(item) else None

    def list_of(self, user_id: UserId, limit: int, after: Position | None) -> Page[ApiToken]:
        return token_lists.page(self._table, _list_pk(user_id), NEWEST_FIRST, limit, after)

    def revoke(self, token_id: TokenId, user_id: UserId, now: datetime, spared: TokenId | None = None) -> bool:
        return token_id in self._end(user_id, now, lambda tree: tree.without(token_id, spared), needed=token_id)

    def revoke_all(self, user_id: UserId, now: datetime) -> frozenset[TokenId]:
        return self._end(user_id, now, TokenTree.cleared)

    def _end(
        self, user_id: UserId, now: datetime, choose: _Choice, needed: TokenId | None = None
    ) -> frozenset[TokenId]:
        """Those that `choose` takes out of the tree and that stood: none at all when `needed` did not.

        The records stay for a while, on no list: a removal could not say who did it.
        """
        gone: frozenset[TokenId] = frozenset()
        while needed not in gone:
            revocation = _Revocation(self._table, user_id, now, choose, gone)
            try:
                change_tree(self._table, user_id, revocation)
            except Cancelled as cancelled:
                gone |= {revocation.ended[position - FURTHER] for position in cancelled.met}
            else:
                return frozenset(revocation.ended)
        return frozenset()

    def note_use(self, secret_hash: SecretHash, at: datetime) -> None:
        key = token_key(token_id(secret_hash))
        # conditional, for a token that went meanwhile must not come back as a fragment
        self._table.try_update(key, "SET last_used_at = :at", _STANDS, at=timestamp(at))

    def copy_author(self, user: User) -> None:
        for each in sorted(read_tree(self._table, user.id).branches):
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


class _Revocation:
    """What it makes of a tree; `ended` are those it ends, in the order of its writes."""

    def __init__(
        self,
        table: MetadataTable,
        user_id: UserId,
        now: datetime,
        choose: _Choice,
        gone: frozenset[TokenId],  # some that expired: DynamoDB removes them when it likes
    ) -> None:
        self._table, self._user_id, self._now = table, user_id, now
        self._choose, self._gone = choose, gone
        self.ended: list[TokenId] = []

    def __call__(self, tree: TokenTree) -> tuple[TokenTree, Further]:
        left, ended = self._choose(tree)
        self.ended = sorted(ended - self._gone)
        return left, [self._write(each) for each in self.ended]

    def _write(self, token_id: TokenId) -> Write:
        return update(
            self._table,
            token_key(token_id),
            "SET revoked_at = :now, #ttl = :ttl REMOVE list_pk, list_sk",
            f"user_id = :user AND {_STANDS}",
            {"#ttl": "ttl"},
            user=self._user_id,
            now=timestamp(self._now),
            ttl=int((self._now + _REVOKED_KEPT).timestamp()),
        )


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


def _stands(item: Item) -> bool:
    return "revoked_at" not in item


token_lists = Lists(TOKEN_SORTS, {"created_at": LISTING}, token_key, _token_from)


def _list_pk(user_id: UserId) -> str:
    return f"USER#{user_id}#TOKENS"
