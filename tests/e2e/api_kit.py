"""What the tests by raw HTTP share: nothing here comes from the service or from the sealdrop client.

Sealing is the stock AWS Encryption SDK with the smallest materials manager that takes the API's data key.
"""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from aws_encryption_sdk.materials_managers import DecryptionMaterials, EncryptionMaterials
from aws_encryption_sdk.materials_managers.base import CryptoMaterialsManager
from aws_encryption_sdk.structures import DataKey, EncryptedDataKey, MasterKeyInfo

from tests.e2e.conftest import Answer, Api

MIB = 2**20
FRAME = 262_144
PART = 5 * MIB  # the smallest part that S3 takes
PATIENCE_SECONDS = 60  # for what happens by itself: a busy machine is no failure

T = TypeVar("T")

# method, path, scope; `{file}`, `{download}`, `{mail}`, `{token}`, `{key}` are for the caller to fill in
PROTECTED = (
    ("GET", "/files", "files:read"),
    ("POST", "/files", "files:write"),
    ("GET", "/files/{file}", "files:read"),
    ("PATCH", "/files/{file}", "files:write"),
    ("DELETE", "/files/{file}", "files:write"),
    ("POST", "/files/{file}/parts", "files:write"),
    ("POST", "/files/{file}/complete", "files:write"),
    ("POST", "/downloads", "downloads"),
    ("DELETE", "/downloads/{download}", "downloads"),
    ("POST", "/downloads/{download}/keys", "downloads"),
    ("GET", "/mails", "mails:read"),
    ("POST", "/mails", "mails:send"),
    ("GET", "/mails/{mail}", "mails:read"),
    ("DELETE", "/mails/{mail}", "mails:send"),
    ("GET", "/inbox", "inbox:read"),
    ("GET", "/inbox/{mail}", "inbox:read"),
    ("DELETE", "/inbox/{mail}", "inbox:read"),
    ("GET", "/tokens", "tokens"),
    ("POST", "/tokens", "tokens"),
    ("DELETE", "/tokens/{token}", "tokens"),
    ("POST", "/keys", "downloads"),
    ("DELETE", "/keys/{key}", "downloads"),
    ("GET", "/events", "events"),
    ("GET", "/user", "account"),
    ("PATCH", "/user", "account"),
)
PUBLIC = (
    ("GET", "/public/downloads/{key}", None),
    ("POST", "/public/downloads/{key}", None),
    ("GET", "/health", None),
    ("GET", "/openapi.json", None),
)
SCOPES = (
    "files:read",
    "files:write",
    "mails:read",
    "mails:send",
    "inbox:read",
    "downloads",
    "tokens",
    "account",
    "events",
    "webhooks",
)
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
FIXED_HEADERS = {
    "Content-Type": "application/json",
    "Vary": "Authorization",
    "X-Robots-Tag": "none",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


# --- what every answer has -------------------------------------------------------------------------------------------


def assert_headers(answer: Answer, *, from_the_gateway: bool = False) -> None:
    """Those of every answer. What API Gateway answers by itself knows of no bucket."""
    got = {name: answer.headers.get(name) for name in FIXED_HEADERS}
    assert got == FIXED_HEADERS, (answer.status, got)
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])
    if not from_the_gateway:
        limit, remaining = (int(answer.headers[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining"))
        assert 0 <= remaining <= limit


def assert_refused(
    answer: Answer,
    status: int,
    code: str,
    fields: Iterable[str] | None = None,
    *,
    from_the_gateway: bool = False,
) -> Any:
    """One shape for every refusal. `fields` are the keys that `errors` must have; none given means no `errors`."""
    assert (answer.status, answer.json.get("code")) == (status, code), (answer.status, answer.body)
    error = answer.json
    assert set(error) == {"message", "code", "request_id"} | ({"errors"} if fields else set()), error
    assert error["message"]
    assert error["request_id"] == answer.headers["X-Request-Id"]
    if fields:
        assert set(error["errors"]) == set(fields), error
        assert all(reasons and all(reasons) for reasons in error["errors"].values()), error
    assert_headers(answer, from_the_gateway=from_the_gateway)
    return error


def without_request_id(answer: Answer) -> Any:
    return {name: value for name, value in answer.json.items() if name != "request_id"}


def eventually(probe: Callable[[], T | None], what: str) -> T:
    """The first thing found, for what another process brings about in its own time. Who looks too often delays it."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.03
    while not (found := probe()):
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    return found


# --- uploads ---------------------------------------------------------------------------------------------------------


def content(size: int, seed: str = "sealdrop") -> bytes:
    """Bytes that look random and are the same in every run."""
    return hashlib.shake_128(f"{seed} {size}".encode()).digest(size)


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def announce(api: Api, size: int, filename: str = "data.bin", **fields: Any) -> Any:
    answer = api("POST", "/files", {"filename": filename, "size": size, **fields})
    assert answer.status == 201, answer.body
    return answer.data


def send(api: Api, signed: Mapping[str, Any], body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """A presigned PUT, as `upload` or one of its parts says it."""
    return api.fetch("PUT", signed["url"], body=body, headers=signed["headers"] if headers is None else headers)


def sent(api: Api, signed: Mapping[str, Any], body: bytes) -> None:
    answer = send(api, signed, body)
    assert answer.status == 200, (answer.status, answer.body)


def part_of(data: bytes, number: int, part_size: int) -> bytes:
    return data[(number - 1) * part_size : number * part_size]


def send_all(api: Api, ticket: Mapping[str, Any], stored: bytes) -> None:
    """The stored bytes, by one PUT or in the parts that the ticket signed."""
    upload = ticket["upload"]
    if "url" in upload:
        sent(api, upload, stored)
        return
    for part in upload["parts"]:
        piece = part_of(stored, part["number"], upload["part_size"])
        assert part["size"] == len(piece)
        sent(api, part, piece)


def complete(api: Api, file_id: str) -> Answer:
    return api("POST", f"/files/{file_id}/complete")


def uploaded(api: Api, data: bytes, filename: str = "data.bin", **fields: Any) -> Any:
    """A ready file with this content. `encryption="client"` has it sealed here."""
    ticket = announce(api, len(data), filename, **fields)
    send_all(api, ticket, seal(data, ticket["encryption"]) if "encryption" in ticket else data)
    return complete(api, ticket["id"]).data


# --- sealing ---------------------------------------------------------------------------------------------------------


class ApiKeyManager(CryptoMaterialsManager):
    """Seals and opens under the one data key that the API gave."""

    def __init__(self, encryption: Mapping[str, Any]) -> None:
        self._context = dict(encryption["encryption_context"])
        info = MasterKeyInfo(encryption["key_provider"], encryption["key_arn"])
        self._key = base64.b64decode(encryption["data_key"])
        self._wrapped = EncryptedDataKey(info, base64.b64decode(encryption["encrypted_data_key"]))

    def get_encryption_materials(self, request: Any) -> EncryptionMaterials:  # noqa: ARG002 - the SDK's signature
        return EncryptionMaterials(
            algorithm=Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
            encryption_context=dict(self._context),
            data_encryption_key=DataKey(self._wrapped.key_provider, self._key, self._wrapped.encrypted_data_key),
            encrypted_data_keys={self._wrapped},
        )

    def decrypt_materials(self, request: Any) -> DecryptionMaterials:
        assert dict(request.encryption_context) == self._context
        assert {key.encrypted_data_key for key in request.encrypted_data_keys} == {self._wrapped.encrypted_data_key}
        return DecryptionMaterials(
            data_key=DataKey(self._wrapped.key_provider, self._key, self._wrapped.encrypted_data_key)
        )


def _sdk() -> Any:
    return aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1
    )


def seal(data: bytes, encryption: Mapping[str, Any]) -> bytes:
    sealed, _ = _sdk().encrypt(
        source=data, materials_manager=ApiKeyManager(encryption), frame_length=encryption["frame_length"]
    )
    return bytes(sealed)


def unseal(sealed: bytes, encryption: Mapping[str, Any]) -> bytes:
    opened, _ = _sdk().decrypt(source=sealed, materials_manager=ApiKeyManager(encryption), max_body_length=FRAME)
    return bytes(opened)


# --- downloads -------------------------------------------------------------------------------------------------------


def granted(api: Api, *file_ids: str) -> tuple[str, str]:
    """A download's id and its key."""
    download = api("POST", "/downloads", {"files": list(file_ids)}).data
    return download["id"], keyed(api, download["id"]).data["key"]


def keyed(api: Api, download_id: str) -> Answer:
    """A key to a download, for which the user's PIN is needed."""
    return api("POST", f"/downloads/{download_id}/keys", {"pinKey": api.pin_key})


def perform(anyone: Api, key: str, **body: Any) -> Answer:
    return anyone("POST", f"/public/downloads/{quote(key, safe='')}", body)


def fetched(anyone: Api, released: Mapping[str, Any]) -> bytes:
    """The content of a file that a performed download released: from S3, opened where it was sealed."""
    answer = anyone.fetch("GET", released["url"])
    assert answer.status == 200, (answer.status, answer.body[:500])
    assert len(answer.body) == released["encrypted_size"]
    return unseal(answer.body, released["encryption"]) if "encryption" in released else answer.body


# --- behind the API --------------------------------------------------------------------------------------------------


def in_the_past(**ago: float) -> str:
    """The table's spelling of a moment."""
    moment = datetime.now(UTC) - timedelta(**(ago or {"seconds": 1}))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def in_the_future(**ahead: float) -> str:
    return in_the_past(**{unit: -amount for unit, amount in ahead.items()})


def s3_code(answer: Answer) -> str:
    """The code in S3's XML."""
    found = re.search(rb"<Code>(\w+)</Code>", answer.body)
    return found[1].decode() if found else ""


class Backstage:
    """What the operator sees of a running stack with AWS's own tools."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        from boto3.session import Session
        from botocore.config import Config

        session = Session("testing", "testing", region_name=ready["region"])
        config = Config(
            max_pool_connections=4,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",  # bytes that come without a digest
        )
        self._clients = [
            session.client(name, endpoint_url=ready["aws_endpoint_url"], config=config)
            for name in ("s3", "dynamodb", "sqs", "kms")
        ]
        self.s3, self.dynamodb, self.sqs, self.kms = self._clients
        self.bucket, self.table = ready["bucket"], ready["metadata_table"]
        self.search_table = self.table.removesuffix("metadata") + "search"

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def record(self, kind: str, record_id: str) -> Any:
        return self.dynamodb.get_item(TableName=self.table, Key=_key(kind, record_id)).get("Item")

    def change(self, kind: str, record_id: str, **attributes: str) -> None:
        """Overwrite text attributes of a record."""
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(kind, record_id),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in attributes.items()},
        )

    def everything(self) -> str:
        """The whole metadata and search tables as text: bytes appear as base64 and as hex."""
        return self._text_of(self.table) + self._text_of(self.search_table)

    def postings_of(self, file_id: str) -> set[str]:
        """The parts of its name that the search table has."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.search_table,
            FilterExpression="contains(sk, :id)",
            ExpressionAttributeValues={":id": {"S": file_id}},
        )
        return {item["sk"]["S"].partition("\0")[0] for page in pages for item in page["Items"]}

    def _text_of(self, table: str) -> str:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return json.dumps([page["Items"] for page in pages], default=_spelled)

    def versions(self, file_id: str) -> list[Any]:
        """Every version and delete marker of a file's object."""
        listed = self.s3.list_object_versions(Bucket=self.bucket, Prefix=f"files/{file_id}")
        return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]

    def open_uploads(self, file_id: str) -> list[Any]:
        listed = self.s3.list_multipart_uploads(Bucket=self.bucket, Prefix=f"files/{file_id}")
        return list(listed.get("Uploads", []))

    def put(self, file_id: str, data: bytes, **more: Any) -> None:
        """Bytes that come to the bucket past everything that was signed."""
        self.s3.put_object(Bucket=self.bucket, Key=f"files/{file_id}", Body=data, **more)

    def queue(self) -> str:
        urls = self.sqs.list_queues()["QueueUrls"]
        return str(next(url for url in urls if url.endswith("-upload")))


def _key(kind: str, record_id: str) -> Any:
    return {"pk": {"S": f"{kind}#{record_id}"}, "sk": {"S": kind}}


def _spelled(value: Any) -> str:
    data = bytes(value)
    return f"{base64.b64encode(data).decode()} {data.hex()}"
