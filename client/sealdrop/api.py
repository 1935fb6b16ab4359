"""The endpoints, one method each: what goes out as JSON, what comes back as a value. No transfer of file bytes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sealdrop import fields
from sealdrop.channel import Channel
from sealdrop.errors import UsageError
from sealdrop.fields import Json
from sealdrop.models import Download, DownloadKey, DownloadView, File, NewToken, Token, User
from sealdrop.retry import Retry
from sealdrop.transfers import PendingUpload, Performed, ReceivedPart

PARTS_A_CALL = 100
_SEGMENT = re.compile(r"[0-9A-Za-z_-]{1,200}")


class Api:
    """The service's public API. Every method may raise what Channel.call raises."""

    def __init__(self, url: str, token: str | None, retry: Retry) -> None:
        self._channel = Channel(url, token, retry)
        self.url = self._channel.base

    def _data(self, method: str, path: str, **options: Any) -> Json:
        return fields.take(self._channel.call(method, path, **options), "data", dict)

    # files
    def create_file(self, body: Json) -> PendingUpload:
        """Repeated after a lost answer: the file of the first attempt stays pending and is swept within a day."""
        return PendingUpload.parse(self._data("POST", "/files", body=body))

    def sign_parts(self, file_id: str, digests: Mapping[int, str | None]) -> PendingUpload:
        """Fresh addresses for parts (at most 100), by number; a digest (base64 SHA-256) is signed into its address."""
        wanted = [
            {"number": number} if digest is None else {"number": number, "checksum_sha256": digest}
            for number, digest in digests.items()
        ]
        path = f"/files/{segment(file_id)}/parts"
        return PendingUpload.parse(self._data("POST", path, body={"parts": wanted}, races=True))

    def complete(self, file_id: str) -> File:
        return File.parse(self._data("POST", f"/files/{segment(file_id)}/complete", body={}, races=True))

    def file(self, file_id: str) -> File:
        return File.parse(self._data("GET", f"/files/{segment(file_id)}"))

    def received(self, file_id: str) -> tuple[File, tuple[ReceivedPart, ...]]:
        """A file and, while it is pending, what the storage has of it."""
        record = self._data("GET", f"/files/{segment(file_id)}")
        upload = fields.optional(record, "upload", dict)
        parts = () if upload is None else fields.items(upload, "received", ReceivedPart.parse)
        return File.parse(record), parts

    def page(self, query: Mapping[str, str]) -> tuple[tuple[File, ...], str | None]:
        """A page of files and the cursor of the next one, None at the end."""
        record = self._channel.call("GET", "/files", query=query)
        meta = fields.take(record, "meta", dict)
        return fields.items(record, "data", File.parse), fields.optional(meta, "next_cursor", str)

    def update(self, file_id: str, changes: Json) -> File:
        return File.parse(self._data("PATCH", f"/files/{segment(file_id)}", body=changes))

    def purge(self, file_id: str, *, patient: bool = True) -> None:
        query = {"permanent": "true"}
        self._channel.call("DELETE", f"/files/{segment(file_id)}", query=query, patient=patient)

    # downloads
    def create_download(self, file_ids: Sequence[str]) -> Download:
        return Download.parse(self._data("POST", "/downloads", body={"files": list(file_ids)}))

    def create_download_key(self, download_id: str) -> DownloadKey:
        return DownloadKey.parse(self._data("POST", f"/downloads/{segment(download_id)}/keys", body={}))

    def show_download(self, key: str) -> DownloadView:
        return DownloadView.parse(self._data("GET", f"/public/downloads/{segment(key)}", public=True))

    def perform(self, key: str, session: str | None = None) -> Performed:
        """Spends one use, so it is never repeated after a lost answer; with a session it spends nothing."""
        return Performed.parse(
            self._data(
                "POST",
                f"/public/downloads/{segment(key)}",
                body={} if session is None else {"session": session},
                public=True,
                repeatable=session is not None,
            ),
            renewed=session is not None,
        )

    # tokens and the user
    def create_token(self, body: Json) -> NewToken:
        """Not repeated after a lost answer: that would leave a working secret which nobody has seen."""
        return NewToken.parse(self._data("POST", "/tokens", body=body, repeatable=False))

    def tokens(self) -> tuple[Token, ...]:
        return fields.items(self._channel.call("GET", "/tokens"), "data", Token.parse)

    def revoke_token(self, token_id: str) -> None:
        self._channel.call("DELETE", f"/tokens/{segment(token_id)}")

    def user(self) -> User:
        return User.parse(self._data("GET", "/user"))


def segment(text: str) -> str:
    """An id or key as one segment of a path: `..` or a slash would address something else."""
    if not _SEGMENT.fullmatch(text):
        raise UsageError("that is neither an id nor a key")
    return quote(text, safe="")
