"""Sending files to a service that now and then fails."""

import gzip
import io
import os
import secrets
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sealdrop import (
    ApiError,
    BadAnswer,
    Busy,
    Client,
    FileChanged,
    LocalFileError,
    NotAllowed,
    SealdropError,
    StorageError,
    Unreachable,
    UsageError,
)
from sealdrop.flow import Flow
from tests.unit.client.conftest import AT_ONCE
from tests.unit.client.fake_service import PART, ROUTES, FakeService

MIB = 1 << 20
FRAME = 262_144
MODES = ("client", "server")
PUT = "PUT /storage"


def content(client: Client, file_id: str) -> bytes:
    out = io.BytesIO()
    client.get(file_id, out)
    return out.getvalue()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, PART - 1, PART, PART + 1, 2 * PART])
def test_every_size_comes_back(client: Client, service: FakeService, mode: str, size: int) -> None:
    data = secrets.token_bytes(size)
    file = client.put(io.BytesIO(data), name="x.bin", encryption=mode)  # type: ignore[arg-type]
    assert (file.status, file.size, file.encryption_mode, file.full_filename) == ("ready", size, mode, "x.bin")
    assert file.stored_size == len(service.files[file.id].body or b"") == service.stored_size(service.files[file.id])
    assert content(client, file.id) == data


def test_a_sealed_file_is_sealed(client: Client, service: FakeService) -> None:
    file = client.put(io.BytesIO(b"a very secret text" * 100), name="x")
    assert b"secret" not in (service.files[file.id].body or b"")


def test_the_name_is_the_paths(client: Client, here: Path) -> None:
    (here / "Übung 1.pdf").write_bytes(b"x")
    assert client.put(here / "Übung 1.pdf").full_filename == "Übung 1.pdf"
    assert client.put(str(here / "Übung 1.pdf"), name="other.pdf").full_filename == "other.pdf"
    with (here / "Übung 1.pdf").open("rb") as file:
        assert client.put(file).full_filename == "Übung 1.pdf"


def test_bytes_without_a_name_need_one(client: Client) -> None:
    with pytest.raises(UsageError):
        client.put(io.BytesIO(b"x"))


def test_a_stream_is_taken_from_where_it_stands(client: Client) -> None:
    stream = io.BytesIO(b"header|content")
    stream.seek(7)
    assert content(client, client.put(stream, name="x").id) == b"content"


def test_a_pipe_is_spooled(client: Client) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as end:
        end.write(b"through a pipe")
    with os.fdopen(reader, "rb") as stream:
        assert content(client, client.put(stream, name="x").id) == b"through a pipe"


def test_a_named_pipe_is_spooled(client: Client, here: Path) -> None:
    import threading

    os.mkfifo(here / "fifo")
    writing = threading.Thread(target=(here / "fifo").write_bytes, args=(b"through a fifo",))
    writing.start()
    file = client.put(here / "fifo")
    writing.join()
    assert (content(client, file.id), file.full_filename) == (b"through a fifo", "fifo")


def test_a_file_object_that_unpacks_is_read_unpacked(client: Client, here: Path) -> None:
    """Its descriptor is that of the packed file."""
    with gzip.open(here / "x.gz", "wb") as packed:
        packed.write(b"unpacked" * 1000)
    with gzip.open(here / "x.gz", "rb") as stream:
        file = client.put(stream, name="x", encryption="server")  # type: ignore[arg-type]
    assert content(client, file.id) == b"unpacked" * 1000


def test_text_streams_are_refused(client: Client) -> None:
    with pytest.raises(TypeError):
        client.put(io.StringIO("text"), name="x")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["missing", "."])
def test_what_cannot_be_read(client: Client, service: FakeService, path: str) -> None:
    with pytest.raises(LocalFileError):
        client.put(path)
    assert service.log == []


def test_digests_are_declared_where_the_mode_allows(client: Client, service: FakeService) -> None:
    file = client.put(io.BytesIO(b"x"), name="x", encryption="server")
    assert file.checksum_sha256 == "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="
    big = client.put(io.BytesIO(bytes(7 * MIB)), name="x", encryption="server")
    parts = service.files[big.id].parts
    assert len(parts) == 7
    assert all(digest for _, digest in parts.values())
    assert service.count("POST .*/parts") == 2


