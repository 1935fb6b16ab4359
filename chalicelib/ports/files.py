"""The records of files."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.domain.claim import Claim
from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId, FileId
from chalicelib.domain.page import Order, Page, Position

DUE_RESOLUTION = timedelta(seconds=1)  # `due` goes by whole seconds, so what it names may come due within the next


class StaleRecord(Exception):
    """The record was changed, or went, since it was read: read it again and decide anew."""


class FileStore(Protocol):
    def add(self, file: File, claim: Claim | None = None) -> File:
        """Store a new record, charge the account's quota for it, and keep the claim: all or nothing.

        Raises Claimed, QuotaExceeded; the former when both are true.
        """

    def find(self, file_id: FileId) -> File | None:
        """The record as of now, whoever asks: callers check the account."""

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

        Answers the record with its new revision. What it gives back of the account's quota (a rejected upload does)
        is given back in the same write. Raises StaleRecord.
        """

    def remove(self, file: File) -> None:
        """Forget a purged record and give back what it took of the account's quota: once, in one atomic write.

        Harmless when it has gone already, or was changed since it was read.
        """

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
