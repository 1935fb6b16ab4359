"""The part of `Client` that is about downloads for others: a grant over own files, and the link that performs it."""

from collections.abc import Sequence
from datetime import datetime

from sealdrop.api import Api
from sealdrop.durations import rfc3339
from sealdrop.models import Download, DownloadKey
from sealdrop.pins import DownloadKeys
from sealdrop.targets import link_to


class Linking:
    """What it takes of the rest of `Client` is declared here."""

    _api: Api
    _download_keys: DownloadKeys

    def create_download(
        self,
        file_ids: Sequence[str],
        *,
        expires_at: datetime | None = None,
        max_downloads: int | None = None,
        pin: str | None = None,
    ) -> Download:
        """A grant over own files: one use, 60 seconds, unless told otherwise (100 uses and 90 days at most). `pin` is
        asked of whoever performs it: tell it by another way than the key.
        """
        order = {
            "files": list(file_ids),
            "expires_at": rfc3339(expires_at) if expires_at else None,
            "max_downloads": max_downloads,
            "pin": pin,
        }
        return self._api.create_download({name: value for name, value in order.items() if value is not None})

    def create_download_key(self, download_id: str, *, pin: str | None = None) -> DownloadKey:
        """The secret that performs a download. `pin` is your own, where you have one; a fresh key ends the one before.

        Raises `PinRequired`, `WrongPin`, `PinLocked`.
        """
        return self._download_keys.make(download_id, pin)

    def link_to(self, key: str) -> str:
        """The address of the page that performs the download. Raises `UsageError` where the API has none beside it."""
        return link_to(self._api.url, key)

    def revoke_download(self, download_id: str) -> None:
        """End every access through a download, also of those who have begun. Safe to repeat."""
        self._api.revoke_download(download_id)
