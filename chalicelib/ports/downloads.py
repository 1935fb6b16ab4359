"""Downloads and the keys that perform them."""

from datetime import datetime
from typing import Protocol

from chalicelib.domain.download import Download, DownloadKey
from chalicelib.domain.file import File
from chalicelib.domain.ids import DownloadId
from chalicelib.domain.secret import SecretHash


class DownloadStore(Protocol):
    def add(self, download: Download) -> None: ...

    def find(self, download_id: DownloadId) -> Download | None: ...

    def find_key(self, key_hash: SecretHash) -> DownloadKey | None: ...

    def find_with_files(self, key: DownloadKey) -> tuple[Download | None, list[File]]:
        """The download and those of its files that still have a record, in its order; one round trip."""

    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        """Replace the download's key, atomically. Raises Gone: spent, expired or revoked meanwhile."""

    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        """Spend one use and open a session, in one conditional write. Raises Gone, with the reason for the log."""

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        """Undo exactly the spending that opened this session, if it stands: once, however often it is called."""
