"""Temporary keys in the metadata table, by the hash of their secret."""

from datetime import datetime

from chalicelib.adapters.dynamo_table import NEW, KeyOfId, MetadataTable, moment, timestamp
from chalicelib.domain.ids import AccountId, UserId
from chalicelib.domain.secret import SecretHash
from chalicelib.domain.temporary_key import TemporaryKey

temporary_key = KeyOfId("TEMPORARYKEY", "TEMPORARYKEY")


class DynamoTemporaryKeys:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, key: TemporaryKey) -> None:
        pk, sk = temporary_key(key.key_hash)
        item = {
            "pk": pk,
            "sk": sk,
            "ttl": int(key.expires_at.timestamp()),  # tidying only: expiry is checked at use
            "account_id": key.account_id,
            "user_id": key.user_id,
            "pin_version": key.pin_version,
            "expires_at": timestamp(key.expires_at),
        }
        self._table.put(item, NEW)

    def find(self, key_hash: SecretHash) -> TemporaryKey | None:
        item = self._table.get(temporary_key(key_hash))
        if not item or item.get("dropped_at"):
            return None
        return TemporaryKey(
            key_hash=key_hash,
            account_id=AccountId(item["account_id"]),
            user_id=UserId(item["user_id"]),
            pin_version=item["pin_version"],
            expires_at=moment(item["expires_at"]),
        )

    def remove(self, key_hash: SecretHash, user_id: UserId, now: datetime) -> bool:
        """The record stays for the rest of its hour: a removal could not say who did it."""
        condition = "user_id = :user AND expires_at > :now AND attribute_not_exists(dropped_at)"
        key, change = temporary_key(key_hash), "SET dropped_at = :now"
        return self._table.try_update(key, change, condition, user=user_id, now=timestamp(now))
