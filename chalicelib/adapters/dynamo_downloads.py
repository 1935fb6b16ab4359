"""Downloads and download keys in the metadata table. A use is spent by one conditional write."""

from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import call, condition_failed_at
from chalicelib.adapters.dynamo_files import file_key
from chalicelib.adapters.dynamo_files import from_item as file_from_item
from chalicelib.adapters.dynamo_people import author_from, author_item
from chalicelib.adapters.dynamo_table import (
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    moment,
    optional_moment,
    optional_timestamp,
    standing_item,
    timestamp,
    to_dynamo,
    values,
)
from chalicelib.domain.download import Download, DownloadKey, Refused, may_spend
from chalicelib.domain.errors import Gone
from chalicelib.domain.file import File
from chalicelib.domain.ids import AccountId, DownloadId, FileId
from chalicelib.domain.secret import SecretHash

download_key = KeyOfId("DOWNLOAD", "DOWNLOAD")
secret_key = KeyOfId("DOWNLOADKEY", "DOWNLOADKEY")
_USABLE = "uses_left > :none AND expires_at > :now AND attribute_not_exists(revoked_at)"


class DynamoDownloads:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, download: Download) -> None:
        self._table.put(_to_item(download), "attribute_not_exists(pk)")

    def find(self, download_id: DownloadId) -> Download | None:
        item = self._table.get(download_key(download_id))
        return _from_item(item) if item else None

    def find_key(self, key_hash: SecretHash) -> DownloadKey | None:
        item = self._table.get(secret_key(key_hash))
        if not item:
            return None
        ids = tuple(FileId(file_id) for file_id in item["file_ids"])
        return DownloadKey(key_hash, DownloadId(item["download_id"]), ids, moment(item["forgotten_at"]))

    def find_with_files(self, key: DownloadKey) -> tuple[Download | None, list[File]]:
        download = download_key(key.download_id)
        found = self._table.get_many([download, *map(file_key, key.file_ids)])
        files = [file_from_item(found[file_key(i)]) for i in key.file_ids if file_key(i) in found]
        return (_from_item(found[download]) if download in found else None), files

    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        pk, sk = download_key(download.id)
        table = self._table.name
        update: Any = {
            "TableName": table,
            "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
            "UpdateExpression": "SET key_hash = :hash",
            "ConditionExpression": _USABLE,
            "ExpressionAttributeValues": values(hash=key.key_hash, none=0, now=timestamp(now)),
        }
        put: Any = {"TableName": table, "Item": to_dynamo(_key_item(key))}
        try:
            call(self._table.client.transact_write_items, TransactItems=[{"Update": update}, {"Put": put}])
        except ClientError as error:
            if condition_failed_at(error, 0):
                raise Gone(reason="not usable any more") from error
            raise

    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        try:
            item = self._table.update(
                download_key(key.download_id),
                "SET uses_left = uses_left - :one, sessions.#session = :until",
                f"{_USABLE} AND key_hash = :hash AND attribute_not_exists(sessions.#session)",
                {"#session": session_hash},
                one=1,
                until=timestamp(session_until),
                none=0,
                now=timestamp(now),
                hash=key.key_hash,
            )
        except ClientError as error:
            if not condition_failed(error):
                raise
            standing = standing_item(error)
            if standing is None or session_hash not in standing["sessions"]:
                raise Gone(reason=_why(standing, key.key_hash, now)) from error
            item = standing  # our own write: its answer was lost, and botocore tried again
        return _from_item(item)

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        try:
            self._table.update(
                download_key(key.download_id),
                "SET uses_left = uses_left + :one REMOVE sessions.#session",
                "attribute_exists(sessions.#session)",
                {"#session": session_hash},
                one=1,
            )
        except ClientError as error:
            if not condition_failed(error):  # given back already: once is enough
                raise


def _why(item: Item | None, key_hash: SecretHash, now: datetime) -> str:
    if item is None:
        return "forgotten"
    decision = may_spend(_from_item(item), key_hash, now)
    return decision.reason if isinstance(decision, Refused) else "lost a race"


def _to_item(download: Download) -> Item:
    pk, sk = download_key(download.id)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(download.forgotten_at.timestamp()),  # tidying only: expiry is checked at use
        "account_id": download.account_id,
        "sender": author_item(download.sender),
        "file_ids": list(download.file_ids),
        "uses_left": download.uses_left,
        "created_at": timestamp(download.created_at),
        "expires_at": timestamp(download.expires_at),
        "key_hash": download.key_hash,
        "sessions": {session: timestamp(until) for session, until in download.sessions.items()},
        "revoked_at": optional_timestamp(download.revoked_at),
    }


def _from_item(item: Item) -> Download:
    key_hash = item.get("key_hash")
    return Download(
        id=DownloadId(item["pk"].removeprefix("DOWNLOAD#")),
        account_id=AccountId(item["account_id"]),
        sender=author_from(item["sender"]),
        file_ids=tuple(FileId(file_id) for file_id in item["file_ids"]),
        uses_left=item["uses_left"],
        created_at=moment(item["created_at"]),
        expires_at=moment(item["expires_at"]),
        key_hash=SecretHash(key_hash) if key_hash else None,
        sessions={SecretHash(session): moment(until) for session, until in item["sessions"].items()},
        revoked_at=optional_moment(item.get("revoked_at")),
    )


def _key_item(key: DownloadKey) -> Item:
    pk, sk = secret_key(key.key_hash)
    return {
        "pk": pk,
        "sk": sk,
        "ttl": int(key.forgotten_at.timestamp()),
        "download_id": key.download_id,
        "file_ids": list(key.file_ids),
        "forgotten_at": timestamp(key.forgotten_at),
    }
