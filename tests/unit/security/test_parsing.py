"""Checks P of docs/threat-model.md: what calls may say."""

import base64
from urllib.parse import quote

import pytest

from chalicelib.domain.filename import MAX_NAME_BYTES, clean_filename, content_disposition
from chalicelib.domain.search import search_text, suffixes
from chalicelib.wire.html_body import sanitised
from tests.support.app_client import AppClient
from tests.support.builders import Caller, a_ready_file, new_id, stored
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


@pytest.fixture
def cursor(mine: AppClient, world: FakeWorld, alice: Caller) -> str:
    """Of Alice's files, as they come by default."""
    for _ in range(3):
        stored(world, a_ready_file(account_id=alice.account_id))
    return str(mine.get("/files", query={"limit": "1"}).json["meta"]["next_cursor"])


def refused_cursor(api: AppClient, cursor: str, path: str = "/files", **query: str) -> None:
    answer = api.get(path, query={"cursor": cursor, **query})
    assert (answer.status, set(answer.json["errors"])) == (422, {"cursor"})


def test_p3_a_good_cursor_is_taken(mine: AppClient, cursor: str) -> None:
    """So that what is refused below is not refused for anything else."""
    assert len(mine.get("/files", query={"cursor": cursor}).data) == 2


def test_p3_a_cursor_of_ones_own_making_is_refused(mine: AppClient, cursor: str, alice: Caller) -> None:
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    place = b"2999-01-01T00:00:00.000000Z\x00" + new_id().encode()
    for forged in (sealed[:16] + place, bytes(16) + place, place, sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:15]):
        refused_cursor(mine, base64.urlsafe_b64encode(forged).decode().rstrip("="))


def test_p3_a_cursor_has_one_spelling(mine: AppClient, cursor: str) -> None:
    for other in (cursor + "=", cursor + "\n", cursor[:-1], cursor + "A", ""):
        refused_cursor(mine, other)


def test_p3_a_cursor_belongs_to_its_owner(api: AppClient, cursor: str, bob: Caller) -> None:
    refused_cursor(api.with_token(bob.text), cursor)


def test_p3_a_cursor_belongs_to_its_list(mine: AppClient, cursor: str) -> None:
    refused_cursor(mine, cursor, "/tokens")


@pytest.mark.parametrize(
    "query", [{"sort": "size"}, {"sort": "created_at"}, {"trashed": "true"}, {"status": "pending"}, {"keyword": "a"}]
)
def test_p3_a_cursor_belongs_to_its_order_and_its_filters(mine: AppClient, cursor: str, query: dict[str, str]) -> None:
    refused_cursor(mine, cursor, **query)


# --- P4 --------------------------------------------------------------------------------------------------------------


def test_p4_a_body_does_not_multiply() -> None:
    """Each of these tags is opened again in every paragraph, were it parsed: 900,000 elements of 20 KB."""
    left_open = "".join(f"<b a={number}>" for number in range(300))
    for tags in (left_open, left_open.replace("<b ", "<B/")):
        with pytest.raises(ValueError, match="too many tags"):
            sanitised(f"<p>{tags}" + "<p>x" * 3000)


def test_p4_a_letter_with_much_in_it_is_taken() -> None:
    letter = "<p>Item <b style='color:red'>12</b>, <a href='https://example.com/'>see there</a></p>" * 250
    assert sanitised(letter).count("<b>12</b>") == 250


# --- P5 --------------------------------------------------------------------------------------------------------------


def test_p5_a_name_is_no_more_entries_than_characters_fit_in_it() -> None:
    long_ligatures = "".join(f"\ufdfa{chr(0x4E00 + number)}" for number in range(42))
    name = clean_filename(long_ligatures)
    assert len(suffixes(search_text([name]))) <= MAX_NAME_BYTES


def test_p5_an_ordinary_name_is_found_by_all_of_it() -> None:
    name = clean_filename("a" * (MAX_NAME_BYTES - 4) + ".pdf")
    assert search_text([name]) == name
