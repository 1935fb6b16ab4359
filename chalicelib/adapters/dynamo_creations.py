"""New records: added with the claim of their request, and charged to their account, all or nothing."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.adapters.dynamo_claims import keep, kept_of
from chalicelib.adapters.dynamo_quotas import DynamoQuotas
from chalicelib.adapters.dynamo_table import NEW, Item, MetadataTable, from_dynamo, to_dynamo
from chalicelib.adapters.dynamo_transaction import Cancelled, put
from chalicelib.domain.claim import Claim
from chalicelib.domain.ids import AccountId
from chalicelib.domain.quota import Usage
from chalicelib.ports import Claimed

_NOTHING = Usage()


class AlreadyThere(RuntimeError):
    """Some ids are not new. Where they are random, this cannot be."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__("an id is there already")
        self.places = places  # of the items, among those that were to be added


class Creations:
    def __init__(self, table: MetadataTable, quotas: DynamoQuotas) -> None:
        self._table, self.quotas = table, quotas

    def add(
        self,
        account_id: AccountId,
        items: Sequence[Item],
        resource_ids: Sequence[str],
        now: datetime,
        *,
        claim: Claim | None = None,
        charge: Usage = _NOTHING,
    ) -> None:
        """Items that no one else can have made, for their ids are random. Of the 100 writes that a transaction can
        hold, a claim takes one, a charge of mails two, a charge of files up to sixteen.

        `resource_ids` are what the claim leads back to. Raises Claimed, AlreadyThere, else QuotaExceeded.
        """
        if len(items) == 1 and claim is None and charge == _NOTHING:
            return self._table.put(items[0], NEW)
        writes = [put(self._table, item, NEW) for item in items]
        if claim:
            writes.append(keep(self._table, claim, resource_ids))
        try:
            self.quotas.charge_with(writes, account_id, resource_ids[0], charge, now)
        except Cancelled as cancelled:
            if cancelled.met.get(0) == from_dynamo(to_dynamo(items[0])):
                return None  # our own write: its answer was lost, and botocore tried again
            if standing := cancelled.met.get(len(items)):
                raise Claimed(kept_of(standing)) from cancelled
            raise AlreadyThere(sorted(cancelled.met)) from cancelled
        return None
