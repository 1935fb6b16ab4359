"""The other side of the object store: what clients, and S3 itself, do to the bucket."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import urllib3

from chalicelib.bootstrap import World
from chalicelib.ports import SignedRequest
from tests.support.fakes import FakeObjects, S3Refusal


class Bucket(Protocol):
    def send(self, signed: SignedRequest, body: bytes, *, headers: Mapping[str, str] | None = None) -> str | None:
        """A client's PUT: None, or the code of S3's refusal."""

    def fetch(self, url: str) -> bytes: ...

    def put(self, object_key: str, data: bytes) -> str:
        """A new version, with no regard to what is there. Answers its id."""

    def put_delete_marker(self, object_key: str) -> None: ...

    def versions(self, object_key: str) -> int:
        """Of this key alone, delete markers among them."""


class FakeBucket:
    def __init__(self, objects: FakeObjects) -> None:
        self._objects = objects
        self.put, self.put_delete_marker = objects.put, objects.put_delete_marker

    def send(self, signed: SignedRequest, body: bytes, *, headers: Mapping[str, str] | None = None) -> str | None:
        try:
            self._objects.send(signed.url, signed.headers if headers is None else headers, body)
        except S3Refusal as refusal:
            return refusal.code
        return None

    def fetch(self, url: str) -> bytes:
        return self._objects.fetch(url)

    def versions(self, object_key: str) -> int:
        return len(self._objects.versions.get(object_key, []))


class S3Bucket:
    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name
        self._pool = urllib3.PoolManager(retries=False)

    def send(self, signed: SignedRequest, body: bytes, *, headers: Mapping[str, str] | None = None) -> str | None:
        sent = signed.headers if headers is None else headers
        answer = self._pool.request("PUT", signed.url, body=body, headers=sent)
        if answer.status == 200:
            return None
        return answer.data.decode().partition("<Code>")[2].partition("</Code>")[0]

    def fetch(self, url: str) -> bytes:
        return self.get(url).data

    def get(self, url: str) -> urllib3.BaseHTTPResponse:
        answer = self._pool.request("GET", url)
        assert answer.status == 200, answer.data
        return answer

    def put(self, object_key: str, data: bytes) -> str:
        return cast(str, self._client.put_object(Bucket=self._name, Key=object_key, Body=data)["VersionId"])

    def put_delete_marker(self, object_key: str) -> None:
        self._client.delete_object(Bucket=self._name, Key=object_key)

    def versions(self, object_key: str) -> int:
        answer = self._client.list_object_versions(Bucket=self._name, Prefix=object_key)
        listed = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
        return sum(entry["Key"] == object_key for entry in listed)

    def close(self) -> None:
        self._pool.clear()


def bucket_of(world: World) -> Bucket:
    if isinstance(world.objects, FakeObjects):
        return FakeBucket(world.objects)
    return S3Bucket(world._client("s3"), world.settings.files_bucket)
