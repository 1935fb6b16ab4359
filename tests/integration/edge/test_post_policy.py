"""Browser uploads: the form keeps to its signed policy, or there is no object."""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from infra.local.s3 import forms, post_policy, sigv4
from tests.integration.edge.kit import Desk, Reply, Sent, ago

BODY = b"from a form"
DENIED, MISMATCH = (403, "AccessDenied"), (403, "SignatureDoesNotMatch")


class Form:
    def __init__(
        self, desk: Desk, key: str = "files/form", *, expires: int = 300, conditions: Any = (), **fields: str
    ) -> None:
        given = [*conditions, *({name: value} for name, value in fields.items())]
        self.desk = desk
        self.post = desk.s3.generate_presigned_post(
            desk.bucket, key, Fields=fields, Conditions=given, ExpiresIn=expires
        )
        self.fields: dict[str, str] = dict(self.post["fields"])
        self.files = [("file", ("in.txt", BODY))]

    def send(self, **changed: str) -> Reply:
        parts: list[Any] = [*{**self.fields, **changed}.items(), *self.files]
        body, kind = urllib3.encode_multipart_formdata(parts)
        return Sent("POST", self.post["url"], body, {"Content-Type": kind}).send()


def test_accepted(desk: Desk) -> None:
    reply = Form(desk).send()
    assert (reply.status, reply.body) == (204, b"")
    assert desk.get("files/form").send().body == BODY


def test_the_file_name_goes_into_the_key(desk: Desk) -> None:
    form = Form(desk, "files/named/${filename}")
    assert form.send().status == 204
    assert desk.get("files/named/in.txt").send().body == BODY


def test_asked_for_an_answer(desk: Desk) -> None:
    reply = Form(desk, success_action_status="201").send()
    assert reply.status == 201
    assert b"<Key>files/form</Key>" in reply.body


@pytest.mark.parametrize(("lowest", "highest"), [(len(BODY), len(BODY)), (0, 100)])
def test_size_in_range(desk: Desk, lowest: int, highest: int) -> None:
    assert Form(desk, conditions=[["content-length-range", lowest, highest]]).send().status == 204


def test_checksum(desk: Desk) -> None:
    right = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    form = Form(desk, **{"x-amz-checksum-sha256": right})
    assert form.send().status == 204
    form.files = [("file", ("in.txt", BODY.upper()))]
    assert form.send().outcome == (400, "BadDigest")


NO_ENFORCE = (post_policy, "enforce")
NO_SIGNATURE = (sigv4.Verifier, "policy_document")


def _reworded(form: Form) -> Reply:
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    policy["conditions"] = [it for it in policy["conditions"] if it != {"key": "files/form"}] + [{"key": "files/other"}]
    return form.send(policy=base64.b64encode(json.dumps(policy).encode()).decode(), key="files/other")


ATTACKS: dict[str, tuple[Callable[[Desk], Reply], tuple[int, str], tuple[Any, str] | None]] = {
    "another key": (lambda desk: Form(desk).send(key="files/other"), DENIED, NO_ENFORCE),
    "outside the prefix": (
        lambda desk: Form(desk, "files/in/${filename}").send(key="files/out/x"),
        DENIED,
        NO_ENFORCE,
    ),
    "a field more": (lambda desk: Form(desk).send(**{"x-amz-meta-evil": "1"}), DENIED, NO_ENFORCE),
    "a field changed": (
        lambda desk: Form(desk, **{"Content-Type": "text/plain"}).send(**{"Content-Type": "text/html"}),
        DENIED,
        NO_ENFORCE,
    ),
    "too large": (
        lambda desk: Form(desk, conditions=[["content-length-range", 0, len(BODY) - 1]]).send(),
        (400, "EntityTooLarge"),
        NO_ENFORCE,
    ),
    "too small": (
        lambda desk: Form(desk, conditions=[["content-length-range", len(BODY) + 1, 100]]).send(),
        (400, "EntityTooSmall"),
        NO_ENFORCE,
    ),
    "expired": (lambda desk: Form(desk, expires=-1).send(), DENIED, NO_ENFORCE),
    "a policy of one's own": (lambda desk: _reworded(Form(desk)), MISMATCH, NO_SIGNATURE),
    "another signature": (lambda desk: Form(desk).send(**{"x-amz-signature": "0" * 64}), MISMATCH, NO_SIGNATURE),
    "an unknown key": (
        lambda desk: Form(desk).send(**{"x-amz-credential": "AKIAX/20260101/eu-west-1/s3/aws4_request"}),
        (403, "InvalidAccessKeyId"),
        None,
    ),
    "no policy": (lambda desk: _without(Form(desk), "policy"), DENIED, None),
    "no key": (lambda desk: _without(Form(desk), "key"), (400, "InvalidArgument"), None),
    "an ACL": (
        lambda desk: Form(desk, acl="public-read", **{"x-amz-acl": "x"}).send(),
        (400, "AccessControlListNotSupported"),
        None,
    ),
    "another encryption": (
        lambda desk: Form(desk, **{"x-amz-server-side-encryption": "AES256"}).send(),
        DENIED,
        (forms, "refuse_denied"),
    ),
}


