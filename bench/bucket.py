"""The bucket as both sides have it."""

from typing import Any

from chalicelib.adapters.s3_objects import S3Objects


class Bucket(S3Objects):
    """Also puts what clients would have put, as the tests' fake does."""

    def put(self, object_key: str, data: bytes, *, checksum_sha256: str | None = None) -> str:
        more: Any = {"ChecksumSHA256": checksum_sha256} if checksum_sha256 else {}
        return self._client.put_object(Bucket=self._bucket, Key=object_key, Body=data, **more)["VersionId"]
