"""Idempotency: what a request makes, it makes once, however often it is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.domain.claim import Claim, Kept
from chalicelib.domain.errors import Busy, Gone, IdempotencyMismatch, NotFound, SealdropError
from chalicelib.ports import Claimed, ClaimStore

T = TypeVar("T")

GONE = "What this Idempotency-Key made is gone. Use a fresh key to make it anew."


@dataclass(frozen=True, slots=True)
class Created(Generic[T]):
    made: T
    replayed: bool  # by an earlier request


def create_once(
    claim: Claim | None,
    create: Callable[[Claim | None], T],
    find_again: Callable[[tuple[str, ...]], T],
    *,
    claims: ClaimStore,
) -> Created[T]:
    """What `create` makes, or what it made for this claim before, as it is now: `find_again` is given its ids.

    A request that is refused keeps no claim. One that could not succeed any more, since the times or the files in it
    have passed, is answered all the same by what it made when it could.

    Raises IdempotencyMismatch, Gone, and what the two functions raise.
    """
    try:
        return Created(create(claim), replayed=False)
    except Claimed as claimed:
        kept = claimed.kept
    except Busy:
        raise
    except SealdropError:
        found = claims.find(claim) if claim else None
        if found is None:
            raise
        kept = found
    return Created(_again(claim, kept, find_again), replayed=True)


def _again(claim: Claim | None, kept: Kept, find_again: Callable[[tuple[str, ...]], T]) -> T:
    if claim is None or kept.body_digest != claim.body_digest:
        raise IdempotencyMismatch
    try:
        return find_again(kept.resource_ids)
    except NotFound:
        raise Gone(GONE, reason="made by an earlier request, and gone since") from None
