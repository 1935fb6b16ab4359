"""The library: `Client(url, token)`, one method per verb."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from sealdrop.api import Api
from sealdrop.auditing import Auditing
from sealdrop.download import Downloader, SavedFile
from sealdrop.errors import ApiError, NotFound, UsageError
from sealdrop.flow import Progress
from sealdrop.linking import Linking
from sealdrop.mailing import Mailing
from sealdrop.models import DownloadView, EncryptionMode, File, NewToken, Token, User
from sealdrop.paging import walk
from sealdrop.pins import DownloadKeys, TemporaryKey
from sealdrop.retry import Retry
from sealdrop.source import open_source
from sealdrop.storage import Storage
from sealdrop.targets import FileId, parse_target
from sealdrop.transfers import Performed
from sealdrop.upload import Uploader, Wish, as_text


class Client(Mailing, Linking, Auditing):
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
    ) -> tuple[SavedFile, ...]:
        """Download by the id of an own file or of a mail in your inbox, by download key, or by link.

        `path` is a file to write, a directory to write into (it exists, ends with a slash, or there are several
        files), or a stream; None means the working directory. A path that names a file is replaced; files under
        names that the sender gave only with `overwrite`. Whatever can be refused is refused before a use of the
        download is spent. A file appears at its path when all of it has been received and verified. Where one of
        several files fails, the others are still received.

        `pin` is used where one is asked for: your own for an own file, the one that the sender told you for a download.
        What your own buys lasts for an hour, and this client keeps it. The names behind a download's PIN are told with
        its use: where such a name is taken, a number is added to it. The files of an inbox's mail may take two: your
        own, and as `mail_pin` that of its sender.

        Raises `PinRequired`, `WrongPin`, `PinLocked`; `LocalFileError` where the file cannot be written,
        `NotAuthentic` where the bytes are not those that were sent, `StorageError` where the storage refused.
        """
        target = parse_target(what)
        output = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if isinstance(target, FileId):
            own, theirs = (self._downloader(self._api, progress, used) for used in (pin, mail_pin))
            try:
                return own.own_file(target.id, output, overwrite=overwrite)
            except NotFound as error:
                download_id = self._received(target.id, error).download_id
            return theirs.by_key(self._download_keys.make(download_id, pin).key, output, overwrite=overwrite)
        elsewhere = target.api_url not in (None, self.url)
        api = Api(target.api_url or self.url, None, self._retry) if elsewhere else self._api
        return self._downloader(api, progress, pin).by_key(target.key, output, overwrite=overwrite)

    def files(
        self,
        *,
        trashed: bool = False,
        status: str | None = None,
        keyword: str | None = None,
        sort: str = "-created_at",
        page_size: int | None = None,
    ) -> Iterator[File]:
        """The files of the account, fetched page by page (`page_size` 1 to 100, else the service's own).

        Only ready ones unless `status` is "pending" or "rejected"; `trashed` lists the trash instead. With `keyword`,
        only those whose name holds it. `sort` is "created_at", "filename_original", "size" or "encrypted_size", with
        "-" before it for descending; newest first unless told otherwise.
        """
        query = {"sort": sort}
        query |= {"trashed": "true"} if trashed else {}
        query |= {"status": status} if status else {}
        query |= {"keyword": keyword} if keyword is not None else {}
        query |= {"limit": str(page_size)} if page_size else {}
        return walk(self._api.page, query)

    def file(self, file_id: str) -> File:
        """One file."""
        return self._api.file(file_id)

    def trash(self, file_id: str) -> File:
        """Move a file to the trash, whence it is purged after 30 days. Safe to repeat."""
        return self._api.update(file_id, {"trashed": True})

    def remove(self, file_id: str) -> str:
        """Trash a file, or purge it where it never became ready. Answers "trashed" or "purged". Safe to repeat."""
        try:
            self.trash(file_id)
        except ApiError as error:
            if error.status != 409 or self.file(file_id).status == "ready":
                raise
            self.purge(file_id)
            return "purged"
        return "trashed"

    def restore(self, file_id: str) -> File:
        """Take a file out of the trash."""
        return self._api.update(file_id, {"trashed": False})

    def purge(self, file_id: str) -> None:
        """End a file for good: its key, its bytes and its record go."""
        self._api.purge(file_id)

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
        return self._api.create_token(body if expires_at is None else {**body, "expires_at": as_text(expires_at)})

    def tokens(self) -> tuple[Token, ...]:
        """The user's tokens, without their secrets."""
        return self._api.tokens()

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

    def _downloader(self, api: Api, progress: Progress | None, pin: str | None) -> Downloader:
        storage = self._storage if api is self._api else Storage(api.url)
        return Downloader(api, storage, self._retry, progress, self._download_keys, pin)
