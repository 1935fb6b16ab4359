"""ObjectStore: what its port promises, of the fake and of the S3 adapter behind the strict edge."""

import uuid
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.file import object_key
from chalicelib.domain.ids import FileId
from chalicelib.ports import StoredObject
from tests.integration.bucket import Bucket, S3Bucket, bucket_of
from tests.integration.hooks import Hooks
from tests.support.fakes import sha256_base64

PART = 5 * 2**20  # the smallest that S3 takes before the last
ATTACHMENT = "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"


@pytest.fixture
def bucket(ports: World) -> Iterator[Bucket]:
    bucket = bucket_of(ports)
    yield bucket
    if isinstance(bucket, S3Bucket):
        bucket.close()


@pytest.fixture
def s3(world: World) -> Iterator[S3Bucket]:
    bucket = S3Bucket(world._client("s3"), world.settings.files_bucket)
    yield bucket
    bucket.close()


def a_key() -> str:
    return object_key(FileId(str(uuid.uuid4())))


def uploaded(ports: World, bucket: Bucket, data: bytes = b"hello") -> str:
    key = a_key()
    assert bucket.send(ports.objects.sign_put(key, len(data), None), data) is None
    return key


def in_parts(ports: World, bucket: Bucket, *parts: bytes, digests: bool = False) -> tuple[str, str]:
    key = a_key()
    upload_id = ports.objects.start_multipart(key, part_checksums=digests)
    for number, data in enumerate(parts, 1):
        digest = sha256_base64(data) if digests else None
        assert bucket.send(ports.objects.sign_part(key, upload_id, number, len(data), digest), data) is None
    return key, upload_id


# -- one PUT -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"hello", b""])
def test_what_was_put_is_there(ports: World, bucket: Bucket, data: bytes) -> None:
    key = uploaded(ports, bucket, data)
    stored = ports.objects.head(key)
    assert stored is not None
    assert (stored.size_bytes, stored.checksum_sha256) == (len(data), None)
    assert bucket.fetch(ports.objects.sign_get(key, stored.version, ATTACHMENT, "application/pdf")) == data


def test_a_declared_digest_is_told_by_head(ports: World, bucket: Bucket) -> None:
    """It is the one that S3 verified: the service takes nobody's word for it."""
    key, digest = a_key(), sha256_base64(b"hello")
    assert bucket.send(ports.objects.sign_put(key, 5, digest), b"hello") is None
    stored = ports.objects.head(key)
    assert stored is not None
    assert stored.checksum_sha256 == digest


def test_an_encoding_that_the_client_names_is_told_by_head(ports: World, bucket: Bucket) -> None:
    """It is not signed, and S3 sends it to everyone who downloads."""
    key = a_key()
    signed = ports.objects.sign_put(key, 5, None)
    assert bucket.send(signed, b"hello", headers={**signed.headers, "Content-Encoding": "gzip"}) is None
    stored = ports.objects.head(key)
    assert stored is not None
    assert stored.content_encoding == "gzip"


def test_a_signature_names_what_must_be_sent(ports: World) -> None:
    digest = sha256_base64(b"hello")
    assert ports.objects.sign_put(a_key(), 5, None).headers == {"Content-Length": "5", "If-None-Match": "*"}
    assert ports.objects.sign_put(a_key(), 5, digest).headers == {
        "Content-Length": "5",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": digest,
    }
    assert ports.objects.sign_part(a_key(), "u", 1, 0, None).headers == {"Content-Length": "0"}
    part = ports.objects.sign_part(a_key(), "u", 1, 7, digest)
    assert part.headers == {"Content-Length": "7", "x-amz-checksum-sha256": digest}


def test_other_bytes_than_the_signed_digest_are_refused(ports: World, bucket: Bucket) -> None:
    key = a_key()
    signed = ports.objects.sign_put(key, 5, sha256_base64(b"hello"))
    assert bucket.send(signed, b"HELLO") is not None
    assert ports.objects.head(key) is None


@pytest.mark.parametrize("body", [b"hell", b"hello!"])
def test_another_length_than_the_signed_one_is_refused(ports: World, bucket: Bucket, body: bytes) -> None:
    key = a_key()
    signed = ports.objects.sign_put(key, 5, None)
    headers = {**signed.headers, "Content-Length": str(len(body))}
    assert bucket.send(signed, body, headers=headers) == "SignatureDoesNotMatch"
    assert ports.objects.head(key) is None


