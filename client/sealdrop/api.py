"""The endpoints, one method each: what goes out as JSON, what comes back as a value. No transfer of file bytes."""

from collections.abc import Mapping
from typing import Any

from sealdrop import fields
from sealdrop.channel import Channel
from sealdrop.errors import ApiError, WrongPin
from sealdrop.events import Event
from sealdrop.fields import Json
from sealdrop.mail_api import MailApi
from sealdrop.models import Download, DownloadKey, DownloadView, File
from sealdrop.paths import segment
from sealdrop.pins import TemporaryKey
from sealdrop.retry import Retry
from sealdrop.transfers import PendingUpload, Performed, ReceivedPart
from sealdrop.user_models import NewToken, Token, User
from sealdrop.webhook_api import WebhookApi

PARTS_A_CALL = 100


class Api(MailApi, WebhookApi):
    """The service's public API. Every method may raise what Channel.call raises."""

    def __init__(self, url: str, token: str | None, retry: Retry) -> None:
        self._channel = Channel(url, token, retry)
        self.url = self._channel.base

    def _data(self, method: str, path: str, **options: Any) -> Json:
        return fields.take(self._channel.call(method, path, **options), "data", dict)

    # files
    def create_file(self, body: Json) -> PendingUpload:
        return PendingUpload.parse(self._data("POST", "/files", body=body, once=True))

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
        return self._page_of("/files", query, File.parse)

    def update(self, file_id: str, changes: Json) -> File:
        return File.parse(self._data("PATCH", f"/files/{segment(file_id)}", body=changes))

    def purge(self, file_id: str, *, patient: bool = True) -> None:
        query = {"permanent": "true"}
        self._channel.call("DELETE", f"/files/{segment(file_id)}", query=query, patient=patient)

    # downloads
    def create_download(self, body: Json) -> Download:
        return Download.parse(self._data("POST", "/downloads", body=body, once=True))

    def revoke_download(self, download_id: str) -> None:
        self._channel.call("DELETE", f"/downloads/{segment(download_id)}")

    def create_download_key(self, download_id: str, pin_key: str | None = None) -> DownloadKey:
        body = {} if pin_key is None else {"pinKey": pin_key}
        return DownloadKey.parse(self._data("POST", f"/downloads/{segment(download_id)}/keys", body=body))

    def show_download(self, key: str) -> DownloadView:
        return DownloadView.parse(self._data("GET", f"/public/downloads/{segment(key)}", public=True))

    def perform(self, key: str, session: str | None = None, pin: str | None = None) -> Performed:
        """Spends one use, so it is never repeated after a lost answer; with a session it spends nothing."""
        given = {"session": session, "pin": pin}
        return Performed.parse(
            self._with_pin(
                pin,
                "pin",
                "POST",
                f"/public/downloads/{segment(key)}",
                body={name: value for name, value in given.items() if value is not None},
                public=True,
                repeatable=session is not None,
            ),
            renewed=session is not None,
        )

    # the audit log
    def events(self, query: Mapping[str, str]) -> tuple[tuple[Event, ...], str | None]:
        """A page of events and the cursor of the next one, None at the end."""
        return self._page_of("/events", query, Event.parse)

    # PINs
    def create_temporary_key(self, pin: str) -> TemporaryKey:
        """Not repeated after a lost answer: a wrong PIN would count twice."""
        return TemporaryKey.parse(self._with_pin(pin, "pin", "POST", "/keys", body={"pin": pin}, repeatable=False))

    def drop_temporary_key(self, key: str) -> None:
        self._channel.call("DELETE", f"/keys/{segment(key)}")

    def _with_pin(self, pin: str | None, name: str, method: str, path: str, **options: Any) -> Json:
        """Raises WrongPin where the service refuses the PIN that was sent in this field."""
        try:
            return self._data(method, path, **options)
        except ApiError as error:
            if pin is None or error.status != 422 or name not in error.errors:
                raise
            raise WrongPin(422, "wrong_pin", "that is not the PIN", request_id=error.request_id) from None

    # tokens and the user
    def create_token(self, body: Json) -> NewToken:
        """Not repeated after a lost answer: that would leave a working secret which nobody has seen."""
        return NewToken.parse(self._data("POST", "/tokens", body=body, repeatable=False))

    def tokens(self, query: Mapping[str, str]) -> tuple[tuple[Token, ...], str | None]:
        """A page of tokens and the cursor of the next one, None at the end."""
        return self._page_of("/tokens", query, Token.parse)

    def revoke_token(self, token_id: str) -> None:
        self._channel.call("DELETE", f"/tokens/{segment(token_id)}")

    def user(self) -> User:
        return User.parse(self._data("GET", "/user"))

    def update_user(self, changes: Json) -> User:
        """Not repeated after a lost answer: a wrong PIN would count twice, and a changed one would then be wrong."""
        pin = changes.get("current_pin")
        options = {"body": changes, "repeatable": "pin" not in changes}
        return User.parse(self._with_pin(pin, "current_pin", "PATCH", "/user", **options))
