"""Talking to the API: what is repeated, what is not, and what an error gives away."""

import io
import logging
import traceback
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sealdrop import (
    ApiError,
    BadAnswer,
    Busy,
    Client,
    Gone,
    LostAnswer,
    NotAllowed,
    NotFound,
    Retry,
    SealdropError,
    Unreachable,
    UsageError,
)
from sealdrop.http import api_base, storage_address
from tests.unit.client.conftest import AT_ONCE
from tests.unit.client.fake_service import FakeService


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://files.example.com/api", "https://files.example.com/api"),
        ("https://files.example.com/api/", "https://files.example.com/api"),
        ("https://files.example.com", "https://files.example.com/api"),
        ("https://files.example.com/", "https://files.example.com/api"),
        ("https://x.execute-api.eu-west-1.amazonaws.com/api", "https://x.execute-api.eu-west-1.amazonaws.com/api"),
        ("http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api"),
        ("http://localhost:8080/api", "http://localhost:8080/api"),
        ("http://[::1]:8080/api", "http://[::1]:8080/api"),
    ],
)
def test_addresses_of_an_api(url: str, base: str) -> None:
    assert api_base(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "files.example.com",
        "ftp://files.example.com",
        "http://files.example.com/api",
        "http://127.0.0.1.example.com/api",
        "http://2130706433.example/api",
        "https://user:secret@files.example.com/api",
        "https://files.example.com/api?x=1",
        "https://files.example.com/api#x",
        "https://files.example.com:99999/api",
        "https://files example.com/api",
        "https://files.example.com/api\r\nx: y",
        "https://[::1/api",
        "javascript:alert(1)",
        "https://",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(UsageError):
        api_base(url)


def test_plain_http_may_be_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDROP_INSECURE", "1")
    assert api_base("http://files.example.com/api") == "http://files.example.com/api"
    api_url = "https://files.example.com/api"
    assert storage_address("http://bucket.example.com/x", api_url).netloc == "bucket.example.com"


REFUSALS: list[tuple[int, type[SealdropError], int]] = [
    (400, ApiError, 1),
    (401, NotAllowed, 3),
    (403, NotAllowed, 3),
    (404, NotFound, 4),
    (409, ApiError, 1),
    (410, Gone, 4),
    (413, ApiError, 1),
    (422, ApiError, 1),
    (429, Busy, 5),
    (500, ApiError, 1),
    (502, ApiError, 1),
    (503, Busy, 5),
    (504, Busy, 5),
]


@pytest.mark.parametrize(("status", "kind", "exit_code"), REFUSALS)
def test_every_status_has_its_error(
    client: Client, service: FakeService, status: int, kind: type[SealdropError], exit_code: int
) -> None:
    service.fail("GET /api/user", times=99, status=status)
    with pytest.raises(ApiError) as refused:
        client.user()
    error = refused.value
    assert (type(error), error.status, error.exit_code, error.code) == (kind, status, exit_code, "busy")
    assert (str(error), error.request_id) == ("Busy.", "r-1")


class Raw:
    """Makes the service answer some bytes."""

    def __init__(self, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
        self.service, self.monkeypatch = service, monkeypatch

    def answer(self, status: int, body: bytes) -> None:
        handler: Any = self.service.server.RequestHandlerClass
        self.monkeypatch.setattr(handler, "do_GET", lambda self: self.answer(status, body))


@pytest.fixture
def raw(service: FakeService, monkeypatch: pytest.MonkeyPatch) -> Raw:
    return Raw(service, monkeypatch)


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, b"<html>Bad gateway"), (400, b""), (422, b"[]"), (403, b'{"code": 7}'), (422, b'{"errors": {"a": "b"}}')],
)
def test_an_error_of_something_in_between(client: Client, raw: Raw, status: int, body: bytes) -> None:
    raw.answer(status, body)
    with pytest.raises(ApiError) as refused:
        client.user()
    assert (refused.value.status, refused.value.code) == (status, f"http_{status}")
    assert "the address of the API" in (refused.value.hint or "")


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"data": []}', b'{"data": {}}', b"\xff", b"[" * 100_000])
def test_an_answer_that_makes_no_sense(client: Client, raw: Raw, body: bytes) -> None:
    raw.answer(200, body)
    with pytest.raises(BadAnswer):
        client.user()


