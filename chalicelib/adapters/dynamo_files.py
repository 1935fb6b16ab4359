"""Files in the metadata table: one item each, under its own partition key, so no account is a hot partition."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamo_due import due_attributes, due_ids, put_off
from chalicelib.adapters.dynamo_people import author_from, author_item
from chalicelib.adapters.dynamo_table import (
    Item,
    KeyOfId,
    MetadataTable,
    condition_failed,
    list_sk,
    moment,
    optional_moment,
    optional_timestamp,
    timestamp,
)
from chalicelib.domain.file import EncryptionMode, File, Shelf, Status
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import Page, Position
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import Multipart
from chalicelib.ports import StaleRecord

PREFIX = "FILE"
file_key = KeyOfId(PREFIX, "FILE")
tombstone_key = KeyOfId("PURGED", "PURGED")


class DynamoFiles:
    def __init__(self, table: MetadataTable) -> None:
        self._table = table

    def add(self, file: File) -> File:
        stored = replace(file, revision=1)
        self._table.put(to_item(stored), "attribute_not_exists(pk)")
        return stored

    def find(self, file_id: FileId) -> File | None:
        item = self._table.get(file_key(file_id))
        return from_item(item) if item else None

    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        found = self._table.get_many([file_key(file_id) for file_id in file_ids])
        return [from_item(found[file_key(file_id)]) for file_id in file_ids if file_key(file_id) in found]

    def list_of(self, account_id: AccountId, shelf: Shelf, limit: int, after: Position | None) -> Page[File]:
        items, more = self._table.newest(_list_pk(account_id, shelf), limit, after, file_key)
        files = [from_item(item) for item in items]
        return Page(files, Position(files[-1].created_at, files[-1].id) if more and files else None)

    def save(self, file: File) -> File:
        stored = replace(file, revision=file.revision + 1)
        try:
            self._table.put(to_item(stored), "revision = :read", read=file.revision)
        except ClientError as error:
            if condition_failed(error):
                raise StaleRecord from error
            raise
        return stored

    def remove(self, file: File) -> None:
        self._table.delete(file_key(file.id), "revision = :read", read=file.revision)

    def due(self, now: datetime) -> Iterator[FileId]:
        return map(FileId, due_ids(self._table, PREFIX, now))

    def put_off(self, file_id: FileId, until: datetime) -> None:
        for key in (file_key(file_id), tombstone_key(file_id)):
            put_off(self._table, key, until)

    def leave_tombstone(self, file_id: FileId, until: datetime) -> None:
        try:
            self._table.put(_tombstone_item(file_id, until), "attribute_not_exists(pk)")
        except ClientError as error:
            if not condition_failed(error):  # there is one: the purge was interrupted, and goes on
                raise

    def remove_tombstone(self, file_id: FileId, now: datetime) -> None:
        self._table.delete(tombstone_key(file_id), "due_at <= :now", now=int(now.timestamp()))


def to_item(file: File) -> Item:
    pk, sk = file_key(file.id)
    key, multipart = file.wrapped_key, file.multipart
    return {
        "pk": pk,
        "sk": sk,
        **_index_attributes(file),
        "account_id": file.account_id,
        "created_by": author_item(file.created_by),
        "created_at": timestamp(file.created_at),
        "filename": file.filename,
        "type": file.type,
        "size_bytes": file.size_bytes,
        "stored_bytes": file.stored_bytes,
        "encryption_mode": str(file.encryption_mode),
        "wrapped_key": {"key_arn": key.key_arn, "blob": key.blob} if key else None,
        "multipart": _multipart_item(multipart) if multipart else None,
        "checksum_sha256": file.checksum_sha256,
        "expires_at": optional_timestamp(file.expires_at),
        "status": str(file.status),
        "alive_at": timestamp(file.alive_at),
        "settled_at": optional_timestamp(file.settled_at),
        "rejected_reason": file.rejected_reason,
        "object_version": file.object_version,
        "trashed_at": optional_timestamp(file.trashed_at),
        "purging_at": optional_timestamp(file.purging_at),
        "revision": file.revision,
    }


def from_item(item: Item) -> File:
    key = item.get("wrapped_key")
    multipart = item.get("multipart")
    return File(
        id=FileId(item["pk"].removeprefix(f"{PREFIX}#")),
        account_id=AccountId(item["account_id"]),
        created_by=author_from(item["created_by"]),
        created_at=moment(item["created_at"]),
        filename=item["filename"],
        type=item["type"],
        size_bytes=item["size_bytes"],
        stored_bytes=item["stored_bytes"],
        encryption_mode=EncryptionMode(item["encryption_mode"]),
        wrapped_key=WrappedKey(key["key_arn"], key["blob"]) if key else None,
        multipart=Multipart(**multipart, stored_bytes=item["stored_bytes"]) if multipart else None,
        checksum_sha256=item.get("checksum_sha256"),
        expires_at=optional_moment(item.get("expires_at")),
        status=Status(item["status"]),
        alive_at=moment(item["alive_at"]),
        settled_at=optional_moment(item.get("settled_at")),
        rejected_reason=item.get("rejected_reason"),
        object_version=item.get("object_version"),
        trashed_at=optional_moment(item.get("trashed_at")),
        purging_at=optional_moment(item.get("purging_at")),
        revision=item["revision"],
    )


def _index_attributes(file: File) -> dict[str, Any]:
    """Present only where the record belongs in the index: what is absent costs nothing there."""
    attributes: dict[str, Any] = {}
    if file.shelf:
        attributes["list_pk"] = _list_pk(file.account_id, file.shelf)
        attributes["list_sk"] = list_sk(Position(file.created_at, file.id))
    return attributes | due_attributes(PREFIX, file.id, file.due_at)


def _tombstone_item(file_id: FileId, until: datetime) -> Item:
    """(Z1) Due among the files, and holding nothing of what it stands for."""
    pk, sk = tombstone_key(file_id)
    return {"pk": pk, "sk": sk, **due_attributes(PREFIX, file_id, until)}


def _list_pk(account_id: AccountId, shelf: Shelf) -> str:
    return f"ACCOUNT#{account_id}#FILES#{shelf}"


def _multipart_item(plan: Multipart) -> dict[str, Any]:
    return {"upload_id": plan.upload_id, "part_bytes": plan.part_bytes, "part_checksums": plan.part_checksums}
