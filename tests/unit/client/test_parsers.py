"""Whatever comes from outside is parsed into a value, or refused by one kind of error: nothing else comes out."""

import copy
import json
import string
import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealdrop import fields
from sealdrop.durations import expiry
from sealdrop.errors import BadAnswer, LocalFileError, NotAuthentic, SealdropError, UsageError
from sealdrop.http import api_base, storage_address
from sealdrop.journal import Entry, parse_entry
from sealdrop.models import Download, DownloadKey, DownloadView, File
from sealdrop.names import printable, safe_filename
from sealdrop.output import local_time
from sealdrop.pins import TemporaryKey
from sealdrop.receiving import check_extent
from sealdrop.retry import asked_seconds
from sealdrop.targets import Id, Key, link_to, parse_target
from sealdrop.transfers import PendingUpload, Performed, ReceivedPart
from sealdrop.user_models import NewToken, Token, User
from tests.unit.client.fake_service import FakeService

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def answers() -> dict[str, tuple[Callable[[Any], object], dict[str, Any]]]:
    """A good answer for each parser, as the fake service gives it."""
    service = FakeService()
    service.server.server_close()
    record = service.add("report.pdf", b"content", "client")
    record.status = "pending"
    single = service.ticket(record, {})
    record.part_size = 100
    multipart = service.ticket(record, {1: None, 2: None})
    released = {**service.view(record), "url": "http://127.0.0.1/x", "url_expires_at": "2026-01-01T00:00:00Z"}
    released["encryption"] = service.encryption(record)
    token = {"id": "i", "name": "n", "scopes": ["files:read"], "created_at": "2026-01-01T00:00:00Z", "token": "sdt_x"}
    view = {
        "sender": {"name": "n", "email": "e"},
        "uses_left": 1,
        "expires_at": "2026-01-01T00:00:00Z",
        "pin_required": False,
        "files": [service.view(record)],
    }
    performed = {"files": [released], "uses_left": 0, "session": "s", "session_expires_at": "2026-01-01T00:00:00Z"}
    user = {"id": "i", "name": "n", "email": "e", "account": {"id": "a", "name": "n"}, "token": token}
    return {
        "file": (File.parse, service.view(record)),
        "single PUT": (PendingUpload.parse, single),
        "multipart": (PendingUpload.parse, multipart),
        "received part": (ReceivedPart.parse, {"number": 1, "size": 2, "checksum_sha256": None}),
        "download": (Download.parse, {"id": "i", "expires_at": "2026-01-01T00:00:00Z", "uses_left": 1}),
        "key": (DownloadKey.parse, {"key": "k", "expires_at": "2026-01-01T00:00:00Z"}),
        "temporary key": (TemporaryKey.parse, {"key": "k", "expires_at": "2026-01-01T00:00:00Z"}),
        "view": (DownloadView.parse, view),
        "performed": (Performed.parse, performed),
        "token": (Token.parse, token),
        "new token": (NewToken.parse, token),
        "user": (User.parse, user),
    }


ANSWERS = answers()


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path, *(found for key in keys for found in paths(value[key], (*path, key)))]


@pytest.mark.parametrize(("parse", "good"), ANSWERS.values(), ids=ANSWERS)
def test_a_good_answer_is_parsed_and_unknown_fields_are_left_alone(parse: Callable[[Any], object], good: Any) -> None:
    assert parse(good) == parse({**good, "field of a later version": [1]})


@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_a_good_answer_changed_anywhere(name: str, data: st.DataObject) -> None:
    parse, good = ANSWERS[name]
    changed = copy.deepcopy(good)
    path = data.draw(st.sampled_from(paths(good)[1:]))
    place = changed
    for key in path[:-1]:
        place = place[key]
    if isinstance(place, dict) and data.draw(st.booleans()):
        del place[path[-1]]
    else:
        place[path[-1]] = data.draw(JSON)
    try:
        parse(changed)
    except BadAnswer:
        return


@given(st.sampled_from(sorted(ANSWERS)), JSON)
def test_any_json_in_place_of_an_answer(name: str, value: Any) -> None:
    try:
        ANSWERS[name][0](fields.as_object(value, "data"))
    except BadAnswer:
        return


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_in_place_of_json(raw: bytes) -> None:
    try:
        assert isinstance(fields.parse_object(raw), dict)
    except BadAnswer:
        return


@pytest.mark.parametrize("number", ["1e999", "9" * 5000, "-1", "1.0", "NaN", "Infinity", "true", '"1"', "null"])
def test_odd_numbers(number: str) -> None:
    with pytest.raises(BadAnswer):
        fields.size(fields.parse_object(f'{{"size": {number}}}'.encode()), "size")


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_in_place_of_a_journal_entry(raw: bytes) -> None:
    entry = parse_entry(raw)
    assert entry is None or isinstance(entry, Entry)


local_storage = partial(storage_address, api_url="http://localhost/api")
URL_TEXT = st.text(string.ascii_letters + string.digits + ":/?#[]@!$&'()*+,;=%-._~\\ \t\r\né", max_size=60)


@given(URL_TEXT | st.builds("{}://{}".format, st.sampled_from(["http", "https", "ftp"]), URL_TEXT))
def test_any_text_in_place_of_an_address(text: str) -> None:
    for check, refusal in ((api_base, UsageError), (local_storage, BadAnswer)):
        try:
            checked = check(text)
        except refusal:
            continue
        address = checked if isinstance(checked, str) else checked.geturl()
        assert address.isascii()
        assert address.isprintable()
        assert address.startswith(("https://", "http://127.", "http://localhost", "http://[::1]"))


KEYS = st.text(string.ascii_letters + string.digits + "-_", min_size=20, max_size=60)