def test_an_endless_answer(client: Client, raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealdrop.channel.MOST_ANSWER_BYTES", 1000)
    raw.answer(200, b" " * 1001)
    with pytest.raises(BadAnswer, match="too long"):
        client.user()


def test_a_redirect_is_not_followed(client: Client, service: FakeService) -> None:
    service.fail("GET /api/user", status=307, headers={"location": f"{service.origin}/elsewhere"})
    with pytest.raises(BadAnswer, match="redirect"):
        client.user()
    assert service.count("elsewhere") == 0


# What is repeated
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 502}, {"lose_answer": True}], ids=str)
def test_reading_is_repeated(client: Client, service: FakeService, fault: dict[str, Any]) -> None:
    service.fail("GET /api/user", times=AT_ONCE.tries - 1, **fault)
    assert client.user().email == "alice@example.com"


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 502}, {"status": 504}, {"lose_answer": True}], ids=str)
def test_a_secret_is_not_made_twice(client: Client, service: FakeService, fault: dict[str, Any]) -> None:
    service.fail("POST /api/tokens", times=99, **fault)
    with pytest.raises((ApiError, LostAnswer)):
        client.create_token("x", ["files:read"])
    assert service.count("POST /api/tokens") == 1


LOST = [{"lose_answer": True}, {"status": 500}, {"status": 502}, {"status": 503}, {"status": 504}]


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_file_is_made_once_whichever_answers_are_lost(
    client: Client, service: FakeService, fault: dict[str, Any]
) -> None:
    service.fail("POST /api/files", times=AT_ONCE.tries - 1, **fault)
    file = client.put(io.BytesIO(b"x"), name="a.txt", encryption="server")
    assert list(service.files) == [file.id]
    assert len(service.claims) == 1


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_so_is_a_download(client: Client, service: FakeService, fault: dict[str, Any]) -> None:
    record = service.add("a.txt", b"x")
    service.fail("POST /api/downloads", times=AT_ONCE.tries - 1, **fault)
    download = client.create_download([record.id])
    assert list(service.downloads) == [download.id]


def test_every_call_has_a_key_of_its_own(client: Client, service: FakeService) -> None:
    record = service.add("a.txt", b"x")
    assert client.create_download([record.id]).id != client.create_download([record.id]).id
    keys = list(service.claims)
    assert len(keys) == len(set(keys)) == 2
    assert all(uuid.UUID(key).version == 4 for key in keys)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
def test_a_refusal_is_not_repeated(client: Client, service: FakeService, status: int) -> None:
    service.fail("GET /api/user", times=99, status=status)
    with pytest.raises(ApiError):
        client.user()
    assert service.count("GET /api/user") == 1


def test_trashing_twice_is_no_purge(client: Client, service: FakeService) -> None:
    """DELETE, sent again after a lost answer, would purge what the first one moved to the trash."""
    record = service.add("a", b"x")
    service.fail("/api/files/", times=2, lose_answer=True)
    assert client.trash(record.id).trashed
    assert record.id in service.files
    assert service.count("DELETE") == 0
    assert not client.restore(record.id).trashed


def test_a_purge_whose_answer_was_lost(client: Client, service: FakeService) -> None:
    record = service.add("a", b"x")
    service.fail("DELETE", lose_answer=True)
    client.purge(record.id)
    assert service.files == {}
    with pytest.raises(NotFound):
        client.purge(record.id)


def test_retry_after_is_kept(client: Client, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("sealdrop.retry.pause", pauses.append)
    service.fail("GET /api/user", times=2, status=429, headers={"retry-after": "3"})
    client.user()
    assert pauses == [3.0, 3.0]


def test_pauses_grow_and_are_bounded() -> None:
    assert list(Retry(tries=8).longest_pauses()) == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0]


# Ids become paths
@pytest.mark.parametrize("hostile", ["..", ".", "", "a/b", "a?b", "a#b", "a%2fb", "é", "a b", "a\nb", "x" * 201])
def test_an_id_addresses_nothing_else(client: Client, service: FakeService, hostile: str) -> None:
    for call in (client.file, client.purge, client.trash, client.show_download, client.perform, client.revoke_token):
        with pytest.raises(UsageError):
            call(hostile)
    assert service.log == []


# Secrets
@pytest.mark.parametrize("token", ["", "a b", "a\r\nx: y", "tökén", "a\x00"])
def test_a_token_that_cannot_be_one(token: str) -> None:
    with pytest.raises(UsageError) as refused:
        Client("https://files.example.com", token)
    assert not token or token not in str(refused.value)


def test_nothing_secret_is_shown_by_repr(client: Client, service: FakeService) -> None:
    record = service.add("a", b"x", "client")
    key = client.create_download_key(client.create_download([record.id]).id)
    performed = client.perform(key.key)
    made = client.create_token("x", ["files:read"])
    shown = repr([client, client._api._channel, key, performed, made])
    file = performed.files[0]
    assert file.encryption
    for secret in (service.token, key.key, performed.session, made.token, file.url, repr(file.encryption.data_key)):
        assert secret not in shown


