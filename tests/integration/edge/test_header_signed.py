"""Calls that an SDK signs in the Authorization header: S3's and every other service's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from infra.local.s3 import sigv4
from infra.local.stack import EmulatedAws
from tests.integration.edge.kit import SECRET, Desk, Reply, Sent, ago, s3_client, signing_at


def _signed(desk: Desk, method: str = "GET", *, service: str = "s3", region: str = "eu-west-1", **headers: str) -> Sent:
    """What botocore signs for an object of ours."""
    url = f"{desk.aws.endpoint_url}/{desk.bucket}/{desk.key}"
    request = AWSRequest(method, url, headers=headers, data=b"")
    S3SigV4Auth(Credentials("testing", "testing"), service, region).add_auth(request)
    return Sent(method, url, None, dict(request.headers.items()))


def _spoilt(change: Callable[[dict[str, str]], None]) -> Callable[[Desk], Sent]:
    def build(desk: Desk) -> Sent:
        sent = _signed(desk)
        change(sent.headers)
        return sent

    return build


def _replace(header: str, old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(headers: dict[str, str]) -> None:
        assert old in headers[header]
        headers[header] = headers[header].replace(old, new)

    return change


def _at(**delta: float) -> Callable[[Desk], Sent]:
    def build(desk: Desk) -> Sent:
        with signing_at(ago(**delta)):
            return _signed(desk)

    return build


MALFORMED = (400, "AuthorizationHeaderMalformed")
ATTACKS: dict[str, tuple[Callable[[Desk], Sent], tuple[int, str]]] = {
    "another signature": (_spoilt(_replace("Authorization", "Signature=", "Signature=0")), MALFORMED),
    "a date changed": (
        _spoilt(lambda headers: headers.update({"X-Amz-Date": ago(seconds=-1).strftime("%Y%m%dT%H%M%SZ")})),
        (403, "SignatureDoesNotMatch"),
    ),
    "no date": (_spoilt(lambda headers: headers.pop("X-Amz-Date") and None), MALFORMED),
    "another secret": (lambda desk: _with_secret(desk, "guessed"), (403, "SignatureDoesNotMatch")),
    "an unknown key": (
        _spoilt(_replace("Authorization", "Credential=testing", "Credential=AKIAEXAMPLE")),
        (403, "InvalidAccessKeyId"),
    ),
    "another region": (lambda desk: _signed(desk, region="us-east-1"), MALFORMED),
    "too old": (_at(minutes=16), (403, "RequestTimeTooSkewed")),
    "from the future": (_at(minutes=-16), (403, "RequestTimeTooSkewed")),
    "an x-amz header more": (
        _spoilt(lambda headers: headers.update({"x-amz-meta-evil": "1"})),
        (403, "AccessDenied"),
    ),
    "no payload hash": (
        lambda desk: Sent("GET", f"{desk.aws.endpoint_url}/{desk.bucket}/{desk.key}", None, _plain_sigv4(desk)),
        (400, "InvalidRequest"),
    ),
    "signature version 2": (
        _spoilt(lambda headers: headers.update({"Authorization": "AWS testing:c2lnbmF0dXJl"})),
        (400, "InvalidRequest"),
    ),
}


def _with_secret(desk: Desk, secret: str) -> Sent:
    url = f"{desk.aws.endpoint_url}/{desk.bucket}/{desk.key}"
    request = AWSRequest("GET", url, data=b"")
    S3SigV4Auth(Credentials("testing", secret), "s3", "eu-west-1").add_auth(request)
    return Sent("GET", url, None, dict(request.headers.items()))


def _plain_sigv4(desk: Desk) -> dict[str, str]:
    request = AWSRequest("GET", f"{desk.aws.endpoint_url}/{desk.bucket}/{desk.key}", data=b"")
    SigV4Auth(Credentials("testing", "testing"), "s3", "eu-west-1").add_auth(request)
    return dict(request.headers.items())


def test_accepted(desk: Desk) -> None:
    assert _signed(desk).send().body == desk.content


@pytest.mark.parametrize("name", ATTACKS)
def test_refused(desk: Desk, name: str) -> None:
    build, outcome = ATTACKS[name]
    assert build(desk).send().outcome == outcome


@pytest.mark.parametrize(
    ("name", "owner", "attribute"),
    [
        ("another secret", sigv4.Verifier, "_compare"),
        ("a date changed", sigv4.Verifier, "_compare"),
        ("an x-amz header more", sigv4, "_all_signed"),
    ],
)
def test_gets_through_without_its_check(
    desk: Desk, name: str, owner: Any, attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, attribute, lambda *_: None)
    assert ATTACKS[name][0](desk).send().status == 200


@pytest.mark.parametrize("name", ["too old", "from the future"])
def test_clocks_matter(desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigv4, "SKEW", sigv4.WEEK)
    assert ATTACKS[name][0](desk).send().status == 200


def test_chunked_uploads_are_refused_in_words(desk: Desk) -> None:
    """boto3 does not send them over plain HTTP; whoever does learns that they are not understood here."""
    url = f"{desk.aws.endpoint_url}/{desk.bucket}/files/chunked"
    request = AWSRequest("PUT", url, headers={"X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, data=b"")
    signer = S3SigV4Auth(Credentials("testing", "testing"), "s3", "eu-west-1")
    signer.payload = lambda _: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"  # type: ignore[method-assign]
    signer.add_auth(request)
    assert Sent("PUT", url, b"", dict(request.headers.items())).send().outcome == (501, "NotImplemented")


def test_boto3_as_it_comes(desk: Desk) -> None:
    """Its defaults: a CRC32 of its own, 100-continue, retries."""
    import boto3

    s3 = boto3.session.Session("testing", "testing", region_name="eu-west-1").client(
        "s3", endpoint_url=desk.aws.endpoint_url
    )
    s3.put_object(Bucket=desk.bucket, Key="files/sdk", Body=b"from the SDK")
    assert s3.get_object(Bucket=desk.bucket, Key="files/sdk")["Body"].read() == b"from the SDK"
    versions = s3.list_object_versions(Bucket=desk.bucket, Prefix="files/sdk")["Versions"]
    doomed = [{"Key": it["Key"], "VersionId": it["VersionId"]} for it in versions]
    assert len(s3.delete_objects(Bucket=desk.bucket, Delete={"Objects": doomed})["Deleted"]) == 1
    assert "Versions" not in s3.list_object_versions(Bucket=desk.bucket, Prefix="files/sdk")


class TestOtherServices:
    def _call(self, aws: EmulatedAws, secret: str = SECRET, **changed: str) -> Reply:
        body = json.dumps({"TableName": aws.metadata_table}).encode()
        headers = {"X-Amz-Target": "DynamoDB_20120810.DescribeTable", "Content-Type": "application/x-amz-json-1.0"}
        request = AWSRequest("POST", aws.endpoint_url + "/", headers=headers, data=body)
        SigV4Auth(Credentials("testing", secret), "dynamodb", "eu-west-1").add_auth(request)
        return Sent("POST", aws.endpoint_url + "/", body, {**dict(request.headers.items()), **changed}).send()

    def test_accepted(self, aws: EmulatedAws) -> None:
        assert self._call(aws).status == 200

    def test_another_secret(self, aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
        reply = self._call(aws, secret="guessed")
        assert (reply.status, json.loads(reply.body)["__type"]) == (403, "InvalidSignatureException")
        monkeypatch.setattr(sigv4.Verifier, "_compare", lambda *_: None)
        assert self._call(aws, secret="guessed").status == 200

    def test_another_body(self, aws: EmulatedAws) -> None:
        body = json.dumps({"TableName": aws.ratelimit_table}).encode()
        headers = {"X-Amz-Target": "DynamoDB_20120810.DescribeTable", "Content-Type": "application/x-amz-json-1.0"}
        request = AWSRequest("POST", aws.endpoint_url + "/", headers=headers, data=b"{}" + b" " * (len(body) - 2))
        SigV4Auth(Credentials("testing", "testing"), "dynamodb", "eu-west-1").add_auth(request)
        assert Sent("POST", aws.endpoint_url + "/", body, dict(request.headers.items())).send().status == 403

    def test_unsigned(self, aws: EmulatedAws) -> None:
        headers = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
        reply = Sent("POST", aws.endpoint_url + "/", b"{}", headers).send()
        assert (reply.status, json.loads(reply.body)["__type"]) == (403, "MissingAuthenticationTokenException")

    def test_boto3_reads_the_refusal(self, aws: EmulatedAws) -> None:
        import boto3

        for service, call in (("dynamodb", "list_tables"), ("sts", "get_caller_identity"), ("sqs", "list_queues")):
            session = boto3.session.Session("testing", "guessed", region_name="eu-west-1")
            client: Any = session.client(service, endpoint_url=aws.endpoint_url)  # type: ignore[call-overload]
            with pytest.raises(ClientError) as caught:
                getattr(client, call)()
            assert caught.value.response["Error"]["Code"] == "InvalidSignatureException", service


def test_s3_client_of_another_account(desk: Desk) -> None:
    stranger = s3_client(desk.aws, aws_access_key_id="AKIASTRANGER")
    with pytest.raises(ClientError) as caught:
        stranger.list_objects_v2(Bucket=desk.bucket)
    assert caught.value.response["Error"]["Code"] == "InvalidAccessKeyId"
