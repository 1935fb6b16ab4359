"""Checks P of docs/threat-model.md: what calls may say."""

import base64
from urllib.parse import quote

import pytest

from chalicelib.domain.filename import clean_filename, content_disposition
from chalicelib.domain.page import position_of
from tests.support.app_client import AppClient
from tests.support.builders import Caller, a_ready_file, stored
from tests.support.fakes import FakeWorld


@pytest.fixture
def mine(api: AppClient, alice: Caller) -> AppClient:
    return api.with_token(alice.text)


def test_p1_a_field_that_is_not_there_is_refused(mine: AppClient) -> None:
    answer = mine.post("/files", {"filename": "a", "size": 1, "account_id": "x"})
    assert (answer.status, set(answer.json["errors"])) == (422, {"account_id"})


def test_p1_a_parameter_that_is_not_there_is_refused(mine: AppClient) -> None:
    assert mine.get("/files", query={"account": "x"}).status == 422
    assert mine.get("/user", query={"x": "1"}).status == 422


@pytest.mark.parametrize("size", ["1", 1.0, True])
def test_p1_types_are_not_guessed(mine: AppClient, size: object) -> None:
    assert mine.post("/files", {"filename": "a", "size": size}).status == 422


def test_p1_a_parameter_counts_once(mine: AppClient) -> None:
    answer = mine.get("/files", query=[("limit", "1"), ("limit", "100")])
    assert (answer.status, set(answer.json["errors"])) == (422, {"limit"})


def test_p1_a_body_has_an_end(mine: AppClient) -> None:
    body = '{"filename": "a", "size": 1}' + " " * (256 * 1024)
    answer = mine.call("POST", "/files", body=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (413, "too_large")


def test_p1_deep_json_is_no_json(mine: AppClient) -> None:
    body = '{"filename": ' + "[" * 100_000
    answer = mine.call("POST", "/files", body=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (400, "bad_json")


def refused(*names: str) -> None:
    for name in names:
        with pytest.raises(ValueError, match="file name"):
            clean_filename(name)


def test_p2_a_name_is_no_path() -> None:
    refused("../x", "a/b", "/etc/passwd", "a\\b", ".", "..", "", " ")


def test_p2_a_name_is_no_header_and_no_escape_sequence() -> None:
    refused("a\r\nb", "a\x00b", "\x1b[2J", "a\x9bb", "a\u2028b", "a\u2029b")


def test_p2_a_name_does_not_turn_its_text_around() -> None:
    refused(*(f"a{mark}b" for mark in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))


def test_p2_a_name_fits_every_file_system() -> None:
    assert clean_filename("é" * 127 + "x") == "é" * 127 + "x"
    refused("é" * 128, "x" * 256)


def test_p2_a_name_is_encoded_where_it_meets_a_header() -> None:
    name = "a\"b\\c%d;é\u00a0'.txt"
    plain, _, extended = content_disposition(name).partition("; filename*=UTF-8''")
    assert plain == 'attachment; filename="a_b_c_d;__\'.txt"'
    assert extended == quote(name, safe="")


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_p3_a_cursor_has_one_spelling() -> None:
    good = forged("2026-03-01T12:00:00+00:00#x")
    assert position_of(good)
    others = ("2026-03-01T12:00:00Z#x", "2026-03-01T13:00:00+01:00#x", "2026-03-01T12:00:00#x", "20260301T12#x", "#x")
    for cursor in (good + "=", good[:-1], "", *map(forged, others)):
        with pytest.raises(ValueError, match="cursor"):
            position_of(cursor)


def test_p3_a_list_comes_from_the_token(api: AppClient, world: FakeWorld, alice: Caller, bob: Caller) -> None:
    for _ in range(3):
        stored(world, a_ready_file(account_id=alice.account_id))
    page = api.get("/files", query={"limit": "1"}, token=alice.text)
    cursor = page.json["meta"]["next_cursor"]
    assert cursor
    assert api.get("/files", query={"cursor": cursor}, token=bob.text).data == []
