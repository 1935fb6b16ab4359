"""What a presigned GET answers: ranges, conditions, versions, overrides."""

import pytest
import urllib3

from infra.local.s3 import bodies
from tests.integration.edge.kit import MIB, Desk, Sent

CONTENT = bytes(range(256)) * 4  # 1024 bytes


@pytest.fixture(scope="module", autouse=True)
def _object(desk: Desk) -> None:
    desk.put("files/range", CONTENT).send()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-5000", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-5000", 0, 1024),
        ("bytes=0-1023", 0, 1024),
    ],
)
def test_range(desk: Desk, asked: str, start: int, end: int) -> None:
    reply = desk.get("files/range", headers={"Range": asked}).send()
    assert (reply.status, reply.body) == (206, CONTENT[start:end])
    assert reply.headers["Content-Range"] == f"bytes {start}-{end - 1}/1024"


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_range_outside(desk: Desk, asked: str) -> None:
    assert desk.get("files/range", headers={"Range": asked}).send().outcome == (416, "InvalidRange")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_what_is_no_range_is_ignored(desk: Desk, asked: str) -> None:
    reply = desk.get("files/range", headers={"Range": asked}).send()
    assert (reply.status, reply.body) == (200, CONTENT)


def test_range_over_pieces(desk: Desk) -> None:
    """Larger than what is read at once, and than what stays in memory."""
    content = bytes(bodies.CHUNK) + b"middle" + bytes(bodies.CHUNK)
    desk.put("files/pieces", content).send()
    asked = f"bytes={bodies.CHUNK - 1}-{bodies.CHUNK + 6}"
    assert desk.get("files/pieces", headers={"Range": asked}).send().body == b"\0middle\0"
    assert desk.get("files/pieces").send().body == content


class TestConditions:
    def test_etag(self, desk: Desk) -> None:
        etag = desk.get("files/range").send().headers["ETag"]
        assert desk.get("files/range", headers={"If-Match": etag}).send().status == 200
        assert desk.get("files/range", headers={"If-Match": '"other"'}).send().outcome == (412, "PreconditionFailed")
        assert desk.get("files/range", headers={"If-None-Match": '"other"'}).send().status == 200
        reply = desk.get("files/range", headers={"If-None-Match": f'"other", {etag}'}).send()
        assert (reply.status, reply.body) == (304, b"")

    def test_date(self, desk: Desk) -> None:
        made = desk.get("files/range").send().headers["Last-Modified"]
        long_ago = "Thu, 01 Jan 2015 00:00:00 GMT"
        assert desk.get("files/range", headers={"If-Modified-Since": made}).send().status == 304
        assert desk.get("files/range", headers={"If-Modified-Since": long_ago}).send().status == 200
        assert desk.get("files/range", headers={"If-Unmodified-Since": made}).send().status == 200
        assert desk.get("files/range", headers={"If-Unmodified-Since": long_ago}).send().status == 412
        assert desk.get("files/range", headers={"If-Modified-Since": "whenever"}).send().status == 200


class TestVersions:
    def test_a_url_that_pins_a_version_keeps_to_it(self, desk: Desk) -> None:
        first = desk.put("files/versions", b"first").send().headers["x-amz-version-id"]
        second = desk.put("files/versions", b"second").send().headers["x-amz-version-id"]
        assert desk.get("files/versions", VersionId=first).send().body == b"first"
        assert desk.get("files/versions", VersionId=second).send().body == b"second"
        assert desk.get("files/versions").send().body == b"second"
        desk.s3.delete_object(Bucket=desk.bucket, Key="files/versions")
        gone = desk.get("files/versions").send()
        assert gone.outcome == (404, "NoSuchKey")
        assert desk.get("files/versions", VersionId=first).send().body == b"first"
        desk.s3.delete_object(Bucket=desk.bucket, Key="files/versions", VersionId=first)
        assert desk.get("files/versions", VersionId=first).send().outcome == (404, "NoSuchVersion")

    def test_a_delete_marker_is_no_object(self, desk: Desk) -> None:
        desk.put("files/marked", b"x").send()
        marker = desk.s3.delete_object(Bucket=desk.bucket, Key="files/marked")["VersionId"]
        assert desk.get("files/marked", VersionId=marker).send().outcome == (405, "MethodNotAllowed")

    def test_only_where_nothing_is_after_a_deletion(self, desk: Desk) -> None:
        """A delete marker is nothing: the key is free again."""
        desk.put("files/freed", b"x").send()
        again = desk.put("files/freed", b"y", {"If-None-Match": "*"}, IfNoneMatch="*")
        assert again.send().outcome == (412, "PreconditionFailed")
        desk.s3.delete_object(Bucket=desk.bucket, Key="files/freed")
        assert again.send().status == 200

    def test_a_read_outlives_its_object(self, desk: Desk) -> None:
        """A download that has begun is finished, whatever happens to the object."""
        desk.put("files/long", bytes(3 * MIB)).send()
        answer = urllib3.PoolManager().request("GET", desk.get("files/long").url, preload_content=False)
        first = answer.read(1000)
        for version in desk.s3.list_object_versions(Bucket=desk.bucket, Prefix="files/long")["Versions"]:
            desk.s3.delete_object(Bucket=desk.bucket, Key="files/long", VersionId=version["VersionId"])
        assert len(first + answer.read()) == 3 * MIB
        answer.release_conn()


class TestOverrides:
    def test_signed(self, desk: Desk) -> None:
        name = "attachment; filename*=UTF-8''%C3%BC.pdf"
        reply = desk.get("files/range", ResponseContentDisposition=name, ResponseContentType="application/pdf").send()
        assert reply.headers["Content-Disposition"] == name
        assert reply.headers["Content-Type"] == "application/pdf"

    @pytest.mark.parametrize("value", ["attachment; filename=\u4e2d.pdf", "a\r\nSet-Cookie: evil=1", "a\0b"])
    def test_what_no_header_can_carry(self, desk: Desk, value: str) -> None:
        sent = desk.get("files/range", ResponseContentDisposition=value)
        assert sent.send().outcome == (400, "InvalidArgument")

    def test_encryption_is_told(self, desk: Desk) -> None:
        headers = desk.get("files/range").send().headers
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == desk.aws.kms_key_arn
        assert headers["x-amz-server-side-encryption-bucket-key-enabled"] == "true"


def test_nothing_there(desk: Desk) -> None:
    assert desk.get("files/never").send().outcome == (404, "NoSuchKey")
    reply = Sent("HEAD", desk.presign("head_object", "files/never")).send()
    assert (reply.status, reply.body) == (404, b"")


def test_no_such_bucket(desk: Desk) -> None:
    url = desk.s3.generate_presigned_url("put_object", Params={"Bucket": "another", "Key": "x", "ContentLength": 1})
    assert Sent("PUT", url, b"x").send().outcome == (404, "NoSuchBucket")
