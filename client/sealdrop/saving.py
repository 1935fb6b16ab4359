"""Files on their way from the storage to their places: fetched, verified, moved there."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sealdrop.destination import Destination, landing
from sealdrop.errors import Gone, NotAuthentic, SealdropError, Unreachable
from sealdrop.flow import Flow, Progress
from sealdrop.grant import BLOCK_BYTES, Grant, Listed, content, is_as_offered
from sealdrop.names import printable
from sealdrop.receiving import StoredBytes
from sealdrop.retry import Retry
from sealdrop.storage import Storage
from sealdrop.transfers import PerformedFile
from sealdrop.unfinished import Unfinished

Outlet = Destination | BinaryIO


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file received. `path` is None where it went into a stream. `verified` is False where the sender left no digest
    and did not seal it: then its size alone was checked.
    """

    id: str
    full_filename: str
    size: int  # bytes
    path: Path | None
    verified: bool

    @classmethod
    def of(cls, file: PerformedFile, path: Path | None) -> "SavedFile":
        verified = file.encryption is not None or file.checksum_sha256 is not None
        return cls(file.id, file.full_filename, file.size, path, verified)

    @property
    def renamed(self) -> bool:
        """Whether the sender's name would have made a hidden file, see `safe_filename`."""
        hidden = self.full_filename.replace("\\", "/").rpartition("/")[2].startswith(".")
        return hidden and self.path is not None and self.path.name.startswith("_")


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Of a download of several files: those that arrived, and what went wrong with each of the others."""

    arrived: tuple[SavedFile, ...]
    missing: tuple[SealdropError, ...]


class Saver:
    """Saves the files of one download. `progress` hears of the stored bytes of all of them together."""

    def __init__(
        self, storage: Storage, retry: Retry, progress: Progress | None, grant: Grant, unfinished: Unfinished
    ) -> None:
        self._storage = storage
        self._retry = retry
        self._progress = progress
        self._grant = grant
        self._unfinished = unfinished

    def save(self, files: Sequence[Listed], outlets: Sequence[Outlet]) -> tuple[SavedFile, ...]:
        """All of them. Raises the first error, after the others have been tried: one file that fails must not cost
        those that came with the same use.
        """
        flow = Flow(sum(file.stored_size for file in files), self._progress)
        arrived: list[SavedFile] = []
        missing: list[SealdropError] = []
        for offered, outlet in zip(files, outlets, strict=True):
            try:
                if missing and isinstance(missing[-1], Unreachable):
                    raise Unreachable("not tried after that")
                arrived.append(self._save(offered, outlet, flow))
            except SealdropError as error:
                if len(files) > 1:
                    error.message = f"{printable(offered.full_filename)}: {error.message}"
                missing.append(error)
        if all(isinstance(error, Gone) for error in missing):
            self._unfinished.forget()  # nothing is left to go on with
        if missing:
            missing[0].incomplete = Incomplete(tuple(arrived), tuple(missing)) if len(files) > 1 else None
            raise missing[0]
        return tuple(arrived)

    def _save(self, offered: Listed, outlet: Outlet, flow: Flow) -> SavedFile:
        file = self._grant.file(offered.id)
        if not is_as_offered(file, offered):
            raise NotAuthentic("the service hands out another file than it offered: mode or size differ")
        if isinstance(outlet, Destination) and not outlet.is_special:
            with landing(outlet, self._unfinished.began) as sink:
                self._fetch(file, sink, flow)
            self._unfinished.arrived(file.id, outlet.path)
            return SavedFile.of(file, outlet.path)
        with tempfile.TemporaryFile(prefix="sealdrop-") as spool:  # a pipe must not see a byte that is not verified
            self._fetch(file, spool, flow)
            spool.seek(0)
            if isinstance(outlet, Destination):
                with outlet.path.open("ab") as device:  # what is before it in `>> file` stays
                    shutil.copyfileobj(spool, device, BLOCK_BYTES)
            else:
                shutil.copyfileobj(spool, outlet, BLOCK_BYTES)
        return SavedFile.of(file, None)

    def _fetch(self, file: PerformedFile, sink: BinaryIO, flow: Flow) -> None:
        """Write the verified content. Raises NotAuthentic; what was written by then is worth nothing."""
        written = 0
        with StoredBytes(
            self._storage,
            self._retry,
            flow,
            url=file.url,
            size=file.stored_size,
            renew=lambda: self._grant.renewed_url(file.id),
        ) as stored:
            for piece in content(file, stored):
                sink.write(piece)
                written += len(piece)
        if written != file.size:
            raise NotAuthentic("the file has another size than the service says")
