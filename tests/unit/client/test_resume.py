"""Uploads that are taken up again: which, and which never."""

import io
import json
import os
import secrets
from pathlib import Path

import pytest

from sealdrop import Client, SealdropError, StorageError
from sealdrop.state import state_directory
from tests.unit.client.fake_service import FakeService

MIB = 1 << 20
SIZE = 16 * MIB + 5
PUT = "PUT /storage"


@pytest.fixture
def path(here: Path) -> Path:
    path = here / "big.bin"
    path.write_bytes(secrets.token_bytes(SIZE))
    return path


class Power(Exception):
    """As if the machine had lost it: nothing is cleaned up."""


def break_off(client: Client, service: FakeService, path: Path, after: int = 6 * MIB, **options: str) -> None:
    """An upload that the storage ends in the middle."""

    def progress(done: int, total: int) -> None:
        if done > after and not any(fault.times for fault in service.faults):
            service.fail(PUT, times=999, status=503)

    with pytest.raises(StorageError):
        client.put(path, encryption="server", progress=progress, **options)  # type: ignore[arg-type]
    service.faults.clear()


def entries() -> list[Path]:
    return sorted(state_directory("uploads").glob("*"))


def fetched(client: Client, file_id: str) -> bytes:
    out = io.BytesIO()
    client.get(file_id, out)
    return out.getvalue()


def test_a_plain_upload_goes_on_where_it_ended(client: Client, service: FakeService, path: Path) -> None:
    break_off(client, service, path)
    (pending,) = service.files.values()
    arrived = set(pending.parts)
    assert arrived
    assert len(entries()) == 1
    service.log.clear()
    seen: list[int] = []
    file = client.put(path, encryption="server", progress=lambda done, _total: seen.append(done))
    assert file.id == pending.id
    assert arrived.isdisjoint(service.stored[len(arrived) :])
    assert seen[0] >= sum(len(pending.parts[number][0]) for number in arrived)
    assert fetched(client, file.id) == path.read_bytes()
    assert entries() == []


def test_an_interrupt_keeps_what_has_arrived(client: Client, service: FakeService, path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > 6 * MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.put(path, encryption="server", progress=interrupt)
    (pending,) = service.files
    assert client.put(path, encryption="server").id == pending


@pytest.mark.parametrize("status", [500, 502, 503, 409])
@pytest.mark.parametrize("step", ["complete", "parts"])
def test_a_service_that_fails_costs_nothing_that_has_arrived(
    client: Client, service: FakeService, path: Path, step: str, status: int
) -> None:
    service.fail(f"POST .*/{step}", times=999, status=status)
    with pytest.raises(SealdropError):
        client.put(path, encryption="server")
    service.faults.clear()
    (pending,) = service.files
    sent = service.count(PUT)
    assert client.put(path, encryption="server").id == pending
    assert step == "parts" or service.count(PUT) == sent


def test_what_the_service_finds_wrong_is_withdrawn(client: Client, service: FakeService, path: Path) -> None:
    service.fail("POST .*/complete", status=422, code="invalid")
    with pytest.raises(SealdropError):
        client.put(path, encryption="server")
    assert service.files == {}
    assert entries() == []


def test_the_entry_holds_no_secret_and_is_private(client: Client, service: FakeService, path: Path) -> None:
    break_off(client, service, path)
    (entry,) = entries()
    assert entry.stat().st_mode & 0o777 == 0o600
    assert entry.parent.stat().st_mode & 0o777 == 0o700
    assert json.loads(entry.read_text()).keys() == {"file_id", "encryption_mode", "part_size", "part_count"}
    assert service.token not in entry.read_text()


def test_a_changed_file_begins_anew(client: Client, service: FakeService, path: Path) -> None:
    break_off(client, service, path)
    (first,) = service.files
    with path.open("ab") as file:
        file.write(b"more")
    assert client.put(path, encryption="server").id != first


def test_content_changed_under_the_same_size_and_time(client: Client, service: FakeService, path: Path) -> None:
    """The digests of what has arrived tell; the old upload is withdrawn."""
    break_off(client, service, path)
    (first,) = service.files
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"changed")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    file_id = client.put(path, encryption="server").id
    assert file_id != first
    assert list(service.files) == [file_id]
    assert fetched(client, file_id) == path.read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.parts.update({1: (b"short", None)}),
        lambda record: record.parts.update({99: (b"x", None)}),
        lambda record: record.parts.update({1: (record.parts[1][0], None)}),
        lambda record: setattr(record, "size", record.size + 1),
    ],
    ids=["another size", "a part too many", "no digest", "another file size"],
)
def test_any_difference_begins_anew(client: Client, service: FakeService, path: Path, change: object) -> None:
    break_off(client, service, path)
    (first,) = service.files
    change(service.files[first])  # type: ignore[operator]
    file_id = client.put(path, encryption="server").id
    assert list(service.files) == [file_id] != [first]


