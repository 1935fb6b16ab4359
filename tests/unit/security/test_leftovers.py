"""Checks S and Z of docs/threat-model.md: what is left in logs, tables, errors and old versions."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain import upload
from chalicelib.domain.errors import Busy
from chalicelib.domain.file import LATE_BYTES, File, Status
from chalicelib.domain.secret import hash_secret, token_text
from chalicelib.logs import describe, log
from chalicelib.services.delete_file import purge_file
from chalicelib.services.on_upload import on_upload
from chalicelib.services.sweep import RETRY_AFTER, Swept, sweep
from tests.support.app_client import AppClient
from tests.support.builders import (
    NOW,
    Caller,
    a_download,
    a_file,
    a_ready_file,
    a_token,
    key_to,
    stored,
    storing,
    sweeping,
    verifying,
)
from tests.support.fakes import FakeWorld, raises

SECRET = token_text(bytes(range(32)))


# --- S ---------------------------------------------------------------------------------------------------------------


def test_s1_a_line_tells_the_route_and_not_the_path(
    api: AppClient, world: FakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(download)
    key = key_to(world, download)
    session = api.post(f"/public/downloads/{key}").data["session"]
    api.post(f"/public/downloads/{key}", {"session": session})
    api.get(f"/public/downloads/{key}")
    api.get("/user", token=SECRET, query={"token": SECRET}, headers={"X-Secret": SECRET})
    logged = capsys.readouterr().out
    assert len(logged.splitlines()) == 4
    assert "/public/downloads/{key}" in logged
    for secret in (key, session, SECRET, "X-Amz"):
        assert secret not in logged


def test_s1_an_error_is_told_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        log("failed", **describe(error))
    logged = capsys.readouterr().out
    assert "ValueError" in logged
    assert SECRET not in logged


def test_s1_trouble_at_aws_is_told_by_its_name() -> None:
    """botocore's words hold the URL that was called, with the bucket, the object and the upload in it."""
    from botocore.exceptions import ClientError, EndpointConnectionError

    from chalicelib.adapters.aws_call import call

    url = "https://bucket.s3.eu-west-1.amazonaws.com/files/x?uploadId=secret"
    throttled = ClientError({"Error": {"Code": "SlowDown", "Message": url}}, "HeadObject")
    for error, named in (
        (EndpointConnectionError(endpoint_url=url), "EndpointConnectionError"),
        (throttled, "ClientError SlowDown"),
    ):
        with pytest.raises(Busy) as busy:
            call(raises(error))
        assert busy.value.reason == named


