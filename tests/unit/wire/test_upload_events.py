"""(U7) S3's events are outside bytes: anything is a file's id or NotOurUploadEvent, never another error."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ids import is_uuid
from chalicelib.wire.upload_events import NotOurUploadEvent, parse_upload_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["source", "detail-type", "detail", "bucket", "object", "key", "name"])


def event(key: object, **detail: object) -> dict[str, object]:
    inner = {"bucket": {"name": "ours"}, "object": {"key": key}} | detail
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": inner}


@given(st.uuids())
def test_our_own(file_id: uuid.UUID) -> None:
    assert parse_upload_event(json.dumps(event(f"files/{file_id}")), "ours") == str(file_id)
    assert parse_upload_event(json.dumps(event(f"files%2F{file_id}")), "ours") == str(file_id)


@pytest.mark.parametrize("emulator", [{"etag": "x", "sequencer": "1"}, {"eTag": "x", "version-id": "y", "size": 3}])
def test_whatever_else_it_says(emulator: dict[str, object]) -> None:
    key = f"files/{uuid.UUID(int=7)}"
    body = event(key, object={"key": key} | emulator, reason="CompleteMultipartUpload") | {"id": "x", "region": "y"}
    assert parse_upload_event(json.dumps(body), "ours") == str(uuid.UUID(int=7))


def read(body: str) -> None:
    try:
        file_id = parse_upload_event(body, "ours")
    except NotOurUploadEvent:
        return
    assert is_uuid(file_id)


@given(st.text(max_size=200))
def test_any_text(body: str) -> None:
    read(body)


@given(st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON), max_size=4) | JSON)
def test_any_json(body: object) -> None:
    read(json.dumps(body))


@given(st.text(max_size=80) | st.text(alphabet="files/.%20aF-", max_size=60))
def test_any_object_key(key: str) -> None:
    read(json.dumps(event(key)))
