"""Deliveries to webhooks in the metadata table: what is still to be tried, and the log of what was."""

from dataclasses import replace

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_lists import LISTING, Lists
from chalicelib.adapters.dynamo_table import (
    AS_READ,
    NEW,
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    moment,
    optional_moment,
    optional_timestamp,
    standing_item,
    timestamp,
)
from chalicelib.domain.ids import AccountId, DeliveryId, WebhookId
from chalicelib.domain.page import NEWEST_FIRST, Page, Position
from chalicelib.domain.webhook import DELIVERY_SORTS, Delivery, DeliveryStatus, Outcome
from chalicelib.ports import StaleRecord

delivery_key = KeyOfId("DELIVERY", "DELIVERY")


class DynamoDeliveries:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, delivery: Delivery) -> Delivery:
        stored = replace(delivery, revision=1)
        try:
            self._table.put(_to_item(stored), NEW)
        except ClientError as error:
            standing = standing_item(error) if condition_failed(error) else None
            if standing is None:
                raise
            return _from_item(standing)
        return stored

    def find(self, delivery_id: DeliveryId) -> Delivery | None:
        item = self._table.get(delivery_key(delivery_id))
        return _from_item(item) if item else None

    def list_of(self, webhook_id: WebhookId, limit: int, after: Position | None) -> Page[Delivery]:
        return delivery_lists.page(self._table, _list_pk(webhook_id), NEWEST_FIRST, limit, after)

    def save(self, delivery: Delivery) -> Delivery:
        stored = replace(delivery, revision=delivery.revision + 1)
        if not self._table.try_put(_to_item(stored), AS_READ, read=delivery.revision):
            raise StaleRecord
        return stored


def _to_item(delivery: Delivery) -> Item:
    pk, sk = delivery_key(delivery.id)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(delivery.forgotten_at.timestamp()),
        **delivery_lists.attributes(_list_pk(delivery.webhook_id), delivery),
        "account_id": delivery.account_id,
        "webhook_id": delivery.webhook_id,
        "type": delivery.type,
        "data": dict(delivery.data),
        "happened_at": timestamp(delivery.happened_at),
        "created_at": timestamp(delivery.created_at),
        "status": str(delivery.status),
        "attempts": delivery.attempts,
        "next_at": optional_timestamp(delivery.next_at),
        "tried_at": optional_timestamp(delivery.tried_at),
        "ordered_at": optional_timestamp(delivery.ordered_at),
        "rounds": delivery.rounds,
        "answered": delivery.last.answered,
        "problem": delivery.last.problem,
        "revision": delivery.revision,
    }


def _from_item(item: Item) -> Delivery:
    return Delivery(
        id=DeliveryId(delivery_key.id_of(item)),
        account_id=AccountId(item["account_id"]),
        webhook_id=WebhookId(item["webhook_id"]),
        type=item["type"],
        data=item["data"],
        happened_at=moment(item["happened_at"]),
        created_at=moment(item["created_at"]),
        status=DeliveryStatus(item["status"]),
        attempts=item["attempts"],
        next_at=optional_moment(item.get("next_at")),
        tried_at=optional_moment(item.get("tried_at")),
        ordered_at=optional_moment(item.get("ordered_at")),
        rounds=item.get("rounds", 0),
        last=Outcome(item.get("answered"), item.get("problem")),
        revision=item["revision"],
    )


delivery_lists = Lists(DELIVERY_SORTS, {"created_at": LISTING}, delivery_key, _from_item)


def _list_pk(webhook_id: WebhookId) -> str:
    return f"WEBHOOK#{webhook_id}#DELIVERIES"
