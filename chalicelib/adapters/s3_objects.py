"""The bucket: presigned requests for clients, and what the service does to objects itself.

The client must be made with signature version s3v4, virtual addressing and a region: botocore's defaults presign
with SigV2 or for the global host, which signs no length and is refused by SSE-KMS and new buckets.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws_call import RETRY_AFTER_SECONDS, call, code_of, is_trouble
from chalicelib.domain.download import DOWNLOAD_URL_LIFETIME
from chalicelib.domain.errors import Busy, Conflict
from chalicelib.domain.upload import UPLOAD_URL_LIFETIME, ReceivedPart
from chalicelib.ports import ObjectGone, SignedRequest, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What a finished or repeated CompleteMultipartUpload answers; `head` then says what there is.
_ALREADY_FINISHED = frozenset({"NoSuchUpload", "PreconditionFailed", "ConditionalRequestConflict"})


class S3Objects:
    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def sign_put(self, object_key: str, size_bytes: int, checksum_sha256: str | None) -> SignedRequest:
        headers = {"Content-Length": str(size_bytes), "If-None-Match": "*"}
        params: dict[str, Any] = {"Key": object_key, "ContentLength": size_bytes, "IfNoneMatch": "*"}
        return self._sign_upload("put_object", params, headers, checksum_sha256)

    def sign_part(
        self, object_key: str, upload_id: str, number: int, size_bytes: int, checksum_sha256: str | None
    ) -> SignedRequest:
        headers = {"Content-Length": str(size_bytes)}
        params: dict[str, Any] = {
            "Key": object_key,
            "UploadId": upload_id,
            "PartNumber": number,
            "ContentLength": size_bytes,
        }
        return self._sign_upload("upload_part", params, headers, checksum_sha256)

    def sign_get(
        self,
        object_key: str,
        version: str,
        disposition: str,
        media_type: str,
        lifetime: timedelta = DOWNLOAD_URL_LIFETIME,
    ) -> str:
        params = {
            "Key": object_key,
            "VersionId": version,
            "ResponseContentDisposition": disposition,
            "ResponseContentType": media_type,
            "ResponseCacheControl": "no-store",
        }
        return self._presign("get_object", params, lifetime)

    def start_multipart(self, object_key: str, *, part_checksums: bool) -> str:
        checksums: dict[str, Any] = {"ChecksumAlgorithm": "SHA256"} if part_checksums else {}
        answer = call(self._client.create_multipart_upload, Bucket=self._bucket, Key=object_key, **checksums)
        return answer["UploadId"]

    def received_parts(self, object_key: str, upload_id: str) -> list[ReceivedPart] | None:
        parts: list[ReceivedPart] = []
        marker: dict[str, Any] = {}
        while True:
            try:
                answer = call(
                    self._client.list_parts, Bucket=self._bucket, Key=object_key, UploadId=upload_id, **marker
                )
            except ClientError as error:
                if code_of(error) == "NoSuchUpload":
                    return None
                raise
            for part in answer.get("Parts", []):
                number, size, etag = part["PartNumber"], part["Size"], part["ETag"]
                parts.append(ReceivedPart(number, size, etag, part["LastModified"], part.get("ChecksumSHA256")))
            if not answer.get("IsTruncated"):
                return parts
            marker = {"PartNumberMarker": answer["NextPartNumberMarker"]}

    def finish_multipart(self, object_key: str, upload_id: str, parts: Sequence[ReceivedPart]) -> None:
        listed: Any = [_completed(part) for part in parts]
        try:
            call(
                self._client.complete_multipart_upload,
                Bucket=self._bucket,
                Key=object_key,
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if code_of(error) == "InvalidPart":
                raise Conflict("A part was sent again while the upload was being finished: finish it again.") from error
            if code_of(error) not in _ALREADY_FINISHED:
                raise

    def abort_multipart(self, object_key: str, upload_id: str) -> None:
        try:
            call(self._client.abort_multipart_upload, Bucket=self._bucket, Key=object_key, UploadId=upload_id)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise

    def head(self, object_key: str) -> StoredObject | None:
        try:
            answer = call(self._client.head_object, Bucket=self._bucket, Key=object_key, ChecksumMode="ENABLED")
        except ClientError as error:
            if code_of(error) in {"404", "NoSuchKey"}:
                return None
            raise
        return StoredObject(
            answer["VersionId"],
            answer["ContentLength"],
            answer.get("ChecksumSHA256"),
            answer.get("ContentEncoding") or None,
        )

    def read_start(self, object_key: str, version: str, length: int) -> bytes:
        try:
            answer = call(
                self._client.get_object,
                Bucket=self._bucket,
                Key=object_key,
                VersionId=version,
                Range=f"bytes=0-{length - 1}",
            )
        except ClientError as error:
            if code_of(error) in {"NoSuchKey", "NoSuchVersion"}:
                raise ObjectGone from error
            raise
        with closing(answer["Body"]) as body:  # its own `with` would hand out the raw stream, which checks nothing
            return call(body.read)

    def delete_versions(self, object_key: str) -> None:
        while True:
            answer = call(self._client.list_object_versions, Bucket=self._bucket, Prefix=object_key)
            listed = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
            versions = [entry["VersionId"] for entry in listed if entry["Key"] == object_key]
            if versions:
                self._delete(object_key, versions)
            if not versions or not answer.get("IsTruncated"):
                return

    def _delete(self, object_key: str, versions: Sequence[str]) -> None:
        """S3 answers 200 also when it kept some."""
        doomed: Any = [{"Key": object_key, "VersionId": version} for version in versions]
        answer = call(self._client.delete_objects, Bucket=self._bucket, Delete={"Objects": doomed, "Quiet": True})
        for failure in answer.get("Errors", []):
            code = failure.get("Code", "")
            if is_trouble(code):
                raise Busy(reason=f"S3 kept a version: {code}", retry_after_seconds=RETRY_AFTER_SECONDS)
            raise RuntimeError(f"S3 kept a version of {object_key}: {code}")

    def _sign_upload(
        self, operation: str, params: dict[str, Any], headers: dict[str, str], checksum_sha256: str | None
    ) -> SignedRequest:
        if checksum_sha256:
            headers["x-amz-checksum-sha256"] = params["ChecksumSHA256"] = checksum_sha256
        return SignedRequest(self._presign(operation, params, UPLOAD_URL_LIFETIME), headers)

    def _presign(self, operation: str, params: dict[str, Any], lifetime: timedelta) -> str:
        return self._client.generate_presigned_url(
            operation, Params={"Bucket": self._bucket, **params}, ExpiresIn=max(1, int(lifetime.total_seconds()))
        )


def _completed(part: ReceivedPart) -> dict[str, Any]:
    listed: dict[str, Any] = {"PartNumber": part.number, "ETag": part.etag}
    if part.checksum_sha256:
        listed["ChecksumSHA256"] = part.checksum_sha256
    return listed
