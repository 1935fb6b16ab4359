"""What moto's model of S3 is taught, so that the edge can put its own bytes into it.

The pinned version of moto is what this was written for.
"""

import threading
import uuid
from io import BytesIO
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3 import models

from infra.local.s3.bodies import Body, Disk
from infra.local.s3.digests import Checksum


class StoredKey(models.FakeKey):
    """An object, version or part whose bytes are a Body; moto would copy them all for every read and listing."""

    body = Body()
    checksum: Checksum | None = None

    @property
    def value(self) -> bytes:
        return self.body.all()

    @value.setter
    def value(self, new_value: Body | bytes) -> None:
        self._value_buffer.close()  # moto's own place for bytes is not used
        self.body = new_value if isinstance(new_value, Body) else Body.of(new_value)
        self.contentsize = len(self.body)

    @property
    def etag(self) -> str:
        """Opaque, as S3's is under KMS: a client that takes it for an MD5 is found out here."""
        if self._etag is None:
            self._etag = uuid.uuid4().hex
        return f'"{self._etag}"'

    def __getstate__(self) -> dict[str, Any]:
        apart = {"lock", "_value_buffer"}
        return {name: value for name, value in self.__dict__.items() if name not in apart}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, lock=threading.Lock(), _value_buffer=BytesIO())

    def dispose(self, garbage: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as moto has it
        self.body = Body()
        self.disposed = True

    def __del__(self) -> None:
        """Nothing to close: a Body goes with its last reader."""


class StoredUpload(models.FakeMultipart):
    """A multipart upload: where its parts lie, and the checksum algorithm that all of them carry."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.disk = Disk()
        self.algorithm = ""


def install() -> None:
    """Idempotent."""
    models.FakeKey = StoredKey  # type: ignore[misc] # moto makes its keys by this name
    models.FakeMultipart = StoredUpload  # type: ignore[misc] # and its uploads by this one
    models.FakeBucket.get_permission = _no_opinion  # type: ignore[method-assign, assignment] # see there


def _no_opinion(*_: Any) -> PermissionResult:
    """moto ignores a policy's Condition, so that "deny without TLS" would deny everything: the edge judges policies."""
    return PermissionResult.NEUTRAL
