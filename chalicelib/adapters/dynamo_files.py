"""Files in the metadata table: one item each, under its own partition key, so no account is a hot partition."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.adapters.dynamo_authors import author_from, author_item
from chalicelib.adapters.dynamo_creations import Creations
from chalicelib.adapters.dynamo_due import due_attributes, due_ids, put_off
from chalicelib.adapters.dynamo_lists import LISTING, LISTING_A, LISTING_B, LISTING_C, Lists
from chalicelib.adapters.dynamo_postings import SearchTable
from chalicelib.adapters.dynamo_search import Sought, search
from chalicelib.adapters.dynamo_table import (
    AS_READ,
    NEW,
    Item,
    KeyOfId,
    MetadataTable,
    from_dynamo,
    moment,
    optional_moment,
    optional_timestamp,
    timestamp,
    to_dynamo,
)
from chalicelib.adapters.dynamo_transaction import Cancelled, delete, put, transact
from chalicelib.domain.claim import Claim
from chalicelib.domain.file import FILE_SORTS, EncryptionMode, File, Shelf, Status, searched_texts
from chalicelib.domain.ids import AccountId, CategoryId, FileId
from chalicelib.domain.page import Order, Page, Position
from chalicelib.domain.sealing import WrappedKey
from chalicelib.domain.upload import Multipart
from chalicelib.ports import StaleRecord

PREFIX = "FILE"
file_key = KeyOfId(PREFIX, "FILE")
tombstone_key = KeyOfId("PURGED", "PURGED")


class DynamoFiles:
    def __init__(self, table: MetadataTable, postings: SearchTable, creations: Creations) -> None:
        self._table, self._postings = table, postings
        self._creations, self._quotas = creations, creations.quotas

    def add(self, file: File, claim: Claim | None = None) -> File:
        stored = replace(file, revision=1)
        self._creations.add(
            file.account_id, [to_item(stored)], [file.id], file.created_at, claim=claim, charge=file.charge
        )
        return stored

    def find(self, file_id: FileId) -> File | None:
        item = self._table.get(file_key(file_id))
        return from_item(item) if item else None

    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        found = self._table.get_many([file_key(file_id) for file_id in file_ids])
        return [from_item(found[file_key(file_id)]) for file_id in file_ids if file_key(file_id) in found]

    def list_of(
        self, account_id: AccountId, shelf: Shelf, order: Order, limit: int, after: Position | None
    ) -> Page[File]:
        return file_lists.page(self._table, _list_pk(account_id, shelf), order, limit, after)

    def search(
        self, account_id: AccountId, shelf: Shelf, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[File]:
        sought = Sought(
            list_pk=_list_pk(account_id, shelf),
            search_pk=_search_pk(account_id),
            keyword=keyword,
            order=order,
            limit=limit,
            after=after,
        )
        return search(file_lists, self._table, self._postings, sought)

    def save(self, file: File) -> File:
        stored = replace(file, revision=file.revision + 1)
        if file.gives_quota_back:
            return self._save_giving_back(file, replace(stored, is_charged=False))
        if not self._table.try_put(to_item(stored), AS_READ, read=file.revision):
            raise StaleRecord
        return stored

    def _save_giving_back(self, file: File, stored: File) -> File:
        item = to_item(stored)
        writes = [
            put(self._table, item, AS_READ, read=file.revision),
            self._quotas.give_back(file.account_id, file.id, file.charge),
        ]
        try:
            transact(self._table, writes)
        except Cancelled as cancelled:
            if cancelled.met[0] != from_dynamo(to_dynamo(item)):  # else our own write, whose answer was lost
                raise StaleRecord from cancelled
        return stored

    def remove(self, file: File) -> None:
        key = file_key(file.id)
        if not file.is_charged:
            self._table.try_delete(key, AS_READ, read=file.revision)
            return
        writes = [
            delete(self._table, key, AS_READ, read=file.revision),
            self._quotas.give_back(file.account_id, file.id, file.charge),
        ]
        try:
            transact(self._table, writes)
        except Cancelled:
            return  # it has gone, or was changed: then it is not ours to end

    def due(self, now: datetime) -> Iterator[FileId]:
        return map(FileId, due_ids(self._table, PREFIX, now))

    def put_off(self, file_id: FileId, until: datetime) -> None:
        for key in (file_key(file_id), tombstone_key(file_id)):
            put_off(self._table, key, until)

    def leave_tombstone(self, file_id: FileId, until: datetime) -> None:
        self._table.try_put(_tombstone_item(file_id, until), NEW)  # there is one where a purge was interrupted

    def remove_tombstone(self, file_id: FileId, now: datetime) -> None:
        self._table.try_delete(tombstone_key(file_id), "due_at <= :now", now=int(now.timestamp()))


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
        "category_id": file.category_id,
        "status": str(file.status),
        "alive_at": timestamp(file.alive_at),
        "settled_at": optional_timestamp(file.settled_at),
        "rejected_reason": file.rejected_reason,
        "object_version": file.object_version,
        "trashed_at": optional_timestamp(file.trashed_at),
        "purging_at": optional_timestamp(file.purging_at),
        "is_charged": file.is_charged,
        "revision": file.revision,
    }


def from_item(item: Item) -> File:
    key = item.get("wrapped_key")
    multipart = item.get("multipart")
    return File(
        id=FileId(file_key.id_of(item)),
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
        category_id=CategoryId(item["category_id"]) if "category_id" in item else None,
        status=Status(item["status"]),
        alive_at=moment(item["alive_at"]),
        settled_at=optional_moment(item.get("settled_at")),
        rejected_reason=item.get("rejected_reason"),
        object_version=item.get("object_version"),
        trashed_at=optional_moment(item.get("trashed_at")),
        purging_at=optional_moment(item.get("purging_at")),
        is_charged=item["is_charged"],
        revision=item["revision"],
    )


file_lists = Lists(
    FILE_SORTS,
    {"created_at": LISTING, "filename_original": LISTING_A, "size": LISTING_B, "encrypted_size": LISTING_C},
    file_key,
    from_item,
    searched_texts,
)


def _index_attributes(file: File) -> dict[str, Any]:
    """Present only where the record belongs in the index: what is absent costs nothing there."""
    attributes: dict[str, Any] = {}
    if file.shelf:
        attributes |= file_lists.attributes(_list_pk(file.account_id, file.shelf), file, _search_pk(file.account_id))
    return attributes | due_attributes(PREFIX, file.id, file.due_at)


def _tombstone_item(file_id: FileId, until: datetime) -> Item:
    """(Z1) Due among the files, and holding nothing of what it stands for."""
    pk, sk = tombstone_key(file_id)
    return {"pk": pk, "sk": sk, **due_attributes(PREFIX, file_id, until)}


def _list_pk(account_id: AccountId, shelf: Shelf) -> str:
    return f"ACCOUNT#{account_id}#FILES#{shelf}"


def _search_pk(account_id: AccountId) -> str:
    """One for all shelves: a file is in the index once, and says itself which shelf it is on."""
    return f"ACCOUNT#{account_id}#FILES"


def _multipart_item(plan: Multipart) -> dict[str, Any]:
    return {"upload_id": plan.upload_id, "part_bytes": plan.part_bytes, "part_checksums": plan.part_checksums}
