"""Receiving files: look, choose where they go, spend the use, fetch, verify, move into place."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sealdrop.api import Api
from sealdrop.channel import is_ambiguous
from sealdrop.destination import check_room, check_spool, choose
from sealdrop.durations import run_again
from sealdrop.errors import (
    ApiError,
    BadAnswer,
    LostAnswer,
    NotAuthentic,
    NotFound,
    PinRequired,
    SealdropError,
    UsageError,
)
from sealdrop.flow import Progress, Tell
from sealdrop.grant import Grant, Listed, is_as_offered
from sealdrop.pins import DownloadKeys
from sealdrop.retry import Retry
from sealdrop.saving import Outlet, SavedFile, Saver
from sealdrop.storage import Storage
from sealdrop.unfinished import Begun, Unfinished, open_unfinished, remove_parts

OWN_FILE_ATTEMPTS = 3

Output = str | BinaryIO | None  # a path, a stream, or the working directory


class Downloader:
    """Receives files of one service. `progress` hears of the stored bytes of all files together, `tell` gets sentences
    for whoever waits for them.
    """

    def __init__(
        self,
        api: Api,
        storage: Storage,
        retry: Retry,
        progress: Progress | None,
        tell: Tell | None,
        own_keys: DownloadKeys,
        pin: str | None,
    ) -> None:
        self._api = api
        self._storage = storage
        self._retry = retry
        self._progress = progress
        self._tell = tell or _unheard
        self._own_keys = own_keys
        self._pin = pin

    def own_file(self, file_id: str, output: Output, *, overwrite: bool) -> tuple[SavedFile, ...]:
        """A file of one's own, by a download made for it."""

        def new_key() -> str:
            try:
                download = self._api.create_download({"files": [file_id]})
            except ApiError as error:
                if reasons := error.errors.get("files.0"):  # why the one file it names cannot be had
                    raise NotFound(404, "not_found", reasons[0], request_id=error.request_id) from None
                raise
            return self.make_key(download.id)

        key = new_key()
        view = self._api.show_download(key)
        if [file.id for file in view.files] != [file_id]:
            raise NotAuthentic("the service offers another file than was asked for")
        outlets = _outlets(view.files, output, overwrite=overwrite)
        return self._saver(self._perform_own(key, new_key), Unfinished(None)).save(view.files, outlets)

    def make_key(self, download_id: str) -> str:
        """In one's own name, which may take one's own PIN."""
        return self._own_keys.make(download_id, self._pin).key

    def shared(
        self, name: str, make_key: Callable[[], str], output: Output, *, overwrite: bool
    ) -> tuple[SavedFile, ...]:
        """The files of a download. One use is spent, once it is clear where they go; none where an earlier run was
        cut off that had spent one, which is known by the `name`.
        """
        with open_unfinished(self._api.url, name) as unfinished, self._told_until_when(unfinished):
            if taken_up := self._taken_up(unfinished):
                return self._go_on(*taken_up, unfinished, output, overwrite=overwrite)
            key = make_key()
            view = self._api.show_download(key)
            if view.pin_required:
                return self._behind_a_pin(key, unfinished, output, overwrite=overwrite)
            outlets = _outlets(view.files, output, overwrite=overwrite)
            performed = self._api.perform(key)
            offered = {file.id: file for file in view.files}
            if all(file.id in offered and is_as_offered(file, offered[file.id]) for file in performed.files):
                unfinished.begin(key, performed)
            return self._saver(Grant(self._api, key, performed), unfinished).save(view.files, outlets)

    def _behind_a_pin(
        self, key: str, unfinished: Unfinished, output: Output, *, overwrite: bool
    ) -> tuple[SavedFile, ...]:
        """Its files are told with its use, so what could be in their way must not stop it any more then."""
        if self._pin is None:
            raise PinRequired.of_the_sender()
        if output is None or isinstance(output, str):
            check_room(choose(["unknown"], output, overwrite=True), 0)
        performed = self._api.perform(key, pin=self._pin)
        unfinished.begin(key, performed)
        outlets = _outlets(performed.files, output, overwrite=overwrite, numbered=True)
        return self._saver(Grant(self._api, key, performed), unfinished).save(performed.files, outlets)

    def _taken_up(self, unfinished: Unfinished) -> tuple[Begun, Grant] | None:
        """What an earlier run left, where the service still knows its session."""
        try:
            begun = unfinished.read()
        except BadAnswer as error:
            self._tell(f"what is kept of an interrupted download is not used, and removed: {error.message}")
            unfinished.forget()
            return None
        remove_parts(begun.parts if begun else ())
        try:
            return (begun, Grant.renewed(self._api, begun.key, begun.performed)) if begun else None
        except NotFound:
            self._tell("the download that was interrupted cannot go on, its session has ended: beginning anew")
            unfinished.forget()
            return None

    def _go_on(
        self, begun: Begun, grant: Grant, unfinished: Unfinished, output: Output, *, overwrite: bool
    ) -> tuple[SavedFile, ...]:
        """The files that are missing, to where this run wants them. What has arrived stays where it is."""
        files = begun.performed.files
        to_paths = output is None or isinstance(output, str)
        there = {file.id: path for file in files if to_paths and (path := begun.still_there(file))}
        self._tell(
            f"going on with the download that was interrupted: {len(there)} of {len(files)} files are there; "
            "no use is spent"
        )
        missing = [file for file in files if file.id not in there]
        outlets = _outlets(missing, output, overwrite=overwrite, numbered=True, beside=there.values())
        received = {file.id: file for file in self._saver(grant, unfinished).save(missing, outlets)}
        return tuple(received.get(file.id) or SavedFile.of(file, there[file.id]) for file in files)

    @contextmanager
    def _told_until_when(self, unfinished: Unfinished) -> Iterator[None]:
        """Whatever ends a download in the middle, its user hears until when it can go on."""
        try:
            yield
        except SealdropError as error:
            error.again_until = unfinished.until
            raise
        except BaseException:
            if unfinished.until:
                self._tell(run_again(unfinished.until))
            raise

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

    def _saver(self, grant: Grant, unfinished: Unfinished) -> Saver:
        return Saver(self._storage, self._retry, self._progress, grant, unfinished)


def _unheard(_sentence: str) -> None:
    """A program that did not ask for sentences."""


def _outlets(
    files: Sequence[Listed],
    output: Output,
    *,
    overwrite: bool,
    numbered: bool = False,
    beside: Collection[Path] = (),
) -> Sequence[Outlet]:
    """Where each file goes. All that can be refused is refused here, while the use is not yet spent (see `choose`)."""
    names = [file.full_filename for file in files]
    if output is None or isinstance(output, str):
        destinations = choose(names, output, overwrite=overwrite, numbered=numbered, beside=beside)
        check_room(destinations, sum(file.size for file in files))
        return destinations
    if len(names) != 1:
        raise UsageError(f"the download holds {len(names)} files, and a stream takes one", hint="Use: -o DIRECTORY")
    check_spool(files[0].size)
    return [output]
