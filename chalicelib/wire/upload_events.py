"""S3's "Object Created" event, as EventBridge puts it on the queue. Outside bytes: parsed, then checked."""

from typing import Annotated
from urllib.parse import unquote

from pydantic import Field, ValidationError

from chalicelib.domain.file import OBJECT_PREFIX
from chalicelib.domain.ids import FileId, is_uuid
from chalicelib.wire.base import Deferred


class NotOurUploadEvent(ValueError):
    """The message is not an S3 event about a file of ours. It goes to the dead-letter queue, for a person."""


class _Bucket(Deferred):
    name: str


class _Object(Deferred):
    key: str


class _Detail(Deferred):
    bucket: _Bucket
    object: _Object


class _Envelope(Deferred):
    """Only what is used: sizes, etags and sequencers differ between S3 and its emulators."""

    source: str
    detail_type: Annotated[str, Field(alias="detail-type")]
    detail: _Detail


def parse_upload_event(body: str, bucket: str) -> FileId:
    """The file whose object was created.

    Raises NotOurUploadEvent: not JSON, another source, another bucket, or no key that we would make.
    """
    try:
        envelope = _Envelope.model_validate_json(body)
    except ValidationError:
        raise NotOurUploadEvent("not an S3 event") from None
    if (envelope.source, envelope.detail_type) != ("aws.s3", "Object Created"):
        raise NotOurUploadEvent("not an Object Created event of S3")
    if envelope.detail.bucket.name != bucket:
        raise NotOurUploadEvent("an event of another bucket")
    object_key = unquote(envelope.detail.object.key)
    file_id = object_key.removeprefix(OBJECT_PREFIX)
    if not object_key.startswith(OBJECT_PREFIX) or not is_uuid(file_id):
        raise NotOurUploadEvent("an object key that the service does not make")
    return FileId(file_id)
