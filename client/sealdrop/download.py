"""Receiving files: look, choose where they go, spend the use, fetch, verify, move into place."""

import base64
import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sealdrop.api import Api
from sealdrop.channel import is_ambiguous
from sealdrop.destination import Destination, check_room, check_spool, choose, landing
from sealdrop.errors import (
    ApiError,
    Gone,
    LostAnswer,
    NotAuthentic,
    NotFound,
    PinRequired,
    SealdropError,
    Unreachable,
    UsageError,
)
from sealdrop.flow import Flow, Progress
from sealdrop.models import OfferedFile
from sealdrop.names import printable
from sealdrop.pins import DownloadKeys
from sealdrop.receiving import StoredBytes
from sealdrop.retry import Retry
from sealdrop.storage import Storage
from sealdrop.transfers import Performed, PerformedFile

BLOCK_BYTES = 1 << 20
OWN_FILE_ATTEMPTS = 3

Outlet = Destination | BinaryIO
Listed = OfferedFile | PerformedFile  # by who shows a download, or by who has performed it


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

    @property
    def renamed(self) -> bool:
        """Whether the sender's name would have made a hidden file, see `safe_filename`."""
        hidden = self.full_filename.replace("\\", "/").rpartition("/")[2].startswith(".")
        return hidden and self.path is not None and self.path.name.startswith("_")


class Grant:
    """A download that has been performed: it answers fresh addresses for as long as its session lasts."""

    def __init__(self, api: Api, key: str, performed: Performed) -> None:
        self._api = api
        self._key = key
        self._session = performed.session
        self._files = {file.id: file for file in performed.files}

    def file(self, file_id: str) -> PerformedFile:
        return _found(self._files.get(file_id))

    def renewed_url(self, file_id: str) -> str:
        """Nothing is spent. Raises Gone where the session or the file has ended."""
        fresh = {file.id: file for file in self._api.perform(self._key, self._session).files}
        return _found(fresh.get(file_id)).url


