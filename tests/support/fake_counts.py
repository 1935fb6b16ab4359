"""Claims and quotas in memory. Other fakes take them along in their own writes, as the adapters do."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from chalicelib.domain.claim import Claim, Kept
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Quota, Usage, day_of, refusal
from chalicelib.ports import Claimed
from chalicelib.settings import DEFAULT_QUOTA
from tests.support.faults import Fake, port


class FakeClaims(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[AccountId, str], tuple[Claim, Kept]] = {}

    @port
    def find(self, claim: Claim) -> Kept | None:
        return self._standing(claim)

    @contextmanager
    def keeping(self, claim: Claim | None, *resource_ids: str) -> Iterator[None]:
        """Kept when the block ends well. Raises Claimed before it begins."""
        if claim is None:
            yield
            return
        with self._lock:
            if kept := self._standing(claim):
                raise Claimed(kept)
            yield
            self.kept[claim.account_id, claim.name] = (claim, Kept(claim.body_digest, resource_ids))

    def _standing(self, claim: Claim) -> Kept | None:
        earlier, kept = self.kept.get((claim.account_id, claim.name), (None, None))
        return kept if earlier and earlier.expires_at > claim.made_at else None


class FakeQuotas(Fake):
    def __init__(self, default: Quota = DEFAULT_QUOTA) -> None:
        super().__init__()
        self.default = default
        self.own: dict[AccountId, Quota] = {}
        self.held: dict[AccountId, Usage] = defaultdict(Usage)
        self.mails: dict[tuple[AccountId, date], int] = defaultdict(int)

    @port
    def find(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        return self._standing(account_id, now)

    @port
    def find_mails(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        quota, used = self._standing(account_id, now)
        return quota, Usage(mails=used.mails)

    @port
    def charge(self, account_id: AccountId, more: Usage, now: datetime) -> None:
        quota, used = self._standing(account_id, now)
        if refused := refusal(quota, used, more):
            raise refused
        self._add(account_id, more.stored_bytes, more.files)
        self.mails[account_id, day_of(now)] += more.mails

    def give_back(self, account_id: AccountId, less: Usage) -> None:
        with self._lock:
            self._add(account_id, -less.stored_bytes, -less.files)

    def _standing(self, account_id: AccountId, now: datetime) -> tuple[Quota, Usage]:
        mails = self.mails[account_id, day_of(now)]
        return self.own.get(account_id, self.default), replace(self.held[account_id], mails=mails)

    def _add(self, account_id: AccountId, stored_bytes: int, files: int) -> None:
        held = self.held[account_id]
        self.held[account_id] = Usage(stored_bytes=held.stored_bytes + stored_bytes, files=held.files + files)
