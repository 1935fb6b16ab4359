"""Multipart uploads as S3 has them: checksums decided at the start, limits, order, one winner."""

import base64
import hashlib
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from infra.local.s3 import multipart
from tests.integration.edge.kit import MIB, Desk, Reply, Sent

PART = 5 * MIB
BIG, LAST = b"a" * PART, b"the last part"


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


class Upload:
    def __init__(self, desk: Desk, key: str, **params: Any) -> None:
        self.desk, self.key = desk, key
        self.place = {"Bucket": desk.bucket, "Key": key}
        self.id = desk.s3.create_multipart_upload(**self.place, **params)["UploadId"]

    def part(self, number: Any, body: bytes, *, sent: bytes | None = None, checksum: str | None = None) -> Reply:
        params: dict[str, Any] = {"UploadId": self.id, "PartNumber": number, "ContentLength": len(body)}
        headers: Mapping[str, str] = {}
        if checksum:
            params["ChecksumSHA256"], headers = checksum, {"x-amz-checksum-sha256": checksum}
        url = self.desk.presign("upload_part", self.key, **params)
        return Sent("PUT", url, body if sent is None else sent, dict(headers)).send()

    def listed(self) -> list[dict[str, Any]]:
        return self.desk.s3.list_parts(**self.place, UploadId=self.id).get("Parts", [])

    def complete(self, parts: list[dict[str, Any]] | None = None, **params: Any) -> Any:
        wanted = ("PartNumber", "ETag", "ChecksumSHA256")
        chosen = parts or [{name: part[name] for name in wanted if name in part} for part in self.listed()]
        return self.desk.s3.complete_multipart_upload(
            **self.place, UploadId=self.id, MultipartUpload={"Parts": chosen}, **params
        )


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    return str(caught.value.response["Error"]["Code"])


def test_parts_in_any_order_make_the_object(desk: Desk) -> None:
    upload = Upload(desk, "files/parts")
    assert upload.part(3, LAST).status == 200
    assert upload.part(1, b"b" * PART).status == 200
    assert upload.part(2, BIG).status == 200
    assert upload.part(1, BIG).status == 200  # sent again: the later one counts
    assert [(part["PartNumber"], part["Size"]) for part in upload.listed()] == [(1, PART), (2, PART), (3, len(LAST))]
    made = upload.complete()
    assert made["VersionId"]
    assert made["ETag"].strip('"').endswith("-3")
    assert desk.get("files/parts").send().body == BIG + BIG + LAST
    middle = desk.get("files/parts", headers={"Range": f"bytes={PART - 2}-{PART + 1}"}).send()
    assert (middle.status, middle.body) == (206, b"aaaa")