def test_a_put_never_replaces(ports: World, bucket: Bucket) -> None:
    key = uploaded(ports, bucket, b"first")
    before = ports.objects.head(key)
    assert bucket.send(ports.objects.sign_put(key, 6, None), b"second") == "PreconditionFailed"
    assert ports.objects.head(key) == before


# -- reading -----------------------------------------------------------------------------------------------------------


def test_head_of_nothing_is_none(ports: World, bucket: Bucket) -> None:
    assert ports.objects.head(a_key()) is None
    key = uploaded(ports, bucket)
    bucket.put_delete_marker(key)
    assert ports.objects.head(key) is None


def test_a_signed_get_pins_its_version(ports: World, bucket: Bucket) -> None:
    key = uploaded(ports, bucket, b"first")
    first = ports.objects.head(key)
    assert first is not None
    newer = bucket.put(key, b"second")
    assert ports.objects.head(key) == StoredObject(newer, 6, None)
    assert bucket.fetch(ports.objects.sign_get(key, first.version, ATTACHMENT, "text/plain")) == b"first"
    assert ports.objects.read_start(key, first.version, 100) == b"first"


@pytest.mark.parametrize(("length", "start"), [(1, b"h"), (4, b"hell"), (5, b"hello"), (1024, b"hello")])
def test_the_start_is_as_long_as_asked_for_or_as_there_is(
    ports: World, bucket: Bucket, length: int, start: bytes
) -> None:
    key = uploaded(ports, bucket)
    stored = ports.objects.head(key)
    assert stored is not None
    assert ports.objects.read_start(key, stored.version, length) == start


# -- parts -------------------------------------------------------------------------------------------------------------


def test_received_parts_are_listed_by_number(ports: World, bucket: Bucket) -> None:
    key = a_key()
    upload_id = ports.objects.start_multipart(key, part_checksums=False)
    assert ports.objects.received_parts(key, upload_id) == []
    for number in (3, 1):
        body = b"x" * number
        assert bucket.send(ports.objects.sign_part(key, upload_id, number, number, None), body) is None
    parts = ports.objects.received_parts(key, upload_id)
    assert parts is not None
    assert [(part.number, part.size_bytes, part.checksum_sha256) for part in parts] == [(1, 1, None), (3, 3, None)]
    assert all(part.received_at.tzinfo for part in parts)


def test_a_part_sent_again_counts_once(ports: World, bucket: Bucket) -> None:
    key, upload_id = in_parts(ports, bucket, b"old")
    assert bucket.send(ports.objects.sign_part(key, upload_id, 1, 6, None), b"newest") is None
    parts = ports.objects.received_parts(key, upload_id)
    assert parts is not None
    assert [(part.number, part.size_bytes) for part in parts] == [(1, 6)]


def test_parts_with_digests_tell_them(ports: World, bucket: Bucket) -> None:
    key, upload_id = in_parts(ports, bucket, b"one", digests=True)
    parts = ports.objects.received_parts(key, upload_id)
    assert parts is not None
    assert [part.checksum_sha256 for part in parts] == [sha256_base64(b"one")]


@pytest.mark.parametrize("digests", [False, True])
def test_finished_parts_are_the_object(ports: World, bucket: Bucket, digests: bool) -> None:
    data = [b"1" * PART, b"the rest"]
    key, upload_id = in_parts(ports, bucket, *data, digests=digests)
    parts = ports.objects.received_parts(key, upload_id)
    assert parts is not None

    ports.objects.finish_multipart(key, upload_id, parts)

    stored = ports.objects.head(key)
    assert stored is not None
    assert stored.size_bytes == PART + 8
    assert ports.objects.received_parts(key, upload_id) is None
    assert bucket.fetch(ports.objects.sign_get(key, stored.version, ATTACHMENT, "text/plain")) == b"".join(data)


def test_finishing_can_be_repeated(ports: World, bucket: Bucket) -> None:
    key, upload_id = in_parts(ports, bucket, b"all of it")
    parts = ports.objects.received_parts(key, upload_id) or []
    for _ in range(3):
        ports.objects.finish_multipart(key, upload_id, parts)
    assert bucket.versions(key) == 1


