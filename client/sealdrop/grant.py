"""A download that has been performed: what it hands out, and what is verified of that."""

import base64
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sealdrop.errors import Gone, NotAuthentic
from sealdrop.models import OfferedFile
from sealdrop.transfers import Performed, PerformedFile

if TYPE_CHECKING:
    from sealdrop.api import Api
    from sealdrop.receiving import StoredBytes

BLOCK_BYTES = 1 << 20

Listed = OfferedFile | PerformedFile  # by who shows a download, or by who has performed it


class Grant:
    """Answers fresh addresses for as long as its session lasts."""

    def __init__(self, api: "Api", key: str, performed: Performed) -> None:
        self._api = api
        self._key = key
        self._session = performed.session
        self._files = {file.id: file for file in performed.files}

    @classmethod
    def renewed(cls, api: "Api", key: str, performed: Performed) -> "Grant":
        """One of an earlier run, with fresh addresses; what was told with the use, the data keys above all, holds on.

        Raises NotFound where its session has ended.
        """
        fresh = {file.id: file.url for file in api.perform(key, performed.session).files}
        files = tuple(replace(file, url=fresh[file.id]) for file in performed.files if file.id in fresh)
        return cls(api, key, replace(performed, files=files))

    def file(self, file_id: str) -> PerformedFile:
        """Raises Gone."""
        return _found(self._files.get(file_id))

    def renewed_url(self, file_id: str) -> str:
        """Nothing is spent. Raises Gone where the session or the file has ended."""
        fresh = {file.id: file for file in self._api.perform(self._key, self._session).files}
        return _found(fresh.get(file_id)).url


def is_as_offered(file: PerformedFile, offered: Listed) -> bool:
    """What is handed out must be what was shown: a sealed file that turns plain is anybody's bytes."""
    shown = (offered.encryption_mode, offered.size, offered.stored_size)
    return (file.encryption_mode, file.size, file.stored_size) == shown


def content(file: PerformedFile, stored: "StoredBytes") -> Iterator[bytes]:
    """What was sent, from what is stored; trust none of it until the iterator has ended. Raises NotAuthentic."""
    if file.encryption is not None:
        from sealdrop.sealing import open_sealed  # loads the encryption SDK, see upload.py

        yield from open_sealed(io.BufferedReader(stored, BLOCK_BYTES), file.encryption)
        return
    digest = hashlib.sha256()
    while piece := stored.read(BLOCK_BYTES):
        digest.update(piece)
        yield piece
    checksum = base64.b64encode(digest.digest()).decode()
    if file.checksum_sha256 not in (None, checksum):
        raise NotAuthentic("the file is not the one that was sent: its SHA-256 differs")


def _found(file: PerformedFile | None) -> PerformedFile:
    if file is None:
        raise Gone(410, "gone", "the file was withdrawn before it could be received")
    return file
