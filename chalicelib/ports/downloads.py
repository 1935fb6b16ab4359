"""Downloads and the keys that perform them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.claim import Claim
from chalicelib.domain.download import Download, DownloadKey
from chalicelib.domain.file import File
from chalicelib.domain.ids import DownloadId
from chalicelib.domain.secret import SecretHash


class DownloadStore(Protocol):
    def add(self, download: Download, claim: Claim | None = None) -> None:
        """Store a new download and keep the claim: both or nothing. Raises Claimed."""

    def add_many(self, downloads: Sequence[Download]) -> None:
        """At most 50: all of them, or none."""

    def find(self, download_id: DownloadId) -> Download | None: ...

    def find_many(self, download_ids: Sequence[DownloadId]) -> list[Download]:
        """Those of at most 100 downloads that have a record, in the order asked for; one round trip."""

    def find_key(self, key_hash: SecretHash) -> DownloadKey | None: ...

    def find_with_files(self, key: DownloadKey) -> tuple[Download | None, list[File]]:
        """The download and those of its files that still have a record, in its order; one round trip."""

    def make_key_current(self, download: Download, key: DownloadKey, now: datetime) -> None:
        """Replace the download's key, or that of its e-mail, atomically. Raises Gone: spent, expired or revoked
        meanwhile.
        """

    def revoke(self, download_id: DownloadId, now: datetime) -> None:
        """End it, unless it was ended before or is forgotten: atomic, and harmless to repeat."""

    def spend(self, key: DownloadKey, session_hash: SecretHash, session_until: datetime, now: datetime) -> Download:
        """Spend one use and open a session, in one conditional write. Raises Gone, with the reason for the log.

        The key's files are those that are handed out for it: the audit log names them.
        """

    def give_back(self, key: DownloadKey, session_hash: SecretHash) -> None:
        """Undo exactly the spending that opened this session, once, however often it is called; one that was sent, and
        has not come yet, is refused when it comes.
        """
