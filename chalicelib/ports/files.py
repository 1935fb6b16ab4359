"""The records of files."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import Order, Page, Position


class StaleRecord(Exception):
    """The record was changed, or went, since it was read: read it again and decide anew."""


class FileStore(Protocol):
    def add(self, file: File) -> File: ...

    def find(self, file_id: FileId) -> File | None:
        """The record as of now, whoever asks: callers check the account (domain ownership is theirs)."""

    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        """Those of at most 100 files that have a record, in the order asked for; one round trip."""

    def list_of(
        self, account_id: AccountId, shelf: Shelf, order: Order, limit: int, after: Position | None
    ) -> Page[File]:
        """In one of the orders of FILE_SORTS; reads the page and no more. May lag behind `find` by moments."""

    def search(
        self, account_id: AccountId, shelf: Shelf, keyword: str, order: Order, limit: int, after: Position | None
    ) -> Page[File]:
        """The same, of the files whose `searched_texts` hold the folded keyword; bounded work, whatever their number.

        So a page may be short, or empty, with more to come. A new name may be found later than `list_of` shows it.
        """

    def save(self, file: File) -> File:
        """Store a changed record, if nobody has changed it since it was read: one conditional write.

        Answers the record with its new revision. Raises StaleRecord.
        """

    def remove(self, file: File) -> None:
        """Forget a purged record. Harmless when it has gone already."""

    def due(self, now: datetime, limit: int) -> Sequence[FileId]:
        """Files whose `due_at` has come, oldest first within a shard. May lag, so `find` decides."""