def test_a_file_that_is_gone_meanwhile(client: Client, service: FakeService, path: Path) -> None:
    break_off(client, service, path)
    service.files.clear()
    assert client.put(path, encryption="server").status == "ready"


def test_a_token_that_may_not_read_begins_anew(client: Client, service: FakeService, path: Path) -> None:
    """One that only writes is what a backup should have: it must not fail for good."""
    break_off(client, service, path)
    (first,) = service.files
    service.fail("GET /api/files", status=403, code="missing_scope")
    assert client.put(path, encryption="server").id != first
    assert entries() == []


def test_a_file_that_became_ready_unnoticed_is_the_answer(client: Client, service: FakeService, path: Path) -> None:
    service.fail("POST .*/complete", times=999, lose_answer=True)
    with pytest.raises(SealdropError):
        client.put(path, encryption="server")
    service.faults.clear()
    (first,) = service.files.values()
    assert first.status == "ready"
    service.log.clear()
    assert client.put(path, encryption="server").id == first.id
    assert service.count(PUT) == 0
    assert entries() == []


def test_a_rejected_one_is_left_alone(client: Client, service: FakeService, path: Path) -> None:
    """Only what is pending is ever withdrawn."""
    break_off(client, service, path)
    (first,) = service.files.values()
    first.status = "rejected"
    assert client.put(path, encryption="server").id != first.id
    assert first.id in service.files


@pytest.mark.parametrize("other", [{"name": "other.bin"}, {"encryption": "client"}], ids=str)
def test_another_wish_is_another_upload(
    client: Client, service: FakeService, path: Path, other: dict[str, str]
) -> None:
    break_off(client, service, path)
    (first,) = service.files
    assert client.put(path, **{"encryption": "server", **other}).id != first  # type: ignore[arg-type]


def test_a_later_expiry_is_kept(client: Client, service: FakeService, path: Path) -> None:
    from datetime import UTC, datetime

    break_off(client, service, path)
    when = datetime(2099, 1, 1, tzinfo=UTC)
    assert client.put(path, encryption="server", expires_at=when).expires_at == when


def test_a_sealed_upload_begins_again_and_withdraws_the_old_one(
    client: Client, service: FakeService, path: Path
) -> None:
    """Cut off without a chance to clean up. Its key and message id are never used again."""
    kept: list[tuple[Path, bytes]] = []

    def progress(done: int, _total: int) -> None:
        if done > 6 * MIB:
            kept.extend((entry, entry.read_bytes()) for entry in entries())
            service.fail("DELETE", times=999, status=500)
            raise Power

    with pytest.raises(Power):
        client.put(path, progress=progress)
    service.faults.clear()
    (first,) = service.files
    entry, content = kept[0]
    entry.write_bytes(content)  # a machine without power would not have removed it
    file_id = client.put(path).id
    assert list(service.files) == [file_id] != [first]
    assert fetched(client, file_id) == path.read_bytes()
    assert entries() == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"file_id": 1}', "\x00\xff", '{"file_id": "../x"}'])
def test_a_damaged_entry_counts_as_none(client: Client, service: FakeService, path: Path, text: str) -> None:
    break_off(client, service, path)
    (entry,) = entries()
    entry.write_text(text, encoding="latin-1")
    assert client.put(path, encryption="server").status == "ready"


def test_two_uploads_of_one_file_do_not_disturb_each_other(client: Client, service: FakeService, path: Path) -> None:
    """The second begins while the first is under way: it must neither take it up nor withdraw it."""
    others: list[str] = []

    def progress(done: int, total: int) -> None:
        if done > 6 * MIB and not others:
            others.append("begun")
            others.append(client.put(path, encryption="server").id)

    first = client.put(path, encryption="server", progress=progress).id
    assert {first, others[1]} == set(service.files)
    assert fetched(client, first) == fetched(client, others[1])


def test_without_a_place_for_a_journal_uploads_work_all_the_same(
    client: Client, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert client.put(path, encryption="server").status == "ready"


def test_small_files_leave_no_entry(client: Client, service: FakeService, here: Path) -> None:
    (here / "small").write_bytes(b"x")
    service.fail(PUT, times=999, status=503)
    with pytest.raises(StorageError):
        client.put(here / "small", encryption="server")
    assert entries() == []
    assert service.files == {}
