"""Without a socket, the edge still sees each request whole: what it refuses on a line it refuses here."""

from collections.abc import Iterator
from typing import Any

import pytest
from boto3.session import Session
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.httpsession import URLLib3Session

from infra.local import shortcut
from infra.local.stack import EmulatedAws


@pytest.fixture
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes by it gets nowhere."""

    def refuse(_: URLLib3Session, request: Any) -> None:
        raise EndpointConnectionError(endpoint_url=request.url)

    monkeypatch.setattr(shortcut, "_send", refuse)


@pytest.fixture
def client(aws: EmulatedAws) -> Iterator[Any]:
    def make(service: str, secret: str = "testing", endpoint_url: str = aws.endpoint_url) -> Any:  # noqa: S107 - of the emulator
        session: Any = Session("testing", secret, region_name=aws.region)
        made.append(session.client(service, endpoint_url=endpoint_url))
        return made[-1]

    made: list[Any] = []
    yield make
    for it in made:
        it.close()


@pytest.mark.usefixtures("no_line")
def test_calls_in_this_process_need_no_line(aws: EmulatedAws, client: Any) -> None:
    assert aws.metadata_table in client("dynamodb").list_tables()["TableNames"]
    assert client("kms").describe_key(KeyId=aws.kms_key_arn)["KeyMetadata"]["Enabled"]
    assert client("sqs").get_queue_attributes(QueueUrl=aws.queue_url)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.usefixtures("no_line")
def test_a_wrong_signature_is_refused_all_the_same(aws: EmulatedAws, client: Any) -> None:
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client("dynamodb", secret="wrong").list_tables()


@pytest.mark.usefixtures("no_line")
def test_another_address_is_not_meant(client: Any) -> None:
    with pytest.raises(EndpointConnectionError):
        client("dynamodb", endpoint_url="http://127.0.0.1:9").list_tables()


def test_what_is_streamed_goes_by_the_line(aws: EmulatedAws, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, honest = [], shortcut._send

    def note(session: URLLib3Session, request: Any) -> Any:
        sent.append(request.method)
        return honest(session, request)

    monkeypatch.setattr(shortcut, "_send", note)
    s3, put = client("s3"), {"Bucket": aws.bucket, "Key": "files/streamed"}
    key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": aws.kms_key_arn}
    version = s3.put_object(**put, Body=b"hello", **key)["VersionId"]
    assert s3.get_object(**put, VersionId=version)["Body"].read() == b"hello"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("lambda").invoke(FunctionName="nobodys", Payload=b"{}")
    assert sent == ["PUT", "GET", "POST"]


def test_nothing_of_it_is_left_afterwards(aws: EmulatedAws) -> None:
    inside = URLLib3Session.send
    with shortcut.shortcut("http://127.0.0.1:9", lambda *_: []):
        assert URLLib3Session.send is not inside
    assert URLLib3Session.send is inside