def test_nothing_secret_is_logged_or_told_by_errors(
    service: FakeService, here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level, through successes and every kind of failure."""
    caplog.set_level(logging.DEBUG)
    client = Client(service.url, service.token, retry=AT_ONCE)
    (here / "x").write_bytes(b"content")
    secrets = [service.token]
    told: list[str] = []
    faults: list[tuple[str, dict[str, Any]]] = [
        ("nothing", {}),
        ("PUT /storage", {"status": 403}),
        ("PUT /storage", {"drop_after": 0}),
        ("GET /storage", {"status": 403}),
        ("GET /storage", {"drop_after": 0}),
        ("POST /api/public", {"lose_answer": True}),
        ("GET /api/public", {"drop_after": 0}),
        ("/api/", {"status": 500}),
        ("/api/", {"drop_after": 0}),
    ]
    for pattern, fault in faults:
        for mode in ("client", "server"):
            service.faults.clear()
            record = service.add("a", b"x", mode)
            key = service.share(record)
            secrets += [key, record.data_key.hex(), repr(record.data_key)]
            service.fail(pattern, times=99, **fault)
            for call in (
                lambda: client.put("x", encryption=mode),  # type: ignore[arg-type] # noqa: B023
                lambda: client.get(key, io.BytesIO()),  # noqa: B023
                lambda: client.get(record.id, io.BytesIO()),  # noqa: B023
            ):
                try:
                    call()
                except SealdropError as error:
                    told.append("".join(traceback.format_exception(error)) + repr(error) + str(vars(error)))
    secrets += [*service.signed, *service.keys]
    secrets += [session for download in service.downloads.values() for session in download["sessions"]]
    assert len(told) >= 30
    everything = caplog.text + "".join(told)
    assert [secret for secret in secrets if secret in everything] == []


def test_no_connection_is_no_lost_answer(service: FakeService) -> None:
    url = service.url
    service.server.server_close()
    with pytest.raises(Unreachable) as failed:
        Client(url, "t", retry=AT_ONCE).user()
    assert type(failed.value) is Unreachable


def test_no_such_host() -> None:
    with pytest.raises(Unreachable):
        Client("https://no-such-host.invalid", "t", retry=Retry(tries=1)).user()


# The rest of the library
def test_files_come_page_by_page(client: Client, service: FakeService) -> None:
    made = [service.add(f"{number}", b"x").id for number in range(7)]
    service.page_size = 3
    assert [file.id for file in client.files()] == made[::-1]
    assert service.count("GET /api/files") == 3


def test_the_trash_and_the_rejected(client: Client, service: FakeService) -> None:
    kept, trashed, rejected = (service.add(name, b"x") for name in "abc")
    client.trash(trashed.id)
    rejected.status = "rejected"
    assert [file.id for file in client.files()] == [kept.id]
    assert [file.id for file in client.files(trashed=True)] == [trashed.id]
    assert [file.id for file in client.files(status="rejected")] == [rejected.id]


def test_downloads_by_hand(client: Client, service: FakeService) -> None:
    record = service.add("a.txt", b"content", "client")
    download = client.create_download([record.id])
    key = client.create_download_key(download.id)
    view = client.show_download(key.key)
    assert (view.sender_email, view.uses_left, view.files[0].full_filename) == ("alice@example.com", 1, "a.txt")
    performed = client.perform(key.key)
    assert (performed.uses_left, performed.files[0].size) == (0, 7)
    assert client.perform(key.key, performed.session).files[0].url != performed.files[0].url
    with pytest.raises(Gone):
        client.perform(key.key)


def test_tokens_come_and_go(client: Client) -> None:
    expires = datetime(2099, 1, 1, tzinfo=UTC)
    made = client.create_token("backup", ["files:write"], expires)
    assert (made.name, made.scopes, made.expires_at, made.token[:4]) == ("backup", ("files:write",), expires, "sdt_")
    assert [token.id for token in client.tokens()] == [made.id]
    client.revoke_token(made.id)
    assert list(client.tokens()) == []


def test_a_time_without_zone_is_refused(client: Client) -> None:
    naive = datetime(2099, 1, 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        client.create_token("x", ["files:read"], naive)
    with pytest.raises(ValueError, match="zone"):
        client.put(io.BytesIO(b"x"), name="x", expires_at=naive)


def test_an_error_as_text_names_the_fields(client: Client) -> None:
    with pytest.raises(ApiError) as refusal:
        client.put(io.BytesIO(b"x"), name="a/b")
    assert str(refusal.value) == "The given data was invalid. filename: It cannot be used."
