"""The bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from chalicelib.domain.download import DOWNLOAD_URL_LIFETIME
from chalicelib.domain.upload import ReceivedPart


@dataclass(frozen=True, slots=True)
class SignedRequest:
    url: str
    headers: Mapping[str, str]  # what the client must send, byte for byte


@dataclass(frozen=True, slots=True)
class StoredObject:
    version: str
    size_bytes: int
    checksum_sha256: str | None
    content_encoding: str | None = None  # a header of the uploader's choice, which S3 sends to everyone who downloads


class ObjectStore(Protocol):
    """The bucket. Signing is local arithmetic and calls nothing."""

    def sign_put(self, object_key: str, size_bytes: int, checksum_sha256: str | None) -> SignedRequest: ...

    def sign_part(
        self, object_key: str, upload_id: str, number: int, size_bytes: int, checksum_sha256: str | None
    ) -> SignedRequest: ...

    def sign_get(
        self,
        object_key: str,
        version: str,
        disposition: str,
        media_type: str,
        lifetime: timedelta = DOWNLOAD_URL_LIFETIME,
    ) -> str: ...

    def start_multipart(self, object_key: str, *, part_checksums: bool) -> str:
        """Answers the upload id."""

    def received_parts(self, object_key: str, upload_id: str) -> list[ReceivedPart] | None:
        """None when S3 knows no such upload: completed, aborted, or never begun."""

    def finish_multipart(self, object_key: str, upload_id: str, parts: Sequence[ReceivedPart]) -> None:
        """Harmless to repeat: what became of it is for `head` to say.

        Raises Conflict when one of these parts was replaced since they were listed.
        """

    def abort_multipart(self, object_key: str, upload_id: str) -> None:
        """Harmless when there is nothing to abort."""

    def head(self, object_key: str) -> StoredObject | None: ...

    def read_start(self, object_key: str, version: str, length: int) -> bytes:
        """Raises ObjectGone when the version was deleted since it was seen."""

    def delete_versions(self, object_key: str) -> None:
        """Delete every version and delete marker of this key: nothing is left to restore."""


class ObjectGone(Exception):
    """The version of an object that was to be read is there no more."""
