"""The part of `Client` that is about the account's files."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from sealdrop.durations import rfc3339
from sealdrop.errors import ApiError
from sealdrop.models import File
from sealdrop.paging import walk

if TYPE_CHECKING:
    from sealdrop.api import Api


class Keep(Enum):
    """What leaves a field as it is, where None would empty it."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class Filing:
    """What it takes of the rest of `Client` is declared here."""

    _api: "Api"

    def files(
        self,
        *,
        trashed: bool = False,
        status: str | None = None,
        keyword: str | None = None,
        sort: str = "-created_at",
        page_size: int | None = None,
    ) -> Iterator[File]:
        """The files of the account, fetched page by page (`page_size` 1 to 100, else the service's own).

        Only ready ones unless `status` is "pending" or "rejected"; `trashed` lists the trash instead. With `keyword`,
        only those whose name holds it. `sort` is "created_at", "filename_original", "size" or "encrypted_size", with
        "-" before it for descending; newest first unless told otherwise.
        """
        query = {"sort": sort}
        query |= {"trashed": "true"} if trashed else {}
        query |= {"status": status} if status else {}
        query |= {"keyword": keyword} if keyword is not None else {}
        query |= {"limit": str(page_size)} if page_size else {}
        return walk(self._api.page, query)

    def file(self, file_id: str) -> File:
        """One file."""
        return self._api.file(file_id)

    def update_file(
        self,
        file_id: str,
        *,
        name: str | None = None,
        expires_at: datetime | Keep | None = KEEP,
        category_id: str | Keep | None = KEEP,
    ) -> File:
        """Rename a file, change when it ends by itself, put it in a category; None: it does not end, it has none."""
        changes: dict[str, str | None] = {} if name is None else {"filename": name}
        if expires_at is not KEEP:
            changes["expires_at"] = None if expires_at is None else rfc3339(expires_at)
        if category_id is not KEEP:
            changes["category_id"] = category_id
        return self._api.update(file_id, changes)

    def trash(self, file_id: str) -> File:
        """Move a file to the trash, whence it is purged after 30 days. Safe to repeat."""
        return self._api.update(file_id, {"trashed": True})

    def remove(self, file_id: str) -> str:
        """Trash a file, or purge it where it never became ready. Answers "trashed" or "purged". Safe to repeat."""
        try:
            self.trash(file_id)
        except ApiError as error:
            if error.status != 409 or self.file(file_id).status == "ready":
                raise
            self.purge(file_id)
            return "purged"
        return "trashed"

    def restore(self, file_id: str) -> File:
        """Take a file out of the trash."""
        return self._api.update(file_id, {"trashed": False})

    def purge(self, file_id: str) -> None:
        """End a file for good: its key, its bytes and its record go."""
        self._api.purge(file_id)
