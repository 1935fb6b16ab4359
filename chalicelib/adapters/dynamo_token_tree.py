"""Token trees in the metadata table, each changed together with the tokens that it is about."""

import secrets
from collections.abc import Callable, Sequence

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS
from chalicelib.adapters.dynamo_table import (
    AS_READ,
    NEW,
    Item,
    KeyOfId,
    MetadataTable,
    optional_moment,
    optional_timestamp,
)
from chalicelib.adapters.dynamo_transaction import Cancelled, Write, put, transact
from chalicelib.domain.errors import Busy
from chalicelib.domain.ids import TokenId, UserId
from chalicelib.domain.token_tree import Branch, TokenTree

tree_key = KeyOfId("TOKENS", "TOKENS")
Further = Sequence[Write]

_ATTEMPTS = 5
FURTHER = 1  # where the further writes begin in their transaction: the tree's own is the first


def read_tree(table: MetadataTable, user_id: UserId) -> TokenTree:
    return _tree_from(table.get(tree_key(user_id)))


def change_tree(
    table: MetadataTable, user_id: UserId, change: Callable[[TokenTree], tuple[TokenTree, Further]]
) -> None:
    """Store what `change` makes of the tree, and its further writes, all or none.

    It decides anew when another changed the tree meanwhile. Raises what it raises, Cancelled when a condition of its
    writes does not hold, and Busy.
    """
    mark = secrets.token_hex(8)
    for _ in range(_ATTEMPTS):
        item = table.get(tree_key(user_id))
        if item and item["mark"] == mark:
            return  # our own write: its answer was lost, and botocore tried again
        tree = _tree_from(item)
        changed, writes = change(tree)
        try:
            transact(table, [_stored(table, tree_item(user_id, changed, mark), tree.revision), *writes])
        except Cancelled as cancelled:
            if 0 not in cancelled.met:
                raise
        else:
            return
    raise Busy(reason="the tree kept changing", retry_after_seconds=RETRY_AFTER_SECONDS)


def tree_item(user_id: UserId, tree: TokenTree, mark: str = "") -> Item:
    """`mark` is by whom the tree was written last."""
    pk, sk = tree_key(user_id)
    made = {token_id: _branch_item(branch) for token_id, branch in tree.branches.items()}
    return {"pk": pk, "sk": sk, "made": made, "mark": mark, "revision": tree.revision + 1}


def _branch_item(branch: Branch) -> Item:
    item = {"maker_id": branch.maker_id, "expires_at": optional_timestamp(branch.expires_at)}
    return {name: value for name, value in item.items() if value is not None}


def _tree_from(item: Item | None) -> TokenTree:
    if item is None:
        return TokenTree()
    branches = {
        TokenId(token_id): Branch(made.get("maker_id"), optional_moment(made.get("expires_at")))
        for token_id, made in item["made"].items()
    }
    return TokenTree(branches, item["revision"])


def _stored(table: MetadataTable, item: Item, read_revision: int) -> Write:
    """If nobody has changed the tree since it was read; revision 0 is that it was not there."""
    if read_revision:
        return put(table, item, AS_READ, read=read_revision)
    return put(table, item, NEW)