def test_sealed_parts_share_calls_for_addresses(client: Client, service: FakeService) -> None:
    """The first hundred come with the file; the data key is not unwrapped again for each part."""
    client.put(io.BytesIO(bytes(5 * MIB)), name="x")
    assert service.count(PUT) == 6
    assert service.count("POST .*/parts") == 0


def test_the_token_goes_to_the_api_alone(client: Client, service: FakeService) -> None:
    """The fake refuses it elsewhere; this is to know that it looks."""
    record = service.add("x", b"content")
    out = io.BytesIO()
    client.get(record.id, out)
    assert out.getvalue() == b"content"
    assert service.count("storage") == 1


# Faults on the way. Each is met by another attempt, and costs nothing but that.
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [1000, 3 * MIB, 7 * MIB])
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "s3_code": "SlowDown", "headers": {"retry-after": "0"}},
        {"status": 429},
        {"status": 400, "s3_code": "RequestTimeout"},
        {"status": 409, "s3_code": "ConditionalRequestConflict"},
        {"status": 403, "s3_code": "AccessDenied"},
        {"status": 400, "s3_code": "ExpiredToken"},
        {"drop_after": 500},
        {"lose_answer": True},
    ],
    ids=str,
)
def test_a_storage_that_fails_twice(
    client: Client, service: FakeService, mode: str, size: int, fault: dict[str, object]
) -> None:
    data = secrets.token_bytes(size)
    service.fail(PUT, times=2, **fault)
    file = client.put(io.BytesIO(data), name="x", encryption=mode)  # type: ignore[arg-type]
    assert content(client, file.id) == data
    assert len(service.files) == 1


@pytest.mark.parametrize("mode", MODES)
def test_expired_addresses_are_signed_anew(client: Client, service: FakeService, mode: str) -> None:
    """All of them at once, in the middle: only what is still to come is asked for again."""
    data = secrets.token_bytes(7 * MIB)
    service.fail(PUT, times=1, status=500)
    seen: list[int] = []

    def progress(done: int, total: int) -> None:
        if done > 3 * MIB and not seen:
            seen.append(done)
            service.expire_addresses()

    file = client.put(io.BytesIO(data), name="x", encryption=mode, progress=progress)  # type: ignore[arg-type]
    assert seen
    assert content(client, file.id) == data


def test_a_lost_answer_to_the_single_put_shows_as_412(client: Client, service: FakeService) -> None:
    service.fail(PUT, lose_answer=True)
    file = client.put(io.BytesIO(b"once"), name="x", encryption="server")
    assert service.count(PUT) == 2
    assert content(client, file.id) == b"once"


def test_a_lost_answer_to_an_upload_that_the_event_has_finished(client: Client, service: FakeService) -> None:
    """The address cannot be renewed any more (409), because the file is ready already."""

    def finish() -> None:
        for record in service.files.values():
            record.status = "ready"

    service.fail(PUT, lose_answer=True)
    service.fail("POST .*/parts", before=finish)
    file = client.put(io.BytesIO(b"once"), name="x", encryption="server")
    assert (file.status, service.count(PUT)) == ("ready", 1)


@pytest.mark.parametrize("mode", MODES)
def test_a_race_for_addresses_is_run_again(client: Client, service: FakeService, mode: str) -> None:
    """Of an upload that goes on. It was once taken for `upload_over`, and the part counted as sent."""
    data = secrets.token_bytes(7 * MIB)
    service.fail(PUT, times=4, status=403, s3_code="AccessDenied")
    service.fail("POST .*/parts", times=3, status=409, code="conflict")
    file = client.put(io.BytesIO(data), name="x", encryption=mode)  # type: ignore[arg-type]
    assert content(client, file.id) == data


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 504}, {"lose_answer": True}, {"drop_after": 0}], ids=str)
@pytest.mark.parametrize("step", ["POST /api/files$", "POST .*/parts", "POST .*/complete"])
def test_an_api_that_fails_twice(client: Client, service: FakeService, step: str, fault: dict[str, object]) -> None:
    service.fail(step, times=2, **fault)
    file = client.put(io.BytesIO(bytes(7 * MIB)), name="x", encryption="server")
    assert file.status == "ready"


def test_what_the_storage_refuses_for_good(client: Client, service: FakeService) -> None:
    service.fail(PUT, times=99, status=400, s3_code="EntityTooLarge")
    with pytest.raises(StorageError, match="EntityTooLarge"):
        client.put(io.BytesIO(b"x"), name="x")
    assert service.count(PUT) == 1
    assert service.files == {}


