"""Whatever comes in, the edge's parsers refuse it in S3's words or understand it: nothing else may be raised."""

import base64
import contextlib
import datetime as dt
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.local.rest_events import Resources
from infra.local.s3 import digests, markup, post_policy, reads, writes
from infra.local.s3.errors import S3Error
from infra.local.s3.request import AwsRequest
from infra.local.s3.sigv4 import Verifier

VERIFIER = Verifier({"testing": "testing"}, "eu-west-1", lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
TEXT = st.text(st.characters(codec="latin-1"), max_size=40)  # what a request's head can hold
AMZ = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Content-Sha256")
PLAUSIBLE = st.sampled_from(
    [
        "AWS4-HMAC-SHA256",
        "testing/20260101/eu-west-1/s3/aws4_request",
        "20260101T000000Z",
        "300",
        "host",
        "host;x-amz-date",
        "0" * 64,
        "-1",
        "%",
    ]
)


@given(st.dictionaries(st.sampled_from([f"X-Amz-{name}" for name in AMZ]), PLAUSIBLE | TEXT), TEXT, TEXT)
def test_presigned(query: dict[str, str], path: str, host: str) -> None:
    raw = "&".join(f"{name}={value}" for name, value in query.items())
    with contextlib.suppress(S3Error):
        VERIFIER.presigned(AwsRequest("GET", "/" + path, raw, [("Host", host)]))
        raise AssertionError("nobody signed this")


@given(
    st.builds("AWS4-HMAC-SHA256 Credential={}, SignedHeaders={}, Signature={}".format, PLAUSIBLE, PLAUSIBLE, PLAUSIBLE)
    | TEXT,
    PLAUSIBLE | TEXT,
)
def test_signed_in_the_header(authorization: str, date: str) -> None:
    headers = [("Authorization", authorization), ("X-Amz-Date", date), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]
    with contextlib.suppress(S3Error):
        VERIFIER.in_header(AwsRequest("GET", "/b/k", "", headers), "s3", None)
        raise AssertionError("nobody signed this")


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
POLICY = st.fixed_dictionaries(
    {}, optional={"expiration": st.just("2099-01-01T00:00:00Z") | JSON, "conditions": st.lists(JSON, max_size=4) | JSON}
)


@given(POLICY | JSON, st.dictionaries(st.sampled_from(["key", "acl", "x-ignore-me"]), TEXT))
def test_policies(document: Any, fields: dict[str, str]) -> None:
    with contextlib.suppress(S3Error):
        policy = post_policy.parse(base64.b64encode(json.dumps(document).encode()).decode())
        post_policy.enforce(policy, fields, 1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


@given(TEXT)
def test_policies_that_are_not_even_base64(text: str) -> None:
    with contextlib.suppress(S3Error):
        post_policy.parse(text)


@given(st.binary(max_size=200) | st.sampled_from([b"<a><b/></a>", b"<a><Part><PartNumber>1</PartNumber></Part></a>"]))
def test_lists_of_parts(document: bytes) -> None:
    with contextlib.suppress(S3Error):
        assert all({"PartNumber", "ETag"} <= set(part) for part in markup.completed_parts(document))


@given(
    TEXT | st.builds("bytes={}-{}".format, st.integers(0, 40) | st.just(""), st.integers(0, 40) | st.just("")),
    st.integers(0, 32),
)
def test_ranges_lie_within(header: str, size: int) -> None:
    with contextlib.suppress(S3Error):
        if (asked := reads._range(header, size)) is not None:
            assert 0 <= asked[0] < asked[1] <= size


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "content-md5",
            "content-length",
            "transfer-encoding",
            "x-amz-checksum-sha256",
            "x-amz-checksum-crc32",
            "x-amz-sdk-checksum-algorithm",
            "x-amz-acl",
        ]
    ),
    TEXT | st.just("AAAAAA=="),
)


@given(HEADERS, TEXT)
def test_headers_of_an_upload(headers: dict[str, str], payload: str) -> None:
    with contextlib.suppress(S3Error):
        writes.refuse_unknown_headers(headers)
        assert 0 <= writes.content_length(headers, 100) <= 100
        given_digests = digests.Digests(headers, payload)
        given_digests.update(b"x")
        given_digests.check()


@given(TEXT)
def test_paths(path: str) -> None:
    match = Resources(["/", "/a", "/a/{b}", "/a/{b}/c"]).match("/" + path)
    assert match is None or set(match.parameters) == ({"b"} if "{" in match.resource else set())
