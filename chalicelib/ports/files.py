"""The records of files."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import Page, Position


class StaleRecord(Exception):
    """The record was changed, or went, since it was read: read it again and decide anew."""


class FileStore(Protocol):
    def add(self, file: File) -> File: ...

    def find(self, file_id: FileId) -> File | None:
        """The record as of now, whoever asks: callers check the account (domain ownership is theirs)."""

    def find_many(self, file_ids: Sequence[FileId]) -> list[File]:
        """Those of at most 100 files that have a record, in the order asked for; one round trip."""

    def list_of(self, account_id: AccountId, shelf: Shelf, limit: int, after: Position | None) -> Page[File]:
        """Newest first; reads no more records than it returns. May lag behind `find` by moments."""

    def save(self, file: File) -> File:
        """Store a changed record, if nobody has changed it since it was read: one conditional write.

        Answers the record with its new revision. Raises StaleRecord.
        """

    def remove(self, file: File) -> None:
        """Forget a purged record. Harmless when it has gone already."""

    def leave_tombstone(self, file_id: FileId, until: datetime) -> None:
        """Remember the id of a file that is being purged, and nothing else; it is due then. Harmless to repeat."""

    def remove_tombstone(self, file_id: FileId, now: datetime) -> None:
        """Forget it, if its time has come. Harmless when there is none."""

    def due(self, now: datetime) -> Iterator[FileId]:
        """Files whose `due_at` has come, and tombstones, oldest first within a shard; shards take turns, so none waits
        for another. Reads as far as it is asked. May lag, so `find` decides.
        """

    def put_off(self, file_id: FileId, until: datetime) -> None:
        """Not due before then, unless the record is changed meanwhile. Harmless when it has gone."""