def test_patience_ends(client: Client, service: FakeService) -> None:
    service.fail(PUT, times=99, status=503)
    with pytest.raises(StorageError, match="503"):
        client.put(io.BytesIO(bytes(3 * MIB)), name="x")
    assert service.files == {}
    assert service.count(PUT) <= 4 * AT_ONCE.tries


def test_an_error_in_one_part_ends_the_others(client: Client, service: FakeService) -> None:
    service.fail(PUT, times=1, status=400, s3_code="EntityTooLarge")
    with pytest.raises(StorageError, match="EntityTooLarge"):
        client.put(io.BytesIO(bytes(60 * MIB)), name="x")
    assert service.count(PUT) < 20
    assert service.files == {}


# A file that changes while it is read
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [1000, 3 * MIB, 7 * MIB])
@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_is_withdrawn(
    client: Client, service: FakeService, here: Path, mode: str, size: int, change: str
) -> None:
    path = here / "x.bin"
    path.write_bytes(bytes(size))
    os.utime(path, (1_000_000, 1_000_000))

    def disturb() -> None:
        with path.open("r+b") as file:
            if change == "grow":
                file.seek(0, os.SEEK_END)
                file.write(b"more")
            elif change == "shrink":
                file.truncate(size // 2)
            else:
                file.seek(size - 10)
                file.write(b"other")

    service.fail("POST /api/files$", before=disturb)
    with pytest.raises(FileChanged):
        client.put(path, encryption=mode)  # type: ignore[arg-type]
    assert service.files == {}


def test_bytes_that_change_under_a_signed_digest(client: Client, service: FakeService, here: Path) -> None:
    """Even where size and time stay as they were, S3 finds it, and reading again tells that it was the file."""
    path = here / "x.bin"
    path.write_bytes(bytes(1000))

    def disturb() -> None:
        before = path.stat()
        path.write_bytes(b"\1" * 1000)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    service.fail("POST /api/files$", before=disturb)
    with pytest.raises(FileChanged):
        client.put(path, encryption="server")
    assert service.files == {}


def test_bytes_that_the_network_changed_are_sent_again(client: Client, service: FakeService) -> None:
    service.fail(PUT, status=400, s3_code="BadDigest")
    file = client.put(io.BytesIO(b"content"), name="x", encryption="server")
    assert content(client, file.id) == b"content"


# What an interrupted or refused upload leaves behind
@pytest.mark.parametrize("mode", MODES)
def test_an_interrupt_withdraws_what_is_pending(client: Client, service: FakeService, mode: str) -> None:
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.put(io.BytesIO(bytes(2 * MIB)), name="x", encryption=mode, progress=interrupt)  # type: ignore[arg-type]
    assert service.files == {}


def test_a_failing_withdrawal_does_not_hide_the_error(client: Client, service: FakeService) -> None:
    service.fail(PUT, times=99, status=400, s3_code="EntityTooLarge")
    service.fail("DELETE", times=99, status=500)
    with pytest.raises(StorageError, match="EntityTooLarge"):
        client.put(io.BytesIO(b"x"), name="x")
    assert service.count("DELETE") == 1


def test_a_rejected_file_says_why(client: Client, service: FakeService) -> None:
    def reject() -> None:
        for record in service.files.values():
            record.status, record.rejected_reason = "rejected", "It is not sealed as agreed."

    service.fail("POST .*/complete", before=reject)
    with pytest.raises(ApiError) as refused:
        client.put(io.BytesIO(b"x"), name="x")
    assert refused.value.errors == {"file": ("It is not sealed as agreed.",)}


@pytest.mark.parametrize("name", ["a/b", "", "x" * 256, "a\nb"])
def test_a_name_that_the_service_refuses(client: Client, service: FakeService, name: str) -> None:
    with pytest.raises(SealdropError):
        client.put(io.BytesIO(b"x"), name=name)
    assert service.files == {}


def test_a_wrong_token(service: FakeService) -> None:
    with pytest.raises(NotAllowed):
        Client(service.url, "sdt_wrong").put(io.BytesIO(b"x"), name="x")


def test_nobody_there(service: FakeService) -> None:
    url = service.url
    service.server.server_close()
    with pytest.raises(Unreachable, match="could not connect"):
        Client(url, "t", retry=AT_ONCE).put(io.BytesIO(b"x"), name="x")


# What the service answers is not taken on trust
@pytest.mark.parametrize("wished", MODES)
def test_another_mode_than_was_asked_for(
    client: Client, service: FakeService, wished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the answer fits together, and that it is not what was asked for is all that gives it away."""
    create = ROUTES[0][1]
    other = {"client": "server", "server": "client"}[wished]

    def downgraded(service: FakeService, *, body: Any, query: Any) -> Any:
        asked = {name: value for name, value in body.items() if name in ("filename", "size")}
        return create(service, body={**asked, "encryption": other}, query=query)

    monkeypatch.setattr("tests.unit.client.fake_service.ROUTES", [("POST /files", downgraded), *ROUTES])
    with pytest.raises(BadAnswer, match="another encryption mode"):
        client.put(io.BytesIO(b"content"), name="x", encryption=wished)  # type: ignore[arg-type]
    assert service.count("PUT") == 0
    assert service.files == {}


def test_a_mode_that_changes_at_the_end(client: Client, service: FakeService) -> None:
    def downgrade() -> None:
        for record in service.files.values():
            record.mode, record.status = "server", "ready"

    service.fail("POST .*/complete", before=downgrade)
    with pytest.raises(BadAnswer, match="another encryption mode"):
        client.put(io.BytesIO(b"content"), name="x")


@pytest.mark.parametrize(
    "change",
    [
        {"size": 8},
        {"encrypted_size": 7},
        {"encryption_mode": "server"},
        {"status": "ready"},
        {"upload": {"method": "POST", "url": "http://127.0.0.1/", "headers": {}}},
        {"upload": {"method": "PUT", "url": "http://evil.example/", "headers": {}}},
        {"upload": {"method": "PUT", "url": "ftp://127.0.0.1/", "headers": {}}},
        {"upload": {"method": "PUT", "url": "http://127.0.0.1:1/", "headers": {"x": "a\r\nauthorization: b"}}},
        {"upload": {"part_size": 0, "part_count": 1, "parts": []}},
        {"upload": {"part_size": 5, "part_count": 2, "parts": []}},
    ],
    ids=str,
)
def test_terms_that_do_not_fit_the_file(
    client: Client, service: FakeService, change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = service.ticket
    monkeypatch.setattr(service, "ticket", lambda record, wanted: {**ticket(record, wanted), **change})
    with pytest.raises(BadAnswer):
        client.put(io.BytesIO(b"content"), name="x")
    assert service.count("PUT") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "AES_256_GCM_IV12_TAG16_HKDF_SHA256"},
        {"frame_length": 4096},
        {"key_provider": "raw"},
        {"data_key": "c2hvcnQ="},
        {"data_key": "***"},
        {"encryption_context": {"file": "another", "account": "a"}},
        {"encryption_context": {"account": "a"}},
        {"encrypted_data_key": None},
    ],
    ids=str,
)
def test_sealing_terms_that_are_not_ours(
    client: Client, service: FakeService, change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    encryption = service.encryption
    monkeypatch.setattr(service, "encryption", lambda record: {**encryption(record), **change})
    with pytest.raises(BadAnswer):
        client.put(io.BytesIO(b"content"), name="x")
    assert service.count("PUT") == 0


def test_progress_counts_stored_bytes_and_takes_back_failed_ones(client: Client, service: FakeService) -> None:
    seen: list[tuple[int, int]] = []
    service.fail(PUT, times=2, drop_after=MIB // 2)
    file = client.put(io.BytesIO(bytes(3 * MIB)), name="x", progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, file.stored_size)
    assert seen[-1] == (file.stored_size, file.stored_size)
    assert all(0 <= done <= total == file.stored_size for done, total in seen)
    assert any(later[0] < earlier[0] for earlier, later in pairwise(seen))


def test_the_storages_pace_is_kept(client: Client, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(Flow, "sleep", lambda _self, seconds: pauses.append(seconds))
    service.fail(PUT, times=2, status=503, headers={"retry-after": "7"})
    client.put(io.BytesIO(b"x"), name="x")
    assert pauses == [7, 7]


def test_too_long_a_pause_is_an_error_at_once(client: Client, service: FakeService) -> None:
    service.fail("POST /api/files", times=99, status=503, headers={"retry-after": "3600"})
    with pytest.raises(Busy):
        client.put(io.BytesIO(b"x"), name="x")
    assert service.count("POST /api/files") == 1