class Downloader:
    """Receives files of one service. `progress` hears of the stored bytes of all files together."""

    def __init__(
        self,
        api: Api,
        storage: Storage,
        retry: Retry,
        progress: Progress | None,
        own_keys: DownloadKeys,
        pin: str | None,
    ) -> None:
        self._api = api
        self._storage = storage
        self._retry = retry
        self._progress = progress
        self._own_keys = own_keys
        self._pin = pin

    def own_file(self, file_id: str, output: str | BinaryIO | None, *, overwrite: bool) -> tuple[SavedFile, ...]:
        """A file of one's own, by a download made for it."""

        def new_key() -> str:
            try:
                download = self._api.create_download({"files": [file_id]})
            except ApiError as error:
                if reasons := error.errors.get("files.0"):  # why the one file it names cannot be had
                    raise NotFound(404, "not_found", reasons[0], request_id=error.request_id) from None
                raise
            return self._own_keys.make(download.id, self._pin).key

        key = new_key()
        view = self._api.show_download(key)
        if [file.id for file in view.files] != [file_id]:
            raise NotAuthentic("the service offers another file than was asked for")
        outlets = _outlets(view.files, output, overwrite=overwrite)
        return self._receive(view.files, outlets, self._perform_own(key, new_key))

    def by_key(self, key: str, output: str | BinaryIO | None, *, overwrite: bool) -> tuple[SavedFile, ...]:
        """The files of a download, one use of which is spent once it is clear where they go."""
        view = self._api.show_download(key)
        if view.pin_required:
            return self._behind_a_pin(key, output, overwrite=overwrite)
        outlets = _outlets(view.files, output, overwrite=overwrite)
        return self._receive(view.files, outlets, Grant(self._api, key, self._api.perform(key)))

    def _behind_a_pin(self, key: str, output: str | BinaryIO | None, *, overwrite: bool) -> tuple[SavedFile, ...]:
        """Its files are told with its use, so what could be in their way must not stop it any more then."""
        if self._pin is None:
            missing = PinRequired("this download asks for a PIN, which its sender can tell you")
            missing.is_the_senders = True
            raise missing
        if output is None or isinstance(output, str):
            check_room(choose(["unknown"], output, overwrite=True), 0)
        performed = self._api.perform(key, pin=self._pin)
        outlets = _outlets(performed.files, output, overwrite=overwrite, numbered=True)
        return self._receive(performed.files, outlets, Grant(self._api, key, performed))

    def _perform_own(self, key: str, new_key: Callable[[], str]) -> Grant:
        """Where the answer is lost the use may be spent; of one's own file another download is free."""
        for _ in range(OWN_FILE_ATTEMPTS - 1):
            try:
                return Grant(self._api, key, self._api.perform(key))
            except (LostAnswer, ApiError) as error:
                if not is_ambiguous(error):
                    raise
                key = new_key()
        return Grant(self._api, key, self._api.perform(key))

    def _receive(self, files: Sequence[Listed], outlets: Sequence[Outlet], grant: Grant) -> tuple[SavedFile, ...]:
        flow = Flow(sum(file.stored_size for file in files), self._progress)
        saved: list[SavedFile] = []
        failures: list[SealdropError] = []
        for offered, outlet in zip(files, outlets, strict=True):
            try:  # the use is spent: one file that fails must not cost the others
                saved.append(self._save(grant, offered, outlet, flow))
            except SealdropError as error:
                if len(outlets) > 1:
                    error.message = f"{printable(offered.full_filename)}: {error.message}"
                failures.append(error)
                if isinstance(error, Unreachable):
                    break
        if failures:
            raise failures[0]
        return tuple(saved)

    def _save(self, grant: Grant, offered: Listed, outlet: Outlet, flow: Flow) -> SavedFile:
        file = grant.file(offered.id)
        _check_offered(file, offered)
        if isinstance(outlet, Destination) and not outlet.is_special:
            with landing(outlet) as sink:
                self._fetch(grant, file, sink, flow)
            return _saved(file, outlet.path)
        with tempfile.TemporaryFile(prefix="sealdrop-") as spool:  # a pipe must not see a byte that is not verified
            self._fetch(grant, file, spool, flow)
            spool.seek(0)
            if isinstance(outlet, Destination):
                with outlet.path.open("ab") as device:  # what is before it in `>> file` stays
                    shutil.copyfileobj(spool, device, BLOCK_BYTES)
            else:
                shutil.copyfileobj(spool, outlet, BLOCK_BYTES)
        return _saved(file, None)

    def _fetch(self, grant: Grant, file: PerformedFile, sink: BinaryIO, flow: Flow) -> None:
        """Write the verified content. Raises NotAuthentic; what was written by then is worth nothing."""
        written = 0
        with StoredBytes(
            self._storage,
            self._retry,
            flow,
            url=file.url,
            size=file.stored_size,
            renew=lambda: grant.renewed_url(file.id),
        ) as stored:
            for piece in _content(file, stored):
                sink.write(piece)
                written += len(piece)
        if written != file.size:
            raise NotAuthentic("the file has another size than the service says")


def _saved(file: PerformedFile, path: Path | None) -> SavedFile:
    verified = file.encryption is not None or file.checksum_sha256 is not None
    return SavedFile(file.id, file.full_filename, file.size, path, verified)


def _check_offered(file: PerformedFile, offered: Listed) -> None:
    """What is handed out must be what was shown: a sealed file that turns plain is anybody's bytes."""
    shown = (offered.encryption_mode, offered.size, offered.stored_size)
    if (file.encryption_mode, file.size, file.stored_size) != shown:
        raise NotAuthentic("the service hands out another file than it offered: mode or size differ")


def _content(file: PerformedFile, stored: StoredBytes) -> Iterator[bytes]:
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


def _outlets(
    files: Sequence[Listed], output: str | BinaryIO | None, *, overwrite: bool, numbered: bool = False
) -> Sequence[Outlet]:
    """Where each file goes. All that can be refused is refused here, while the use is not yet spent (see `choose`)."""
    names = [file.full_filename for file in files]
    if output is None or isinstance(output, str):
        destinations = choose(names, output, overwrite=overwrite, numbered=numbered)
        check_room(destinations, sum(file.size for file in files))
        return destinations
    if len(names) != 1:
        raise UsageError(f"the download holds {len(names)} files, and a stream takes one", hint="Use: -o DIRECTORY")
    check_spool(files[0].size)
    return [output]


def _found(file: PerformedFile | None) -> PerformedFile:
    if file is None:
        raise Gone(410, "gone", "the file was withdrawn before it could be received")
    return file