@given(KEYS)
def test_a_key_and_its_link(key: str) -> None:
    target = parse_target(key)
    assert target == Key(key) or isinstance(target, Id)
    assert parse_target(f" https://files.example.com/api/public/downloads/{key}/\n") == Key(
        key, "https://files.example.com/api"
    )


def test_a_link_of_ours_leads_to_where_it_came_from() -> None:
    key, api = "7hJ2mQxW9bTzK4cRfV8nYdL1sGpE6aUo3iBvXwCq5Ht", "https://files.example.com/sealdrop/api"
    assert link_to(api, key) == f"https://files.example.com/sealdrop/d#{key}"
    assert parse_target(link_to(api, key)) == Key(key, api)
    with pytest.raises(UsageError, match="where /api begins"):
        link_to("https://files.example.com/prod", key)


@given(st.uuids())
def test_an_id(uuid: Any) -> None:
    assert parse_target(str(uuid).upper()) == Id(str(uuid))


@given(URL_TEXT)
def test_any_text_in_place_of_a_target(text: str) -> None:
    try:
        target = parse_target(text)
    except UsageError:
        return
    assert isinstance(target, Id | Key)


@pytest.mark.parametrize(
    "link",
    [
        "http://files.example.com/api/public/downloads/" + "k" * 43,
        "https://user@files.example.com/api/public/downloads/" + "k" * 43,
        "https://files.example.com/api/public/downloads/" + "k" * 43 + "?x=1",
        "https://files.example.com/api/public/downloads/" + "k" * 43 + "/../../files",
        "https://files.example.com/api/files/" + "k" * 43,
        "https://files.example.com/api/public/downloads/",
        "file:///public/downloads/" + "k" * 43,
    ],
)
def test_links_that_are_refused(link: str) -> None:
    with pytest.raises(UsageError):
        parse_target(link)


RANGE = st.builds("bytes {}-{}/{}".format, *[st.integers(-1, 20) | st.just("*") for _ in range(3)])


@given(
    st.sampled_from([200, 204, 206, 416]),
    st.text(max_size=20) | RANGE,
    st.none() | st.integers(-5, 20).map(str) | st.text(max_size=5),
    st.integers(0, 9),
    st.integers(10, 12),
)
def test_what_an_answer_says_of_its_extent(
    status: int, given_range: str, length: str | None, start: int, size: int
) -> None:
    headers = {"content-range": given_range} | ({} if length is None else {"content-length": length})
    try:
        check_extent(status, headers, start, size)
    except NotAuthentic:
        return
    assert length in (None, str(size - start))
    assert (status, given_range) == (206, f"bytes {start}-{size - 1}/{size}") if start else status == 200


@given(st.text(max_size=12))
def test_retry_after(value: str) -> None:
    seconds = asked_seconds({"retry-after": value})
    assert seconds is None or seconds == int(value) >= 0


@given(st.text(max_size=80))
def test_names_as_files_and_on_a_terminal(name: str) -> None:
    shown = printable(name)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert "\x1b" not in shown
    assert "\n" not in shown
    try:
        usable = safe_filename(name)
    except LocalFileError:
        return
    assert usable
    assert usable not in (".", "..")
    assert not set("/\\\n\r\x00\x1b\u202e") & set(usable)


@pytest.mark.parametrize("name", ["Übung 1.pdf", "日本語.txt", "👩‍👩‍👧.jpg", "a b", "naïve 'quote' \"x\"", "نص.txt"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert printable(name) == safe_filename(name) == name


@pytest.mark.parametrize(
    ("name", "usable"), [(".bash_profile", "_bash_profile"), ("a/.ssh", "_ssh"), ("...", "_.."), ("a:b", "a:b")]
)
def test_a_sender_cannot_plant_a_hidden_file(name: str, usable: str) -> None:
    assert safe_filename(name) == usable


@pytest.mark.parametrize("name", ["a:b", "C:", "nul", "NUL.txt", "com1.tar.gz", "a.", "a "])
def test_names_that_mean_more_on_windows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert safe_filename(name) == name
    monkeypatch.setattr("sealdrop.names._ON_WINDOWS", True)
    with pytest.raises(LocalFileError):
        safe_filename(name)


def test_only_a_service_on_this_machine_names_addresses_on_it() -> None:
    address = "http://127.0.0.1:2375/containers/json"
    assert storage_address(address, "http://localhost:8080/api").netloc == "127.0.0.1:2375"
    for api in ("https://files.example.com/api", "https://127.0.0.1/api", "http://files.example.com/api"):
        with pytest.raises(BadAnswer):
            storage_address(address, api)


@pytest.mark.parametrize("header", ["x-amz-acl", "authorization", "host", "x-docker-auth"])
def test_a_header_that_no_upload_takes(header: str) -> None:
    parse, good = ANSWERS["single PUT"]
    with pytest.raises(BadAnswer):
        parse({**good, "upload": {**good["upload"], "headers": {header: "x"}}})


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Pacific/Kiritimati", "America/Lima"])
def test_the_ends_of_time_are_shown(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for moment in (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
            assert local_time(moment)
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 3, 2, 0, tzinfo=UTC)),
        ("7d", datetime(2026, 3, 8, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 3, 15, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:00+02:00", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
    ],
)
def test_expiry(text: str, expected: datetime) -> None:
    assert expiry(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "7", "d", "0d", "-1d", "7y", "999999d", "tomorrow", "2020-01-01", "7d ", "\u0667d"]
)
def test_expiry_that_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        expiry(text, NOW)


@given(st.text(max_size=25) | st.from_regex(r"[0-9]{1,6}[mhdwxyz]?", fullmatch=True))
def test_any_text_in_place_of_an_expiry(text: str) -> None:
    try:
        assert expiry(text, NOW) > NOW
    except SealdropError:
        return
