"""Webhooks in the metadata table: the record, and one item for each account that has the ids of all of them.

That item bounds their number, and on_change reads it for every event that is announced: one strongly consistent read
where there are none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.adapters.dynamo_table import NEW, Item, KeyOfId, MetadataTable, moment, timestamp
from chalicelib.adapters.dynamo_transaction import Cancelled, Transaction, update
from chalicelib.domain.event import EventType
from chalicelib.domain.ids import AccountId, WebhookId
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.webhook import MAX_WEBHOOKS, Webhook
from chalicelib.ports import TooManyWebhooks

webhook_key = KeyOfId("WEBHOOK", "WEBHOOK")
listing_key = KeyOfId("ACCOUNT", "WEBHOOKS")
_REMOVED_KEPT = timedelta(days=1)
_STANDS = "attribute_exists(pk) AND attribute_not_exists(removed_at)"


class DynamoWebhooks:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, webhook: Webhook) -> None:
        try:
            (
                Transaction(self._table)
                .put(_to_item(webhook), NEW)
                .update(
                    listing_key(webhook.account_id),
                    "ADD webhook_ids :ids",
                    "attribute_not_exists(webhook_ids) OR size(webhook_ids) < :most",
                    ids={webhook.id},
                    most=MAX_WEBHOOKS,
                )
                .write()
            )
        except Cancelled as cancelled:
            if 1 in cancelled.met:
                raise TooManyWebhooks from cancelled
            raise

    def find(self, webhook_id: WebhookId) -> Webhook | None:
        item = self._table.get(webhook_key(webhook_id))
        return _from_item(item) if item and "removed_at" not in item else None

    def list_of(self, account_id: AccountId) -> Sequence[Webhook]:
        listing = self._table.get(listing_key(account_id)) or {}
        found = self._table.get_many([webhook_key(each) for each in listing.get("webhook_ids", ())])
        standing = [_from_item(item) for item in found.values() if "removed_at" not in item]
        return sorted(standing, key=lambda webhook: (webhook.created_at, webhook.id))

    def remove(self, webhook: Webhook, now: datetime) -> bool:
        """The record stays for a while, without its secret: a removal could not say who did it."""
        removal = update(
            self._table,
            webhook_key(webhook.id),
            "SET removed_at = :now, #ttl = :ttl REMOVE secret, #url",
            _STANDS,
            {"#ttl": "ttl", "#url": "url"},
            now=timestamp(now),
            ttl=int((now + _REMOVED_KEPT).timestamp()),
        )
        listing = listing_key(webhook.account_id)
        try:
            Transaction(self._table).append(removal).update(
                listing, "DELETE webhook_ids :ids", ids={webhook.id}
            ).write()
        except Cancelled as cancelled:
            if 0 in cancelled.met:
                return False
            raise
        return True


def _to_item(webhook: Webhook) -> Item:
    pk, sk = webhook_key(webhook.id)
    return {
        "pk": pk,
        "sk": sk,
        "account_id": webhook.account_id,
        "url": webhook.url,
        "types": sorted(webhook.types),
        "secret": {"key_arn": webhook.secret.key_arn, "blob": webhook.secret.blob},
        "created_at": timestamp(webhook.created_at),
    }


def _from_item(item: Item) -> Webhook:
    return Webhook(
        id=WebhookId(webhook_key.id_of(item)),
        account_id=AccountId(item["account_id"]),
        url=item["url"],
        types=frozenset(map(EventType, item["types"])),
        secret=WrappedKey(item["secret"]["key_arn"], item["secret"]["blob"]),
        created_at=moment(item["created_at"]),
    )
