"""The server underneath: connections that stay, answers that arrive, bodies that stop short."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor

from tests.integration.edge.kit import MIB, Desk, Sent, line_to


def head_of(sent: Sent, *headers: str, length: int | None = None) -> str:
    target = urlsplit(sent.url)
    size = length if length is not None else len(sent.body or b"")
    lines = [f"{sent.method} {target.path}?{target.query} HTTP/1.1", f"Host: {target.netloc}", *headers]
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""])


def test_a_connection_is_kept(desk: Desk) -> None:
    sent = desk.get()
    with line_to(sent.url) as line:
        for _ in range(3):
            line.say(head_of(sent))
            assert line.answer()[2] == desk.content


def test_a_connection_is_kept_after_a_refusal(desk: Desk) -> None:
    sent, refused = desk.get(), desk.put("files/refused", b"x" * 1000)
    refused.url += "&evil=1"
    with line_to(sent.url) as line:
        line.say(head_of(refused), refused.body or b"")
        assert line.answer()[0] == 403
        line.say(head_of(sent))
        assert line.answer()[0] == 200


def test_100_continue(desk: Desk) -> None:
    sent = desk.put("files/continue", b"after the nod")
    with line_to(sent.url) as line:
        line.say(head_of(sent, "Expect: 100-continue"))
        assert line.answer()[0] == 100
        line.say("", sent.body or b"")
        assert line.answer()[0] == 200


@pytest.mark.parametrize("header", ["X-Amz-Acl : private", "X-Amz-Acl\t: private", "Range : bytes=0-1"])
def test_a_space_before_a_headers_colon_is_refused(desk: Desk, header: str) -> None:
    """RFC 9112, section 5.1. A reader that trims it sees a header where another sees none."""
    sent = desk.get()
    with line_to(sent.url) as line:
        line.say(head_of(sent, header))
        assert line.answer()[0] == 400


def test_a_body_that_stops_short(desk: Desk) -> None:
    sent = desk.put("files/short", b"twelve bytes")
    with line_to(sent.url) as line:
        line.say(head_of(sent), b"six by")
        line.hang_up_sending()
        status, _, body = line.answer()
        assert (status, b"IncompleteBody" in body) == (400, True)
    assert desk.get("files/short").send().status == 404


def test_a_refused_upload_of_many_bytes_gets_its_answer(desk: Desk) -> None:
    """Sent to the end before anything is read, as many clients do: no reset may swallow the status."""
    sent = desk.put("files/refused", bytes(24 * MIB))
    sent.url += "&evil=1"
    reply = sent.send()
    assert reply.outcome == (403, "SignatureDoesNotMatch")


def test_a_refusal_does_not_wait_for_the_body(desk: Desk) -> None:
    """Who asks first and waits is answered at once."""
    huge = Sent("PUT", desk.presign("put_object", "files/huge", ContentLength=5 * 2**30 + 1))
    with line_to(huge.url) as line:
        line.say(head_of(huge, length=5 * 2**30 + 1))
        status, headers, body = line.answer()
        assert (status, b"EntityTooLarge" in body) == (400, True)
        assert headers["connection"] == "close"


def test_no_length(desk: Desk) -> None:
    sent = Sent("PUT", desk.presign("put_object", "files/unsized"))
    target = urlsplit(sent.url)
    with line_to(sent.url) as line:
        line.say(f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n")
        status, _, body = line.answer()
        assert (status, b"MissingContentLength" in body) == (411, True)


def test_chunks(desk: Desk) -> None:
    sent = Sent("PUT", desk.presign("put_object", "files/chunked"))
    target = urlsplit(sent.url)
    head = f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {target.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with line_to(sent.url) as line:
        line.say(head, b"3\r\nabc\r\n0\r\n\r\n")
        assert line.answer()[0] == 501


def test_a_header_twice(desk: Desk) -> None:
    """Only the values that were signed count: a second one is not overlooked."""
    sent = desk.put("files/twice", b"x", IfNoneMatch="*")
    with line_to(sent.url) as line:
        line.say(head_of(sent, "If-None-Match: *", "If-None-Match: *"), b"x")
        status, _, body = line.answer()
        assert (status, b"SignatureDoesNotMatch" in body) == (403, True)


@pytest.mark.parametrize("name", ["x_amz_meta_evil", "X-Amz-Meta-Evil "])
def test_a_header_in_disguise(desk: Desk, name: str) -> None:
    """CGI folds dashes and underscores into one: signatures must not."""
    sent = desk.put(f"files/disguise{len(name)}", b"x")
    with line_to(sent.url) as line:
        line.say(head_of(sent, f"{name}: 1"), b"x")
        status = line.answer()[0]
    if status == 200:  # taken for a header that S3 does not know
        stored = desk.s3.head_object(Bucket=desk.bucket, Key=f"files/disguise{len(name)}")
        assert stored["Metadata"] == {}
    else:
        assert status in {400, 403}


def test_dynamodb_conditions_are_exact_under_threads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto alone lets several writers win. A pause between its look and its write makes that certain, not likely."""
    write = UpdateExpressionExecutor.execute

    def slowly(self: Any, *arguments: Any, **named: Any) -> Any:
        time.sleep(0.005)
        return write(self, *arguments, **named)

    monkeypatch.setattr(UpdateExpressionExecutor, "execute", slowly)
    dynamodb, table = desk.aws.clients("dynamodb"), desk.aws.ratelimit_table
    dynamodb.put_item(TableName=table, Item={"ip": {"S": "uses"}, "left": {"N": "5"}})

    def spend(_: int) -> bool:
        try:
            dynamodb.update_item(
                TableName=table,
                Key={"ip": {"S": "uses"}},
                UpdateExpression="ADD #left :minus",
                ConditionExpression="#left > :none",
                ExpressionAttributeNames={"#left": "left"},
                ExpressionAttributeValues={":minus": {"N": "-1"}, ":none": {"N": "0"}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(spend, range(64))) == 5


def test_the_event_names_key_and_version(desk: Desk) -> None:
    sqs = desk.aws.clients("sqs")
    sqs.purge_queue(QueueUrl=desk.aws.queue_url)
    version = desk.put("files/told", b"x").send().headers["x-amz-version-id"]
    message = sqs.receive_message(QueueUrl=desk.aws.queue_url, WaitTimeSeconds=1)["Messages"][0]
    detail = json.loads(message["Body"])["detail"]
    assert (detail["bucket"]["name"], detail["object"]["key"]) == (desk.bucket, "files/told")
    assert detail["object"]["version-id"] == version
