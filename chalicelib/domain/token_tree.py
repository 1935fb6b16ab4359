"""Which of a user's tokens was made with which: what a revocation takes with it.

One small record for each user, changed in the same write as the tokens: so a revocation is whole, and nothing can be
made with a token while it is being revoked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.api_token import ApiToken
from chalicelib.domain.errors import Conflict, Unauthenticated
from chalicelib.domain.ids import TokenId

MAX_TOKENS = 99  # of one user: with the tree itself, as many writes as one transaction of DynamoDB takes


@dataclass(frozen=True, slots=True)
class Branch:
    maker_id: TokenId | None  # the token that it was made with; None: the operator made it
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokenTree:
    branches: Mapping[TokenId, Branch] = field(default_factory=dict)
    revision: int = 0  # counts stored changes; 0 is not stored yet

    def with_token(self, token: ApiToken, now: datetime) -> "TokenTree":
        """Raises Unauthenticated when its maker was revoked meanwhile, Conflict when the user has too many."""
        living = {held: branch for held, branch in self.branches.items() if _is_living(branch, now)}
        if token.maker_id is not None and token.maker_id not in living:
            raise Unauthenticated(reason="revoked while it made a token")
        if len(living) >= MAX_TOKENS:
            raise Conflict(f"A user has {MAX_TOKENS} tokens at most: revoke one first.")
        return replace(self, branches={**living, token.id: Branch(token.maker_id, token.expires_at)})

    def without(self, token_id: TokenId, spared: TokenId | None) -> tuple["TokenTree", frozenset[TokenId]]:
        """The tree after a revocation, and the tokens that end by it: this one and all made with it, all the way down.

        A token that revokes its maker is spared with all of its own, and from then on counts as made by that one's
        maker: so tokens can be rotated.
        """
        ended = self._made_with(token_id, spared)
        above = self.branches[token_id].maker_id if token_id in self.branches else None
        left = {held: branch for held, branch in self.branches.items() if held not in ended}
        adopted = {held: replace(branch, maker_id=above) for held, branch in left.items() if branch.maker_id in ended}
        return replace(self, branches=left | adopted), frozenset(ended)

    def cleared(self) -> tuple["TokenTree", frozenset[TokenId]]:
        """The tree without any, and the tokens that end by it. None can be made with one of them from then on."""
        return replace(self, branches={}), frozenset(self.branches)

    def _made_with(self, token_id: TokenId, spared: TokenId | None) -> set[TokenId]:
        found, waiting = {token_id}, [token_id]
        while waiting:
            maker_id = waiting.pop()
            made = {held for held, branch in self.branches.items() if branch.maker_id == maker_id} - found - {spared}
            found |= made
            waiting += made
        return found


def _is_living(branch: Branch, now: datetime) -> bool:
    return branch.expires_at is None or now < branch.expires_at
