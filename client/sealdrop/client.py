"""The library: `Client(url, token)`, one method per verb."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from sealdrop.api import Api
from sealdrop.auditing import Auditing
from sealdrop.download import Downloader, Output
from sealdrop.durations import rfc3339
from sealdrop.errors import NotFound, UsageError
from sealdrop.filing import Filing
from sealdrop.flow import Progress, Tell
from sealdrop.hearing import Hearing
from sealdrop.linking import Linking
from sealdrop.mailing import Mailing
from sealdrop.models import DownloadView, EncryptionMode, File
from sealdrop.names import check_text
from sealdrop.paging import walk
from sealdrop.pins import DownloadKeys, TemporaryKey
from sealdrop.retry import Retry
from sealdrop.saving import SavedFile
from sealdrop.source import open_source
from sealdrop.storage import Storage
from sealdrop.targets import Key, parse_target
from sealdrop.transfers import Performed
from sealdrop.upload import Uploader, Wish
from sealdrop.user_models import NewToken, Token, User


class Client(Filing, Mailing, Linking, Auditing, Hearing):
    """A Sealdrop service, as one user sees it.

    `url` is the address of its API (`https://HOST/api`), `token` an API token; without one only downloads by key
    work. Methods may be called from several threads. All of them may raise

    - `Unreachable` where no answer came, after retries, and its kind `LostAnswer` where the request may have been done;
    - `ApiError` where the service refused: `NotAllowed`, `NotFound`, `Gone`, `Busy`, or itself with a `code`;
    - `BadAnswer` where the answer makes no sense, `UsageError` where the call does not.

    All of these are `SealdropError`.
    """

    _api: Api

    def __init__(self, url: str, token: str | None = None, *, retry: Retry | None = None) -> None:
        self._retry = retry or Retry()
        self._api = Api(url, token, self._retry)
        self._storage = Storage(self.url)
        self._download_keys = DownloadKeys(self._api)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    @property
    def url(self) -> str:
        """The API's address."""
        return self._api.url

    def put(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        encryption: EncryptionMode = "client",
        expires_at: datetime | None = None,
        media_type: str | None = None,
        progress: Progress | None = None,
    ) -> File:
        """Upload a file and wait until it is ready.

        `encryption`: "client" seals it here, before it leaves; "server" leaves that to the storage. A stream that
        cannot seek is copied to a temporary file first. `progress(done, total)` hears of stored bytes, and may be
        called from several threads, one at a time. A large file in mode "server" is resumed where an earlier call
        for the same path was cut off.

        Raises `LocalFileError` where the source cannot be read, `FileChanged` where it changed meanwhile,
        `StorageError` where the storage refused it.
        """
        with open_source(source) as opened:
            full_name = name or opened.name
            if not full_name:
                raise UsageError("these bytes come without a file name: give them one")
            check_text(full_name)
            wish = Wish(full_name, encryption, expires_at, media_type)
            return Uploader(self._api, self._storage, self._retry, progress).upload(opened, wish)

    def get(
        self,
        what: str,
        path: str | os.PathLike[str] | BinaryIO | None = None,
        *,
        overwrite: bool = False,
        pin: str | None = None,
        mail_pin: str | None = None,
        progress: Progress | None = None,
        tell: Tell | None = None,
    ) -> tuple[SavedFile, ...]:
        """Download by the id of an own file or of a mail in your inbox, by download key, or by link.

        `path` is a file to write, a directory to write into (it exists, ends with a slash, or there are several
        files), or a stream; None means the working directory. A path that names a file is replaced; files under
        names that the sender gave only with `overwrite`. Whatever can be refused is refused before a use of the
        download is spent. A file appears at its path when all of it has been received and verified.

        `pin` is used where one is asked for: your own for an own file, the one that the sender told you for a download.
        What your own buys lasts for an hour, and this client keeps it. The files of an inbox's mail may take two: your
        own, and as `mail_pin` that of its sender. The names behind a download's PIN are told with its use: where such a
        name is taken, a number is added to it.

        A download by key, link or mail that was cut off goes on when it is called again on this machine, and spends no
        further use: errors say until when as `again_until`; `tell` hears of it in words. Where one of several files
        fails the others are still received, and the error says which as `incomplete`.

        Raises `PinRequired`, `WrongPin`, `PinLocked`; `LocalFileError` where the file cannot be written,
        `NotAuthentic` where the bytes are not those that were sent, `StorageError` where the storage refused.
        """
        target = parse_target(what)
        output = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if isinstance(target, Key):
            downloader = self._downloader(self._api_of(target), progress, tell, pin)
            return downloader.shared(target.key, lambda: target.key, output, overwrite=overwrite)
        own, theirs = (self._downloader(self._api, progress, tell, used) for used in (pin, mail_pin))
        return self._by_id(target.id, own, theirs, output, overwrite=overwrite)

    def show_download(self, key: str) -> DownloadView:
        """What a download key holds. Spends nothing."""
        return self._api.show_download(key)

    def perform(self, key: str, session: str | None = None, *, pin: str | None = None) -> Performed:
        """Spend one use for addresses that live for minutes, and for keys. With a `session` of an earlier call fresh
        addresses come without spending. `get` does all of this, and verifies what it fetches.
        """
        return self._api.perform(key, session, pin)

    def create_temporary_key(self, pin: str) -> TemporaryKey:
        """What programs other than this client use instead of your PIN, for an hour. Raises `WrongPin`, `PinLocked`."""
        return self._api.create_temporary_key(pin)

    def drop_temporary_key(self, key: str) -> None:
        """End a temporary key before its time."""
        self._api.drop_temporary_key(key)

    def create_token(self, name: str, scopes: Sequence[str], expires_at: datetime | None = None) -> NewToken:
        """A new API token, never wider than the one in use. Its secret is shown this once."""
        body = {"name": name, "scopes": list(scopes)}
        return self._api.create_token(body if expires_at is None else {**body, "expires_at": rfc3339(expires_at)})

    def tokens(self, *, page_size: int | None = None) -> Iterator[Token]:
        """The user's tokens, without their secrets, fetched page by page."""
        return walk(self._api.tokens, {"limit": str(page_size)} if page_size else {})

    def revoke_token(self, token_id: str) -> None:
        """End a token."""
        self._api.revoke_token(token_id)

    def user(self) -> User:
        """Whose token this is."""
        return self._api.user()

    def update_user(self, *, name: str | None = None, timezone: str | None = None) -> User:
        """Change what is said of you; None leaves it. What you sent before keeps the name that you had then."""
        changes = {"name": name, "timezone": timezone}
        return self._api.update_user({field: text for field, text in changes.items() if text is not None})

    def set_pin(self, pin: str, current: str | None = None) -> User:
        """Set your PIN (4 to 64 characters), or change it, which takes the current one.

        Raises `WrongPin`, `PinLocked`.
        """
        return self._api.update_user({"pin": pin} if current is None else {"pin": pin, "current_pin": current})

    def remove_pin(self, current: str) -> User:
        """Do without a PIN from now on. Raises `WrongPin`, `PinLocked`."""
        return self._api.update_user({"pin": None, "current_pin": current})

    def _by_id(
        self, some_id: str, own: Downloader, theirs: Downloader, output: Output, *, overwrite: bool
    ) -> tuple[SavedFile, ...]:
        try:
            return own.own_file(some_id, output, overwrite=overwrite)
        except NotFound as error:
            download_id = self._received(some_id, error).download_id
        return theirs.shared(download_id, lambda: own.make_key(download_id), output, overwrite=overwrite)

    def _api_of(self, target: Key) -> Api:
        """A link may lead to another service, which gets no token."""
        elsewhere = target.api_url not in (None, self.url)
        return Api(target.api_url or self.url, None, self._retry) if elsewhere else self._api

    def _downloader(self, api: Api, progress: Progress | None, tell: Tell | None, pin: str | None) -> Downloader:
        storage = self._storage if api is self._api else Storage(api.url)
        return Downloader(api, storage, self._retry, progress, tell, self._download_keys, pin)
