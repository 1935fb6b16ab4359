"""What idempotency keeps for a day. A store that adds records takes the claim along, in the write that adds them."""

from typing import Protocol

from chalicelib.domain.claim import Claim, Kept


class Claimed(Exception):
    """A request made something under this claim's name before. Nothing was written."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.resource_ids)
        self.kept = kept


class ClaimStore(Protocol):
    def find(self, claim: Claim) -> Kept | None:
        """What was kept under this claim's name, by an earlier request whose day is not over when this one is made."""