def _without(form: Form, name: str) -> Reply:
    del form.fields[name]
    return form.send()


@pytest.mark.parametrize("name", ATTACKS)
def test_refused(desk: Desk, name: str) -> None:
    send, outcome, _ = ATTACKS[name]
    assert send(desk).outcome == outcome


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if attack[2]])
def test_gets_through_without_its_check(desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    send, _, check = ATTACKS[name]
    assert check is not None
    monkeypatch.setattr(*check, lambda *_: None)
    assert send(desk).status == 204


@pytest.mark.parametrize("files", [[], [("file", ("a", b"1")), ("file", ("b", b"2"))], [("other", ("a", b"1"))]])
def test_exactly_one_file(desk: Desk, files: list[Any]) -> None:
    form = Form(desk)
    form.files = files
    assert form.send().outcome == (400, "InvalidArgument")


POLICIES = [
    b"",
    b"not json",
    b"[]",
    b'{"conditions": []}',
    b'{"expiration": "tomorrow", "conditions": []}',
    b'{"expiration": "2099-01-01T00:00:00Z"}',
    b'{"expiration": "2099-01-01T00:00:00", "conditions": []}',
    b'{"expiration": "2099-01-01T00:00:00Z", "conditions": [["ends-with", "$key", "x"]]}',
    b'{"expiration": "2099-01-01T00:00:00Z", "conditions": [["eq", "key", "x"]]}',
    b'{"expiration": "2099-01-01T00:00:00Z", "conditions": [["content-length-range", "a", 3]]}',
    b'{"expiration": "2099-01-01T00:00:00Z", "conditions": [{}]}',
]


@pytest.mark.parametrize("document", POLICIES)
def test_a_policy_that_is_none(desk: Desk, document: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigv4.Verifier, "policy_document", lambda *_: None)
    policy = base64.b64encode(document).decode()
    if not document:
        policy = "!"
    assert Form(desk).send(policy=policy).outcome == (400, "InvalidPolicyDocument")


def test_expiry_is_exact() -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    policy = post_policy.Policy(moment, [])
    post_policy.enforce(policy, {}, 0, moment)
    with pytest.raises(Exception, match="Policy expired"):
        post_policy.enforce(policy, {}, 0, moment + dt.timedelta(microseconds=1))


def test_a_body_that_is_no_form(desk: Desk) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = Sent("POST", f"{desk.aws.endpoint_url}/{desk.bucket}", b"nothing of the kind", headers).send()
    assert reply.status == 400


def test_r4_signed_too_long_ago(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form grows old as a URL does. Its signature covers the date: that check is out of the way here."""
    monkeypatch.setattr(sigv4.Verifier, "policy_document", lambda *_: None)
    monkeypatch.setattr(post_policy, "enforce", lambda *_: None)
    form, long_ago = Form(desk), ago(seconds=3602).strftime("%Y%m%dT%H%M%SZ")
    assert form.send(**{"x-amz-date": long_ago}).outcome == DENIED
    assert form.send().status == 204