def test_finishing_never_replaces_an_object(ports: World, bucket: Bucket) -> None:
    key, upload_id = in_parts(ports, bucket, b"parts")
    parts = ports.objects.received_parts(key, upload_id) or []
    standing = bucket.put(key, b"was there before")
    ports.objects.finish_multipart(key, upload_id, parts)
    assert ports.objects.head(key) == StoredObject(standing, 16, None)
    assert bucket.versions(key) == 1


def test_an_aborted_upload_is_gone_and_can_be_aborted_again(ports: World, bucket: Bucket) -> None:
    key, upload_id = in_parts(ports, bucket, b"one")
    parts = ports.objects.received_parts(key, upload_id) or []
    ports.objects.abort_multipart(key, upload_id)
    ports.objects.abort_multipart(key, upload_id)
    assert ports.objects.received_parts(key, upload_id) is None
    ports.objects.finish_multipart(key, upload_id, parts)
    assert ports.objects.head(key) is None
    assert bucket.send(ports.objects.sign_part(key, upload_id, 1, 3, None), b"one") == "NoSuchUpload"


def test_an_upload_that_never_was(ports: World) -> None:
    assert ports.objects.received_parts(a_key(), "never-was") is None
    ports.objects.abort_multipart(a_key(), "never-was")


# -- deleting ----------------------------------------------------------------------------------------------------------


def test_every_version_and_marker_goes_and_no_other_key(ports: World, bucket: Bucket) -> None:
    key, neighbour = a_key(), a_key()
    longer = key + "0"
    for name in (key, neighbour, longer):
        bucket.put(name, b"1")
    bucket.put_delete_marker(key)
    bucket.put(key, b"2")
    bucket.put_delete_marker(key)
    assert bucket.versions(key) == 4

    ports.objects.delete_versions(key)

    assert bucket.versions(key) == 0
    assert ports.objects.head(key) is None
    assert bucket.versions(neighbour) == bucket.versions(longer) == 1


def test_deleting_what_is_not_there_is_harmless(ports: World) -> None:
    ports.objects.delete_versions(a_key())


# -- S3 alone ----------------------------------------------------------------------------------------------------------


def signed_headers(url: str) -> set[str]:
    return set(parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0].split(";"))


def test_every_header_that_must_be_sent_is_signed(world: World) -> None:
    digest = sha256_base64(b"hello")
    for signed in (world.objects.sign_put(a_key(), 5, digest), world.objects.sign_part(a_key(), "u", 1, 5, digest)):
        assert signed_headers(signed.url) == {"host", *(name.lower() for name in signed.headers)}


def test_signatures_are_of_version_4_and_live_as_long_as_we_say(world: World) -> None:
    put = parse_qs(urlsplit(world.objects.sign_put(a_key(), 5, None).url).query)
    get = parse_qs(urlsplit(world.objects.sign_get(a_key(), "v", ATTACHMENT, "text/plain")).query)
    assert (put["X-Amz-Algorithm"], put["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["3600"])
    assert get["X-Amz-Expires"] == ["300"]


def test_signing_calls_nothing(world: World, hooks: Hooks) -> None:
    sent = hooks.count("s3")
    world.objects.sign_put(a_key(), 5, None)
    world.objects.sign_part(a_key(), "u", 1, 5, None)
    world.objects.sign_get(a_key(), "v", ATTACHMENT, "text/plain")
    assert sent == []


def test_a_download_is_an_attachment_of_the_type_we_say(world: World, s3: S3Bucket) -> None:
    key = a_key()
    version = s3.put(key, b"<script>")
    answer = s3.get(world.objects.sign_get(key, version, ATTACHMENT, "application/octet-stream"))
    assert answer.headers["Content-Disposition"] == ATTACHMENT
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_start_is_fetched_by_range(world: World, s3: S3Bucket, hooks: Hooks) -> None:
    """A sealed file of terabytes is verified by its header alone."""
    key = a_key()
    version = s3.put(key, b"x" * 100_000)
    ranges: list[str] = []
    hooks.watch("s3.GetObject", lambda request: ranges.append(request.headers["Range"]))
    assert len(world.objects.read_start(key, version, 457)) == 457
    assert ranges in (["bytes=0-456"], [b"bytes=0-456"])
