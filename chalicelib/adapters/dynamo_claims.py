"""Claims in the metadata table: under the account and a hash of user, route and key; gone a day later."""

from collections.abc import Sequence

from chalicelib.adapters.dynamo_table import Item, KeyOfId, MetadataTable, moment, timestamp
from chalicelib.adapters.dynamo_transaction import Write, put
from chalicelib.domain.claim import Claim, Kept

_key = KeyOfId("CLAIM", "CLAIM")


class DynamoClaims:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def find(self, claim: Claim) -> Kept | None:
        item = self._table.get(_claim_key(claim))
        return kept_of(item) if item and moment(item["expires_at"]) > claim.made_at else None


def keep(table: MetadataTable, claim: Claim, resource_ids: Sequence[str]) -> Write:
    """Its condition fails on what stands there, unless that has expired: DynamoDB deletes days later."""
    pk, sk = _claim_key(claim)
    item = {
        "pk": pk,
        "sk": sk,
        "ttl": int(claim.expires_at.timestamp()),  # tidying only
        "body_digest": claim.body_digest,
        "resource_ids": list(resource_ids),
        "expires_at": timestamp(claim.expires_at),
    }
    return put(table, item, "attribute_not_exists(pk) OR expires_at <= :now", now=timestamp(claim.made_at))


def kept_of(item: Item) -> Kept:
    return Kept(item["body_digest"], tuple(item["resource_ids"]))


def _claim_key(claim: Claim) -> tuple[str, str]:
    return _key(f"{claim.account_id}#{claim.name}")
