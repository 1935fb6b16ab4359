"""Bodies on their way to the storage: each sent again until it has arrived, a few parts at a time."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice

from sealdrop.addresses import Addresses
from sealdrop.errors import ApiError, FileChanged, LostAnswer, StorageError, Unreachable
from sealdrop.flow import Body, Cancelled, Flow, Readable
from sealdrop.parts import Part, digest_of
from sealdrop.retry import Attempts, Retry
from sealdrop.storage import Storage
from sealdrop.transfers import Target

IN_FLIGHT = 4

_CHECKSUM = "x-amz-checksum-sha256"
_ALTERED = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})


class Sender:
    """Puts one body to one address until the storage has it. Safe to use from several threads."""

    def __init__(self, storage: Storage, retry: Retry, flow: Flow) -> None:
        self.flow = flow
        self._storage = storage
        self._retry = retry

    def send(self, open_body: Callable[[], Readable], target: Target, renew: Callable[[], Target]) -> None:
        """`renew` asks for a fresh address, after this one was refused or the connection broke: some servers show
        an expired address as nothing but a broken connection.

        Raises what the last attempt raised, and FileChanged where the bytes are not those that were signed.
        """
        attempts = self._retry.attempts(self.flow.sleep)
        while True:
            body = Body(open_body(), self.flow)
            try:
                return self._storage.put(target, body)
            except (Unreachable, StorageError) as error:
                self.flow.add(-body.sent)
                if _landed(error):
                    return self.flow.add(target.size)
                _check_bytes(error, open_body, target)
                if not _goes_on(error, attempts):
                    raise
                refused = isinstance(error, LostAnswer) or _is_expired(error)
            if refused:
                try:
                    target = renew()
                except ApiError as error:
                    if error.code != "upload_over":
                        raise
                    return self.flow.add(target.size)  # the attempt may have landed, its answer lost: `complete` tells


def send_parts(parts: Iterator[Part], addresses: Addresses, sender: Sender, *, batch: int, window: int) -> None:
    """Send all parts, `batch` of them per call for addresses, `window` of them held at once. The first error ends
    it, and is raised.
    """
    slots = threading.BoundedSemaphore(window)
    running: set[Future[None]] = set()

    def run(part: Part, target: Target) -> None:
        try:
            with closing(part):
                sender.send(part.open, target, lambda: addresses.renewed(part))
        except BaseException:
            sender.flow.stop()  # the other threads, and the loop below, end at their next step
            raise
        finally:
            slots.release()

    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="sealdrop-part") as pool:
        try:
            while ready := list(islice(_as_there_is_room(parts, slots, sender.flow), batch)):
                targets = _addressed(ready, addresses)
                running |= {pool.submit(run, part, targets[part.number]) for part in ready}
        except Cancelled:
            _raise_first(running)
            raise
        except BaseException:
            sender.flow.stop()
            raise
    _raise_first(running)


def _as_there_is_room(parts: Iterator[Part], slots: threading.Semaphore, flow: Flow) -> Iterator[Part]:
    while True:
        slots.acquire()
        flow.check()
        part = next(parts, None)
        if part is None:
            return slots.release()
        yield part


def _addressed(parts: list[Part], addresses: Addresses) -> dict[int, Target]:
    try:
        return addresses.of(parts)
    except BaseException:
        for part in parts:
            part.close()
        raise


def _raise_first(running: set[Future[None]]) -> None:
    """The error that ended the transfer, rather than those of the threads that it made stop."""
    wait(running)
    errors = [error for future in running if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
        raise error


def _landed(error: Unreachable | StorageError) -> bool:
    """`if-none-match: *` answers 412 where the object is there: an earlier attempt got through."""
    return isinstance(error, StorageError) and error.status == 412


def _is_expired(error: Unreachable | StorageError) -> bool:
    return isinstance(error, StorageError) and error.may_have_expired


def _goes_on(error: Unreachable | StorageError, attempts: Attempts) -> bool:
    if isinstance(error, StorageError):
        again = error.passes or _is_expired(error) or error.s3_code in _ALTERED
        return again and attempts.wait(error.retry_after_seconds)
    return error.repeatable and attempts.wait()


def _check_bytes(error: Unreachable | StorageError, open_body: Callable[[], Readable], target: Target) -> None:
    """Bytes that the storage found altered were altered on the way, or the file itself was: only reading it tells."""
    if not isinstance(error, StorageError) or error.s3_code not in _ALTERED:
        return
    signed = {name.lower(): value for name, value in target.headers.items()}.get(_CHECKSUM)
    if signed is not None and digest_of(open_body()) != signed:
        raise FileChanged("the file changed while it was read")