def test_s2_a_secret_is_stored_as_its_hash() -> None:
    assert SECRET not in hash_secret(SECRET)
    assert SECRET[4:-6] not in hash_secret(SECRET)
    assert hash_secret("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def test_s2_a_tokens_record_leads_to_no_token() -> None:
    from chalicelib.adapters.dynamo_tokens import token_item

    token = a_token(secret_hash=hash_secret(SECRET))
    assert SECRET not in json.dumps(token_item(token), default=str)


def test_s2_a_data_key_is_stored_wrapped() -> None:
    from chalicelib.adapters.dynamo_files import to_item
    from chalicelib.adapters.kms_keys import KmsKeys

    plaintext, wrapped = bytes(range(32)), b"wrapped"

    class Client:
        def generate_data_key(self, **_: Any) -> Any:
            return {"Plaintext": plaintext, "CiphertextBlob": wrapped, "KeyId": "arn"}

    data_key = KmsKeys(Client(), "arn").generate({"file": "x"})
    record = to_item(a_file(wrapped_key=data_key.wrapped))
    assert record["wrapped_key"] == {"key_arn": "arn", "blob": wrapped}
    assert repr(plaintext) not in repr(record)
    assert repr(plaintext) not in repr(data_key), "nor can it be printed by accident"


def test_s3_a_line_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    forged = 'x"}\n{"event": "forged"}\r\u2028\u0085\x1b[2J\u202e'
    log("refused", reason=forged)
    logged = capsys.readouterr().out
    assert logged.isascii()
    assert [json.loads(line) for line in logged.splitlines()] == [{"event": "refused", "reason": forged}]


def test_s4_an_unexpected_error_tells_nothing(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    world.users.before("find", raises(RuntimeError(SECRET)))
    answer = api.get("/user", token=alice.text)
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert SECRET not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_s4_trouble_at_aws_is_told_without_detail(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    world.users.before("find", raises(Busy(reason=f"ThrottlingException: {SECRET}", retry_after_seconds=2)))
    answer = api.get("/user", token=alice.text)
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert SECRET not in answer.text


def test_s4_a_refusal_keeps_its_reason_to_itself(api: AppClient, world: FakeWorld, alice: Caller) -> None:
    download = a_download(stored(world, a_ready_file()))
    world.downloads.add(download)
    key = key_to(world, download)
    api.post(f"/public/downloads/{key}")
    spent = api.post(f"/public/downloads/{key}")
    world.downloads.records[download.id] = replace(world.downloads.records[download.id], revoked_at=NOW)
    revoked = api.post(f"/public/downloads/{key}")
    assert (spent.status, spent.json["message"]) == (revoked.status, revoked.json["message"])
    assert "revoked" not in revoked.text


# --- Z1 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["delete_versions", "remove"])
def test_z1_the_wrapped_key_goes_first(world: FakeWorld, step: str) -> None:
    """A purge that is interrupted anywhere leaves a file that nobody can open."""
    wrapped = world.keys.generate({}).wrapped
    file = stored(world, a_ready_file(wrapped_key=wrapped))
    store = world.objects if step == "delete_versions" else world.files
    store.before(step, raises(Busy()))
    with pytest.raises(Busy):
        purge_file(file, NOW, **storing(world))
    left = world.files.records[file.id]
    assert (left.wrapped_key, left.purging_at) == (None, NOW)
    assert not left.is_visible(NOW)
    purge_file(left, NOW, **storing(world))
    assert world.files.records == {}


def test_z1_every_version_goes_and_then_the_record(world: FakeWorld) -> None:
    file = stored(world, a_ready_file())
    world.objects.put(file.object_key, b"a second version")
    world.objects.put_delete_marker(file.object_key)
    purge_file(file, NOW, **storing(world))
    assert world.objects.versions == {}
    assert world.files.records == {}
    assert world.objects.calls.index("delete_versions") >= 0
    assert world.files.calls.index("save") < world.files.calls.index("remove")


def test_z1_delete_markers_are_versions_too() -> None:
    from chalicelib.adapters.s3_objects import S3Objects

    class Client:
        """What S3 answers to two calls."""

        def __init__(self) -> None:
            self.deleted: list[str] = []

        def list_object_versions(self, **_: Any) -> Any:
            versions = [] if self.deleted else [{"Key": "files/x", "VersionId": "v1"}]
            markers = (
                [] if self.deleted else [{"Key": "files/x", "VersionId": "m1"}, {"Key": "files/xy", "VersionId": "o"}]
            )
            return {"Versions": versions, "DeleteMarkers": markers, "IsTruncated": False}

        def delete_objects(self, **request: Any) -> Any:
            self.deleted += [entry["VersionId"] for entry in request["Delete"]["Objects"]]
            return {}

    client = Client()
    S3Objects(client, "bucket").delete_versions("files/x")
    assert client.deleted == ["v1", "m1"]


def test_z1_what_comes_late_is_deleted_on_arrival(world: FakeWorld) -> None:
    purged, purging = a_ready_file(), stored(world, a_ready_file(purging_at=NOW))
    for file in (purged, purging):
        world.objects.put(file.object_key, b"late!")
        on_upload(file.id, NOW, **verifying(world))
        assert world.objects.head(file.object_key) is None
    assert purged.id not in world.files.records


@pytest.mark.parametrize("file", [a_file(), a_ready_file(), a_file(status=Status.REJECTED, settled_at=NOW)])
def test_z1_what_comes_late_and_untold_is_deleted_when_no_more_can_come(world: FakeWorld, file: File) -> None:
    """A PUT by a URL that still worked, after the purge, and S3's event of it is lost."""
    purge_file(stored(world, file), NOW, **storing(world))
    assert world.files.records == {}
    world.objects.put(file.object_key, b"late!")
    before = NOW + LATE_BYTES - timedelta(seconds=1)
    assert sweep(before, **sweeping(world)) == Swept(0, 0, {})
    assert world.objects.head(file.object_key)
    assert sweep(NOW + LATE_BYTES, **sweeping(world)) == Swept(1, 0, {})
    assert (world.objects.versions, world.files.tombstones) == ({}, {})
    assert sweep(NOW + LATE_BYTES, **sweeping(world)) == Swept(0, 0, {})


def test_z1_every_url_has_ended_by_then() -> None:
    """With hours left for an upload that began while it worked, and is slow."""
    assert upload.UPLOAD_URL_LIFETIME + timedelta(hours=12) <= LATE_BYTES
    assert a_file().bytes_may_come_until(NOW) == NOW + LATE_BYTES
    assert a_file(purging_at=NOW).bytes_may_come_until(NOW + timedelta(days=9)) == NOW + LATE_BYTES


def test_z1_a_tombstone_is_kept_until_then(world: FakeWorld) -> None:
    """The index may tell of a file that was purged a moment ago."""
    file = stored(world, a_ready_file(expires_at=NOW))
    world.files.after("due", lambda: purge_file(file, NOW, **storing(world)))
    assert sweep(NOW, **sweeping(world)).failures == {}
    assert world.files.tombstones == {file.id: NOW + LATE_BYTES}


def test_z1_a_purge_long_after_the_last_url_needs_no_tombstone(world: FakeWorld) -> None:
    file = stored(world, a_ready_file(trashed_at=NOW))
    purge_file(file, NOW + LATE_BYTES, **storing(world))
    assert (world.files.records, world.files.tombstones) == ({}, {})


@pytest.mark.parametrize("step", ["delete_versions", "remove_tombstone"])
def test_z1_a_tombstone_stands_until_its_work_is_done(world: FakeWorld, step: str) -> None:
    file = stored(world, a_ready_file())
    purge_file(file, NOW, **storing(world))
    world.objects.put(file.object_key, b"late!")
    store = world.objects if step == "delete_versions" else world.files
    store.before(step, raises(Busy()))
    assert len(sweep(NOW + LATE_BYTES, **sweeping(world)).failures) == 1
    assert sweep(NOW + LATE_BYTES + RETRY_AFTER, **sweeping(world)) == Swept(1, 0, {})
    assert (world.objects.versions, world.files.tombstones) == ({}, {})
