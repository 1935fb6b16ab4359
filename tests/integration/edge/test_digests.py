"""What a client says of its bytes is checked before anything is kept."""

import base64
import hashlib
import zlib
from typing import Any

import pytest

from infra.local.s3 import digests
from tests.integration.edge.kit import Desk, Sent, s3_client

BODY, OTHER = b"the bytes that were signed", b"the bytes that were swapped"  # of different content
OTHER = OTHER[: len(BODY)].ljust(len(BODY), b"!")


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


PARAMETERS = {
    "sha256": ("ChecksumSHA256", "x-amz-checksum-sha256", b64(hashlib.sha256(BODY).digest())),
    "sha1": ("ChecksumSHA1", "x-amz-checksum-sha1", b64(hashlib.sha1(BODY, usedforsecurity=False).digest())),
    "crc32": ("ChecksumCRC32", "x-amz-checksum-crc32", b64(zlib.crc32(BODY).to_bytes(4, "big"))),
    "md5": ("ContentMD5", "Content-MD5", b64(hashlib.md5(BODY, usedforsecurity=False).digest())),
}


def _put(desk: Desk, digest: str, key: str = "files/digested", value: str | None = None) -> Sent:
    parameter, header, right = PARAMETERS[digest]
    value = right if value is None else value
    return desk.put(key, BODY, {header: value}, **{parameter: value})


@pytest.mark.parametrize("digest", PARAMETERS)
def test_right_digest(desk: Desk, digest: str) -> None:
    assert _put(desk, digest).send().status == 200


@pytest.mark.parametrize("digest", PARAMETERS)
def test_other_bytes(desk: Desk, digest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = _put(desk, digest, f"files/swapped-{digest}")
    sent.body = OTHER
    assert sent.send().outcome == (400, "BadDigest")
    assert desk.get(sent.url.split("?")[0].split(f"{desk.bucket}/")[1]).send().status == 404  # nothing was kept
    monkeypatch.setattr(digests.Digests, "check", lambda _: None)
    assert sent.send().status == 200


@pytest.mark.parametrize("digest", PARAMETERS)
@pytest.mark.parametrize("value", ["not base64!", "YWJj", "é"])
def test_malformed_digest(desk: Desk, digest: str, value: str) -> None:
    if not value.isascii():
        value = value.encode().decode("latin-1")
    code = "InvalidDigest" if digest == "md5" else "InvalidRequest"
    _, header, _ = PARAMETERS[digest]
    url = desk.signed_by_hand("PUT", "files/x", signed={header.lower(): value})
    assert Sent("PUT", url, BODY, {header: value}).send().outcome == (400, code)


def test_another_digest_than_was_signed(desk: Desk) -> None:
    sent = _put(desk, "sha256")
    sent.body, sent.headers = OTHER, {"x-amz-checksum-sha256": b64(hashlib.sha256(OTHER).digest())}
    assert sent.send().outcome == (403, "SignatureDoesNotMatch")


def test_two_checksums(desk: Desk) -> None:
    headers = {PARAMETERS[name][1]: PARAMETERS[name][2] for name in ("sha256", "crc32")}
    url = desk.signed_by_hand("PUT", "files/x", signed=headers)
    assert Sent("PUT", url, BODY, headers).send().outcome == (400, "InvalidRequest")


@pytest.mark.parametrize("name", ["crc32c", "crc64nvme"])
def test_an_algorithm_that_is_not_here(desk: Desk, name: str) -> None:
    """Not taken on trust: refused, so that nobody thinks it was checked."""
    headers = {f"x-amz-checksum-{name}": "AAAAAA=="}
    url = desk.signed_by_hand("PUT", "files/x", signed=headers)
    assert Sent("PUT", url, BODY, headers).send().outcome == (501, "NotImplemented")


def test_an_algorithm_without_its_digest(desk: Desk) -> None:
    sent = desk.put("files/x", BODY, {"x-amz-sdk-checksum-algorithm": "SHA256"}, ChecksumAlgorithm="SHA256")
    assert sent.send().outcome == (400, "InvalidRequest")


def test_the_checksum_is_kept_for_head(desk: Desk) -> None:
    _put(desk, "sha256", "files/kept").send()
    right = PARAMETERS["sha256"][2]
    asked = desk.s3.head_object(Bucket=desk.bucket, Key="files/kept", ChecksumMode="ENABLED")
    assert (asked["ChecksumSHA256"], asked["ChecksumType"]) == (right, "FULL_OBJECT")
    assert "ChecksumSHA256" not in desk.s3.head_object(Bucket=desk.bucket, Key="files/kept")
    assert desk.s3.get_object(Bucket=desk.bucket, Key="files/kept", ChecksumMode="ENABLED")["Body"].read() == BODY


def test_an_etag_is_not_a_hash(desk: Desk) -> None:
    """Under KMS it is opaque: who compares it with an MD5 has to fail here, too."""
    etag = _put(desk, "sha256").send().headers["ETag"]
    assert etag.strip('"') != hashlib.md5(BODY, usedforsecurity=False).hexdigest()


class TestSignedPayload:
    """The SDK's own calls sign the hash of the body."""

    def test_swapped_on_the_way(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        s3 = s3_client(desk.aws)

        def swap(request: Any, **_: Any) -> None:
            request.body = OTHER

        s3.meta.events.register("before-send.s3.PutObject", swap)
        # boto3 sends a CRC32 of its own accord: a swapper who mends that one still meets the signed hash
        s3.meta.events.register("before-sign.s3.PutObject", _without_crc)
        with pytest.raises(s3.exceptions.ClientError) as caught:
            s3.put_object(Bucket=desk.bucket, Key="files/sdk", Body=BODY)
        assert caught.value.response["Error"]["Code"] == "XAmzContentSHA256Mismatch"
        monkeypatch.setattr(digests.Digests, "check", lambda _: None)
        s3.put_object(Bucket=desk.bucket, Key="files/sdk", Body=BODY)


def _without_crc(request: Any, **_: Any) -> None:
    for name in [name for name in request.headers if name.startswith(("x-amz-checksum", "x-amz-sdk"))]:
        del request.headers[name]
