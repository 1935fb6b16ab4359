"""The library: `Client(url, token)`, one method per verb."""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

from sealdrop.api import Api
from sealdrop.download import Downloader, SavedFile
from sealdrop.errors import UsageError
from sealdrop.flow import Progress
from sealdrop.models import Download, DownloadKey, DownloadView, EncryptionMode, File, NewToken, Token, User
from sealdrop.retry import Retry
from sealdrop.source import open_source
from sealdrop.storage import Storage
from sealdrop.targets import FileId, parse_target
from sealdrop.transfers import Performed
from sealdrop.upload import Uploader, Wish, as_text


class Client:
    """A Sealdrop service, as one user sees it.

    `url` is the address of its API (`https://HOST/api`), `token` an API token; without one only downloads by key
    work. Methods may be called from several threads. All of them may raise

    - `Unreachable` where no answer came, after retries, and its kind `LostAnswer` where the request may have been done;
    - `ApiError` where the service refused: `NotAllowed`, `NotFound`, `Gone`, `Busy`, or itself with a `code`;
    - `BadAnswer` where the answer makes no sense, `UsageError` where the call does not.

    All of these are `SealdropError`.
    """

    def __init__(self, url: str, token: str | None = None, *, retry: Retry | None = None) -> None:
        self._retry = retry or Retry()
        self._api = Api(url, token, self._retry)
        self._storage = Storage(self.url)

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
        progress: Progress | None = None,
    ) -> tuple[SavedFile, ...]:
        """Download by the id of an own file, by download key, or by link.

        `path` is a file to write, a directory to write into (it exists, ends with a slash, or there are several
        files), or a stream; None means the working directory. A path that names a file is replaced; files under
        names that the sender gave only with `overwrite`. Whatever can be refused is refused before a use of the
        download is spent. A file appears at its path when all of it has been received and verified. Where one of
        several files fails, the others are still received.

        Raises `LocalFileError` where the file cannot be written, `NotAuthentic` where the bytes are not those that
        were sent, `StorageError` where the storage refused.
        """
        target = parse_target(what)
        output = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if isinstance(target, FileId):
            return self._downloader(self._api, progress).own_file(target.id, output, overwrite=overwrite)
        elsewhere = target.api_url not in (None, self.url)
        api = Api(target.api_url or self.url, None, self._retry) if elsewhere else self._api
        return self._downloader(api, progress).by_key(target.key, output, overwrite=overwrite)

    def files(
        self, *, trashed: bool = False, status: str | None = None, page_size: int | None = None
    ) -> Iterator[File]:
        """All files of the account, newest first, fetched page by page (`page_size` 1 to 100, else the service's own).

        Only ready ones unless `status` is "pending" or "rejected"; `trashed` lists the trash instead.
        """
        query = {"trashed": "true"} if trashed else {}
        query |= {"status": status} if status else {}
        query |= {"limit": str(page_size)} if page_size else {}
        while True:
            page, cursor = self._api.page(query)
            yield from page
            if cursor is None:
                return
            query["cursor"] = cursor

    def file(self, file_id: str) -> File:
        """One file."""
        return self._api.file(file_id)

    def trash(self, file_id: str) -> File:
        """Move a file to the trash, whence it is purged after 30 days. Safe to repeat."""
        return self._api.update(file_id, {"trashed": True})

    def restore(self, file_id: str) -> File:
        """Take a file out of the trash."""
        return self._api.update(file_id, {"trashed": False})

    def purge(self, file_id: str) -> None:
        """End a file for good: its key, its bytes and its record go."""
        self._api.purge(file_id)

    def create_download(self, file_ids: Sequence[str]) -> Download:
        """A grant over own files: one use, 60 seconds."""
        return self._api.create_download(file_ids)

    def create_download_key(self, download_id: str) -> DownloadKey:
        """The secret that performs a download."""
        return self._api.create_download_key(download_id)

    def show_download(self, key: str) -> DownloadView:
        """What a download key holds. Spends nothing."""
        return self._api.show_download(key)

    def perform(self, key: str, session: str | None = None) -> Performed:
        """Spend one use for addresses that live for minutes, and for keys. With a `session` of an earlier call fresh
        addresses come without spending. `get` does all of this, and verifies what it fetches.
        """
        return self._api.perform(key, session)

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

    def _downloader(self, api: Api, progress: Progress | None) -> Downloader:
        storage = self._storage if api is self._api else Storage(api.url)
        return Downloader(api, storage, self._retry, progress)
