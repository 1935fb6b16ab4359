"""Sending one file: register it, send its bytes, have it verified; clean up behind what fails."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sealdrop.addresses import Addresses
from sealdrop.api import Api
from sealdrop.durations import rfc3339
from sealdrop.errors import ApiError, BadAnswer, FileChanged, LocalFileError, SealdropError
from sealdrop.flow import Flow, Progress
from sealdrop.journal import Journal, open_journal
from sealdrop.models import EncryptionMode, File
from sealdrop.parts import Part, digest_of, file_parts, sealed_parts
from sealdrop.resume import entry_of, taken_up
from sealdrop.retry import Retry
from sealdrop.sending import Sender, send_parts
from sealdrop.source import Source
from sealdrop.storage import Storage
from sealdrop.transfers import FRAME_LENGTH, MOST_PARTS, PendingUpload

MIB = 1 << 20
SINGLE_PUT_BYTES = 100 * MIB  # the service's own bound for a plain file
SEALED_PART_BYTES = 8 * MIB
SEALED_AHEAD_BYTES = 48 * MIB  # sealed parts are held in memory until they have arrived
HASHED_AHEAD_BYTES = 256 * MIB  # of a plain file's parts only the digests are held

# After these nothing can be made of what was sent. After any other failure the same command takes the upload up again.
_FINAL = (FileChanged, BadAnswer, LocalFileError)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asks for."""

    name: str  # with its extension
    encryption: EncryptionMode
    expires_at: datetime | None = None
    media_type: str | None = None


class Uploader:
    """Sends files of one service. `progress` hears of the stored bytes."""

    def __init__(self, api: Api, storage: Storage, retry: Retry, progress: Progress | None) -> None:
        self._api = api
        self._storage = storage
        self._retry = retry
        self._progress = progress

    def upload(self, source: Source, wish: Wish) -> File:
        """The file, ready. Raises FileChanged, LocalFileError, Unreachable, StorageError, BadAnswer and ApiError."""
        with open_journal(source, self._api.url, wish.name, wish.encryption) as journal:
            entry = journal.read()
            left_behind = taken_up(self._api, entry, source) if entry else None
            if isinstance(left_behind, File):
                file = left_behind
            elif left_behind:
                file = self._finish(source, wish, *left_behind, journal)
            else:
                file = self._finish(source, wish, self._create(source, wish), frozenset(), journal)
            journal.write(None)
        if left_behind and wish.expires_at:
            return self._api.update(file.id, {"expires_at": rfc3339(wish.expires_at)})
        return file

    def _create(self, source: Source, wish: Wish) -> PendingUpload:
        body = {"filename": wish.name, "size": source.size, "encryption": wish.encryption}
        if wish.media_type:
            body["type"] = wish.media_type
        if wish.expires_at:
            body["expires_at"] = rfc3339(wish.expires_at)
        if wish.encryption == "client":
            body["part_size"] = _sealed_part_size(source.size)
        elif source.size > SINGLE_PUT_BYTES:
            body["part_checksums"] = True
        else:
            body["checksum_sha256"] = digest_of(source.slice(0, source.size))
        return self._api.create_file(body)

    def _finish(
        self, source: Source, wish: Wish, pending: PendingUpload, arrived: frozenset[int], journal: Journal
    ) -> File:
        journal.write(entry_of(pending))
        try:
            _check_terms(pending, source, wish)
            self._send(source, pending, arrived)
            source.check_unchanged()
            return self._completed(pending)
        except BaseException as error:
            if _is_final(error) or not self._can_go_on(pending, journal):
                with suppress(SealdropError):  # the service sweeps what stays pending; the first error matters
                    self._api.purge(pending.file.id, patient=False)
                journal.write(None)
            raise

    def _send(self, source: Source, pending: PendingUpload, arrived: frozenset[int]) -> None:
        upload, stored_size = pending.upload, pending.file.stored_size
        flow = Flow(stored_size, self._progress)
        flow.add(sum(upload.size_of(number, stored_size) for number in arrived))
        sender = Sender(self._storage, self._retry, flow)
        parts = _parts(source, pending, arrived)
        sealed = pending.encryption is not None
        addresses = Addresses(self._api, pending, digested=not sealed)
        if sealed or upload.is_single:
            window = max(2, min(8, SEALED_AHEAD_BYTES // upload.part_size)) if upload.part_size else 1
            send_parts(parts, addresses, sender, batch=1, window=window)
        else:
            batch = max(1, min(32, HASHED_AHEAD_BYTES // upload.part_size))
            send_parts(parts, addresses, sender, batch=batch, window=2 * batch)

    def _completed(self, pending: PendingUpload) -> File:
        file = self._api.complete(pending.file.id)
        if file.status != "ready" or file.size != pending.file.size:
            raise BadAnswer(f"the service did not finish the file: {file.rejected_reason or file.status}")
        if file.encryption_mode != pending.file.encryption_mode:
            raise BadAnswer("the service finished the file in another encryption mode than it was sent in")
        return file

    def _can_go_on(self, pending: PendingUpload, journal: Journal) -> bool:
        return journal.keeps and pending.encryption is None and not pending.upload.is_single


def _parts(source: Source, pending: PendingUpload, arrived: frozenset[int]) -> Iterator[Part]:
    upload = pending.upload
    if pending.encryption is None:
        numbers = (number for number in range(1, upload.part_count + 1) if number not in arrived)
        return file_parts(source, numbers, upload.part_size)
    from sealdrop.sealing import seal  # loads the encryption SDK: half a second that no other command pays

    return sealed_parts(seal(source.slice(0, source.size), source.size, pending.encryption), upload.part_size)


def _is_final(error: BaseException) -> bool:
    return isinstance(error, _FINAL) or (isinstance(error, ApiError) and error.status == 422)


def _check_terms(pending: PendingUpload, source: Source, wish: Wish) -> None:
    """What the service registered must be this very file under the mode that was asked for, before it gets a byte of
    it: a service that answers `server` to the wish to seal would be sent the plain bytes.
    """
    file, terms = pending.file, pending.encryption
    if file.encryption_mode != wish.encryption or (terms is not None) != (wish.encryption == "client"):
        raise BadAnswer("the service registered another encryption mode than was asked for; nothing was sent")
    stored_size = source.size
    if terms is not None:
        from sealdrop.sealing import sealed_size

        stored_size = sealed_size(source.size, terms)
    if (file.size, file.stored_size, file.status) != (source.size, stored_size, "pending"):
        raise BadAnswer("the service registered another size than the file has")


def _sealed_part_size(size: int) -> int:
    """Bytes of a part, so that 10,000 parts hold the sealed file whatever its header turns out to be."""
    most_stored = size + size // FRAME_LENGTH * 32 + 64 * 1024
    return max(SEALED_PART_BYTES, -(-most_stored // MOST_PARTS // MIB) * MIB)
