"""Accounts and users in the metadata table."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_authors import user_key
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.adapters.dynamo_table import (
    NEW,
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    moment,
    standing_item,
    timestamp,
)
from chalicelib.adapters.dynamo_token_tree import tree_item
from chalicelib.adapters.dynamo_tokens import token_item
from chalicelib.adapters.dynamo_transaction import Cancelled, Write, put, transact
from chalicelib.adapters.dynamo_verifiers import verifier_from, verifier_item
from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.people import Account, User, email_key
from chalicelib.domain.token_tree import TokenTree

account_key = KeyOfId("ACCOUNT", "ACCOUNT")
address_key = KeyOfId("EMAIL", "USER")
ERASING = "erasing_at"  # on an address: its user is being erased (infra/erasure.py), and found by it no more


class DynamoUsers:
    def __init__(self, table: MetadataTable, quotas: DynamoQuotas) -> None:
        self._table, self._quotas = table, quotas

    def add(self, user: User, new_account: Account | None, token: ApiToken) -> None:
        tree = TokenTree().with_token(token, token.created_at)
        items = [_address_item(user), _user_item(user), token_item(token), tree_item(user.id, tree)]
        opening: Sequence[Write] = []
        if new_account:
            items.append(_account_item(new_account))
            opening = self._quotas.open(new_account.id)
        try:
            transact(self._table, [*(put(self._table, item, NEW) for item in items), *opening])
        except Cancelled as cancelled:
            if 0 in cancelled.met:  # the address; the other ids are random
                raise Conflict(f"There is a user with the address {user.email} already.") from cancelled
            raise

    def find(self, user_id: UserId) -> User | None:
        item = self._table.get(user_key(user_id))
        return _user_from(item) if item else None

    def find_by_email(self, email: str) -> UserId | None:
        item = self._table.get(address_key(email_key(email)))
        return UserId(item["user_id"]) if item and ERASING not in item else None

    def save(self, before: User, after: User) -> User:
        change, condition, names, given = _change(before, after)
        try:
            return _user_from(self._table.update(user_key(before.id), change, condition, names, **given))
        except ClientError as error:
            if not condition_failed(error):
                raise
            standing = standing_item(error)
            if standing and _stands(standing, before, after):  # our own write: its answer was lost
                return _user_from(standing)
            raise Conflict from error

    def find_account(self, account_id: AccountId) -> Account | None:
        item = self._table.get(account_key(account_id))
        if not item:
            return None
        return Account(id=account_id, name=item["name"], created_at=moment(item["created_at"]))


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
        "pin": verifier_item(user.pin),
    }


def _user_from(item: Item) -> User:
    return User(
        id=UserId(user_key.id_of(item)),
        account_id=AccountId(item["account_id"]),
        email=item["email"],
        name=item["name"],
        timezone=item["timezone"],
        created_at=moment(item["created_at"]),
        pin=verifier_from(item.get("pin")),
    )


def _change(before: User, after: User) -> tuple[str, str, dict[str, str], dict[str, Any]]:
    """Update expression and condition, the names and the values in them."""
    old, new = _user_item(before), _user_item(after)
    changed = {name: new[name] for name in ("name", "timezone", "pin") if new[name] != old[name]}
    given = {name: value for name, value in changed.items() if value is not None}
    removed = [f"#{name}" for name in changed if name not in given]
    names, condition = {f"#{name}": name for name in changed}, "attribute_exists(pk)"
    if "pin" in changed:
        removed += ["pin_tries", "pin_tried_at"]
        if before.pin:
            condition += " AND #pin.#version = :version"
            names["#version"], given["version"] = "version", before.pin.version
        else:
            condition += " AND attribute_not_exists(#pin)"
    sets = [f"#{name} = :{name}" for name in changed if name in given]
    change = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in (("SET", sets), ("REMOVE", removed)) if parts)
    return change, condition, names, given


def _stands(standing: Item, before: User, after: User) -> bool:
    """Whether all that was to change has, whoever changed it."""
    old, new = _user_item(before), _user_item(after)
    return all(standing.get(name) == value for name, value in new.items() if value != old[name])


def _address_item(user: User) -> Item:
    """One per address, whatever its spelling: this is what makes an address unique."""
    pk, sk = address_key(email_key(user.email))
    return {"pk": pk, "sk": sk, "user_id": user.id, "account_id": user.account_id}


def _account_item(account: Account) -> Item:
    pk, sk = account_key(account.id)
    return {"pk": pk, "sk": sk, "name": account.name, "created_at": timestamp(account.created_at)}
