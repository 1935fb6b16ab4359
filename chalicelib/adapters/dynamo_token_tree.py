"""Token trees in the metadata table, each changed together with the tokens that it is about."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS, call, condition_failed_at
from chalicelib.adapters.dynamo_table import (
    Item,
    Key,
    KeyOfId,
    MetadataTable,
    optional_moment,
    optional_timestamp,
    to_dynamo,
    values,
)
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import TokenId, UserId
from chalicelib.domain.token_tree import Branch, TokenTree

tree_key = KeyOfId("TOKENS", "TOKENS")
Change = Callable[[TokenTree], tuple[TokenTree, Sequence[Any]]]

_ATTEMPTS = 5
FURTHER = 1  # where the further writes begin in their transaction: the tree's own is the first


def change_tree(table: MetadataTable, user_id: UserId, change: Change) -> None:
    """Store what `change` makes of the tree, and its further writes, all or none.

    It decides anew when another changed the tree meanwhile. Raises what it raises, ClientError when a condition of its
    writes does not hold, and Busy.
    """
    mark = secrets.token_hex(8)
    for _ in range(_ATTEMPTS):
        item = table.get(tree_key(user_id))
        if item and item["mark"] == mark:
            return  # our own write: its answer was lost, and botocore tried again
        tree = _tree_from(item) if item else TokenTree()
        changed, writes = change(tree)
        stored = _stored(table, tree_item(user_id, changed, mark), tree.revision)
        try:
            call(table.client.transact_write_items, TransactItems=[stored, *writes])
        except ClientError as error:
            if not condition_failed_at(error, 0):
                raise
        else:
            return
    raise Busy(reason="the tree kept changing", retry_after_seconds=RETRY_AFTER_SECONDS)


def tree_item(user_id: UserId, tree: TokenTree, mark: str = "") -> Item:
    """`mark` is by whom the tree was written last."""
    pk, sk = tree_key(user_id)
    made = {token_id: _branch_item(branch) for token_id, branch in tree.branches.items()}
    return {"pk": pk, "sk": sk, "made": made, "mark": mark, "revision": tree.revision + 1}


def put(table: MetadataTable, item: Item) -> Any:
    """A further write: of what must not be there yet."""
    condition = "attribute_not_exists(pk)"
    return {"Put": {"TableName": table.name, "Item": to_dynamo(item), "ConditionExpression": condition}}


def delete(table: MetadataTable, key: Key, condition: str, **given: Any) -> Any:
    """A further write."""
    pk, sk = key
    return {
        "Delete": {
            "TableName": table.name,
            "Key": to_dynamo({"pk": pk, "sk": sk}),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values(**given),
        }
    }


def _branch_item(branch: Branch) -> Item:
    item = {"maker_id": branch.maker_id, "expires_at": optional_timestamp(branch.expires_at)}
    return {name: value for name, value in item.items() if value is not None}


def _tree_from(item: Item) -> TokenTree:
    branches = {
        TokenId(token_id): Branch(made.get("maker_id"), optional_moment(made.get("expires_at")))
        for token_id, made in item["made"].items()
    }
    return TokenTree(branches, item["revision"])


def _stored(table: MetadataTable, item: Item, read_revision: int) -> Any:
    """If nobody has changed the tree since it was read; revision 0 is that it was not there."""
    write = put(table, item)
    if read_revision:
        write["Put"] |= {
            "ConditionExpression": "revision = :read",
            "ExpressionAttributeValues": values(read=read_revision),
        }
    return write
