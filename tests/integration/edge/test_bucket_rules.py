"""The bucket's own policy and CORS rules, as infra/template.yaml writes them."""

import json
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local import edge
from infra.local.s3 import cors, policy
from infra.local.s3.request import AwsRequest
from tests.integration.edge.kit import Desk, Reply, Sent, ago, signing_at

BODY = b"to be encrypted"
DENIED = (403, "AccessDenied")
ORIGIN = "https://app.example.com"


class TestPolicy:
    def _put(self, desk: Desk, **params: Any) -> Reply:
        names = {
            "ServerSideEncryption": "x-amz-server-side-encryption",
            "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
        }
        headers = {names[name]: value for name, value in params.items()}
        return desk.put("files/policy", BODY, headers, **params).send()

    def test_our_own_key_by_name(self, desk: Desk) -> None:
        assert self._put(desk, ServerSideEncryption="aws:kms", SSEKMSKeyId=desk.aws.kms_key_arn).status == 200

    def test_nothing_named(self, desk: Desk) -> None:
        assert self._put(desk).status == 200

    @pytest.mark.parametrize(
        "params",
        [
            {"ServerSideEncryption": "AES256"},
            {"ServerSideEncryption": "aws:kms:dsse"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:eu-west-1:123456789012:key/theirs"},
        ],
    )
    def test_another_encryption(self, desk: Desk, params: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        assert self._put(desk, **params).outcome == DENIED
        monkeypatch.setattr(edge, "refuse_denied", lambda *_: None)
        assert self._put(desk, **params).status == 200

    def test_multipart(self, desk: Desk) -> None:
        with pytest.raises(ClientError, match="explicit deny"):
            desk.s3.create_multipart_upload(Bucket=desk.bucket, Key="files/x", ServerSideEncryption="AES256")

    def test_keys_of_the_customer(self, desk: Desk) -> None:
        headers = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}
        url = desk.signed_by_hand("PUT", "files/x", signed=headers)
        assert Sent("PUT", url, BODY, headers).send().outcome == DENIED

    def test_tls_is_taken_as_given(self, desk: Desk) -> None:
        """The statement is there and holds on AWS; on the loopback there is no TLS to ask for."""
        policy = desk.s3.get_bucket_policy(Bucket=desk.bucket)["Policy"]
        assert "aws:SecureTransport" in policy

    def test_an_unknown_operator_is_no_pass(self) -> None:
        condition = {"IpAddress": {"aws:SourceIp": "::"}}
        statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": condition}
        with pytest.raises(ValueError, match="IpAddress"):
            policy.refuse_denied(
                json.dumps({"Statement": [statement]}).encode(), AwsRequest("GET", "/b/k", "", []), ago()
            )


class TestAge:
    """(R4) Whoever signs with a function's credentials may sign for a week; the bucket does not take it for so long."""

    WEEK = 604_800

    def _signed(self, desk: Desk, operation: str, age: float) -> Sent:
        """A URL that S3 itself takes: the object is new, so that what is sent to it decides nothing."""
        methods = {"get_object": "GET", "put_object": "PUT", "delete_object": "DELETE"}
        key = desk.key if operation == "get_object" else f"files/{uuid.uuid4()}"
        with signing_at(ago(seconds=age)):
            url = desk.presign(operation, key, expires=self.WEEK)
        return Sent(methods[operation], url, BODY if operation == "put_object" else None)

    @pytest.mark.parametrize(
        ("operation", "age"),
        [("get_object", 302), ("get_object", 518_400), ("put_object", 3602), ("delete_object", 3602)],
    )
    def test_r4_an_old_url(self, desk: Desk, operation: str, age: float, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self._signed(desk, operation, age).send().outcome == DENIED
        monkeypatch.setattr(edge, "refuse_denied", lambda *_: None)
        assert self._signed(desk, operation, age).send().status in {200, 204}

    @pytest.mark.parametrize(("operation", "age"), [("get_object", 290), ("put_object", 3590), ("get_object", -600)])
    def test_ours_while_they_live(self, desk: Desk, operation: str, age: float) -> None:
        assert self._signed(desk, operation, age).send().status == 200


class TestCors:
    def _preflight(self, desk: Desk, method: str = "PUT", origin: str | None = ORIGIN) -> Reply:
        headers = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type, if-none-match",
        }
        if origin:
            headers["Origin"] = origin
        return Sent("OPTIONS", desk.put("files/cors", BODY).url, None, headers).send()

    def test_preflight(self, desk: Desk) -> None:
        reply = self._preflight(desk)
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "PUT" in reply.headers["Access-Control-Allow-Methods"]
        assert reply.headers["Access-Control-Allow-Headers"] == "content-type, if-none-match"
        assert reply.headers["Access-Control-Max-Age"] == "600"

    @pytest.mark.parametrize("method", ["DELETE", "POST", ""])
    def test_another_method(self, desk: Desk, method: str) -> None:
        assert self._preflight(desk, method).outcome == (403, "AccessForbidden")

    def test_no_origin(self, desk: Desk) -> None:
        assert self._preflight(desk, origin=None).outcome == (403, "AccessForbidden")

    def test_what_a_page_may_read(self, desk: Desk) -> None:
        reply = desk.put("files/cors", BODY, {"Origin": ORIGIN}).send()
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        exposed = {name.strip().lower() for name in reply.headers["Access-Control-Expose-Headers"].split(",")}
        assert {"etag", "x-amz-checksum-sha256", "x-amz-version-id", "content-range", "content-length"} <= exposed

    def test_refusals_are_readable_too(self, desk: Desk) -> None:
        reply = desk.get("files/never", {"Origin": ORIGIN}).send()
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (404, "*")

    def test_nothing_for_programs(self, desk: Desk) -> None:
        assert "Access-Control-Allow-Origin" not in desk.get().send().headers

    def test_rules_with_an_origin(self) -> None:
        rule = SimpleNamespace(
            allowed_origins=["https://*.example.com"],
            allowed_methods=["GET"],
            allowed_headers=["x-*"],
            exposed_headers=[],
            max_age_seconds=None,
        )
        ask = {"origin": ORIGIN, "access-control-request-method": "GET", "access-control-request-headers": "X-One"}
        assert dict(cors.preflight([rule], ask))["Access-Control-Allow-Origin"] == ORIGIN
        assert cors.of_answer([rule], "GET", {"origin": "https://evil.example.org"}) == []
        with pytest.raises(Exception, match="not allowed"):
            cors.preflight([rule], {**ask, "access-control-request-headers": "content-type"})