class TestChecksums:
    def test_named_at_the_start_and_carried_by_all(self, desk: Desk) -> None:
        upload = Upload(desk, "files/sums", ChecksumAlgorithm="SHA256")
        reply = upload.part(1, BIG, checksum=sha256(BIG))
        assert (reply.status, reply.headers["x-amz-checksum-sha256"]) == (200, sha256(BIG))
        upload.part(2, LAST, checksum=sha256(LAST))
        assert [part["ChecksumSHA256"] for part in upload.listed()] == [sha256(BIG), sha256(LAST)]
        digests = hashlib.sha256(BIG).digest() + hashlib.sha256(LAST).digest()
        composite = sha256(digests) + "-2"
        assert upload.complete()["ChecksumSHA256"] == composite
        head = desk.s3.head_object(**upload.place, ChecksumMode="ENABLED")
        assert (head["ChecksumSHA256"], head["ChecksumType"]) == (composite, "COMPOSITE")

    def test_named_at_the_start_and_left_out(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = Upload(desk, "files/sums", ChecksumAlgorithm="SHA256")
        assert upload.part(1, LAST).outcome == (400, "InvalidRequest")
        monkeypatch.setattr(multipart, "_same_algorithm", lambda *_: None)
        assert upload.part(1, LAST).status == 200

    def test_not_named_and_carried(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = Upload(desk, "files/sums")
        assert upload.part(1, LAST, checksum=sha256(LAST)).outcome == (400, "InvalidRequest")
        monkeypatch.setattr(multipart, "_same_algorithm", lambda *_: None)
        assert upload.part(1, LAST, checksum=sha256(LAST)).status == 200

    def test_wrong(self, desk: Desk) -> None:
        upload = Upload(desk, "files/sums", ChecksumAlgorithm="SHA256")
        assert upload.part(1, LAST, sent=LAST.upper(), checksum=sha256(LAST)).outcome == (400, "BadDigest")
        assert upload.listed() == []

    def test_left_out_at_the_end(self, desk: Desk) -> None:
        upload = Upload(desk, "files/sums", ChecksumAlgorithm="SHA256")
        etag = upload.part(1, LAST, checksum=sha256(LAST)).headers["ETag"]
        assert code_of(upload.complete, [{"PartNumber": 1, "ETag": etag}]) == "InvalidRequest"

    def test_wrong_at_the_end(self, desk: Desk) -> None:
        upload = Upload(desk, "files/sums", ChecksumAlgorithm="SHA256")
        etag = upload.part(1, LAST, checksum=sha256(LAST)).headers["ETag"]
        part = {"PartNumber": 1, "ETag": etag, "ChecksumSHA256": sha256(BIG)}
        assert code_of(upload.complete, [part]) == "InvalidPart"


class TestParts:
    @pytest.mark.parametrize("number", ["0", "10001", "-1", "one", "1e3", ""])
    def test_numbers(self, desk: Desk, number: str) -> None:
        upload = Upload(desk, "files/numbers")
        url = desk.signed_by_hand("PUT", "files/numbers", query={"uploadId": upload.id, "partNumber": number})
        assert Sent("PUT", url, LAST).send().outcome == (400, "InvalidArgument")

    def test_the_last_number(self, desk: Desk) -> None:
        upload = Upload(desk, "files/numbers")
        assert upload.part(10_000, LAST).status == 200

    def test_a_part_longer_than_signed(self, desk: Desk) -> None:
        assert Upload(desk, "files/long").part(1, LAST, sent=LAST + b"!").outcome == (403, "SignatureDoesNotMatch")

    def test_an_upload_belongs_to_its_key(self, desk: Desk) -> None:
        upload = Upload(desk, "files/mine")
        upload.key = "files/yours"
        assert upload.part(1, LAST).outcome == (404, "NoSuchUpload")

    def test_a_small_part_before_the_last(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        upload = Upload(desk, "files/small")
        upload.part(1, BIG[:-1])
        upload.part(2, LAST)
        assert code_of(upload.complete) == "EntityTooSmall"
        monkeypatch.setattr(multipart, "MIN_PART", 1)
        upload.complete()

    def test_listing_goes_on_by_number(self, desk: Desk) -> None:
        upload = Upload(desk, "files/pages")
        for number in (2, 5, 9):
            upload.part(number, LAST)
        first = desk.s3.list_parts(**upload.place, UploadId=upload.id, MaxParts=2)
        assert ([part["PartNumber"] for part in first["Parts"]], first["IsTruncated"]) == ([2, 5], True)
        marker = first["NextPartNumberMarker"]
        rest = desk.s3.list_parts(**upload.place, UploadId=upload.id, PartNumberMarker=marker)
        assert ([part["PartNumber"] for part in rest["Parts"]], rest["IsTruncated"]) == ([9], False)


class TestEnd:
    def test_order(self, desk: Desk) -> None:
        upload = Upload(desk, "files/order")
        upload.part(1, BIG)
        upload.part(2, LAST)
        backwards = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in reversed(upload.listed())]
        assert code_of(upload.complete, backwards) == "InvalidPartOrder"

    def test_a_part_that_is_not_there(self, desk: Desk) -> None:
        upload = Upload(desk, "files/absent")
        upload.part(1, LAST)
        assert code_of(upload.complete, [{"PartNumber": 2, "ETag": upload.listed()[0]["ETag"]}]) == "InvalidPart"

    def test_another_etag(self, desk: Desk) -> None:
        upload = Upload(desk, "files/etag")
        upload.part(1, LAST)
        assert code_of(upload.complete, [{"PartNumber": 1, "ETag": '"other"'}]) == "InvalidPart"

    def test_another_size_than_announced(self, desk: Desk) -> None:
        upload = Upload(desk, "files/size")
        upload.part(1, LAST)
        assert code_of(upload.complete, MpuObjectSize=len(LAST) + 1) == "InvalidRequest"
        upload.complete(MpuObjectSize=len(LAST))

    @pytest.mark.parametrize(
        "document", [b"", b"<x", b"<CompleteMultipartUpload/>", b"<C><Part><ETag>1</ETag></Part></C>"]
    )
    def test_a_list_that_is_none(self, desk: Desk, document: bytes) -> None:
        upload = Upload(desk, "files/xml")
        url = desk.signed_by_hand("POST", "files/xml", query={"uploadId": upload.id})
        assert Sent("POST", url, document).send().outcome == (400, "MalformedXML")

    def test_only_where_nothing_is(self, desk: Desk) -> None:
        upload = Upload(desk, desk.key)
        upload.part(1, LAST)
        assert code_of(upload.complete, IfNoneMatch="*") == "PreconditionFailed"
        assert upload.listed()  # nothing is lost

    def test_twice(self, desk: Desk) -> None:
        upload = Upload(desk, "files/twice")
        upload.part(1, LAST)
        parts = [{"PartNumber": 1, "ETag": upload.listed()[0]["ETag"]}]
        upload.complete(parts)
        assert code_of(upload.complete, parts) == "NoSuchUpload"
        assert code_of(upload.listed) == "NoSuchUpload"

    def test_aborted(self, desk: Desk) -> None:
        upload = Upload(desk, "files/aborted")
        upload.part(1, LAST)
        desk.s3.abort_multipart_upload(**upload.place, UploadId=upload.id)
        assert upload.part(2, LAST).outcome == (404, "NoSuchUpload")
        assert code_of(desk.s3.abort_multipart_upload, **upload.place, UploadId=upload.id) == "NoSuchUpload"

    def test_one_event(self, desk: Desk) -> None:
        sqs = desk.aws.clients("sqs")
        sqs.purge_queue(QueueUrl=desk.aws.queue_url)
        upload = Upload(desk, "files/event")
        upload.part(1, LAST)
        upload.complete()
        got = sqs.receive_message(QueueUrl=desk.aws.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        assert len(got) == 1
        assert '"key": "files/event"' in got[0]["Body"]


def test_one_of_many_writers_wins(desk: Desk) -> None:
    """`If-None-Match: *` is decided when the bytes are there, not before."""
    replies: list[int] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        body = bytes([number]) * 300_000
        sent = desk.put("files/raced", body, {"If-None-Match": "*"}, IfNoneMatch="*")
        start.wait()
        replies.append(sent.send().status)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [200] + [412] * 7
