"""Downloads that are taken up again after their use was spent, and what is kept for that."""

import fcntl
import io
import json
import os
import re
import secrets
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sealdrop import Client, Gone, LocalFileError, NotAuthentic, SealdropError, StorageError
from sealdrop.state import locked, state_directory
from tests.unit.client.conftest import AT_ONCE, Run, tree
from tests.unit.client.fake_service import FakeService, Record
from tests.unit.client.test_cli_process import Started, started

__all__ = ["started"]

MIB = 1 << 20
CONTENT = secrets.token_bytes(3 * MIB + 17)
GET = "GET /storage"
PERFORM = "POST /api/public/downloads"


class Power(BaseException):
    """As if the machine had lost it."""


@pytest.fixture(params=["client", "server"])
def record(request: pytest.FixtureRequest, service: FakeService) -> Record:
    return service.add("report.pdf", CONTENT, request.param)


@pytest.fixture
def several(service: FakeService) -> list[Record]:
    """Sealed and plain, two of one name."""
    modes = {"a.txt": "client", "b.txt": "server"}
    return [service.add(name, CONTENT + name.encode(), modes[name]) for name in ("a.txt", "b.txt", "a.txt")]


def kept() -> list[Path]:
    return sorted(state_directory("downloads").glob("*"))


def uses_left(service: FakeService, key: str) -> int:
    uses: int = service.downloads[key]["uses"]
    return uses


def break_off(client: Client, service: FakeService, key: str, *at: Any, times: int = 999, **options: Any) -> None:
    """A download that the storage ends in the middle."""
    service.fail(GET, times=times, status=503)
    with pytest.raises(StorageError):
        client.get(key, *at, **options)
    service.faults.clear()


def changed(**fields: object) -> None:
    """The one file that is kept says something else."""
    (path,) = kept()
    first, _, rest = path.read_text().strip().partition("\n")
    path.write_text(json.dumps({**json.loads(first), **fields}) + "\n" + rest)


# Going on
def test_what_was_cut_off_goes_on_without_a_use(
    client: Client, service: FakeService, record: Record, here: Path
) -> None:
    key, heard = service.share(record), list[str]()
    break_off(client, service, key)
    assert (uses_left(service, key), tree(here), len(kept())) == (0, [], 1)
    (saved,) = client.get(key, tell=heard.append)
    assert (saved.path, saved.verified) == (Path("report.pdf"), True)
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert heard == ["going on with the download that was interrupted: 0 of 1 files are there; no use is spent"]
    assert kept() == []
    with pytest.raises(Gone):
        client.get(key)


def test_of_a_download_with_more_uses_none_is_spent(client: Client, service: FakeService, record: Record) -> None:
    key = service.share(record, uses=5)
    break_off(client, service, key)
    client.get(key, io.BytesIO())
    assert uses_left(service, key) == 4
    client.get(key, io.BytesIO())
    assert uses_left(service, key) == 3, "what went well is not gone on with"


def test_it_may_go_somewhere_else(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record)
    break_off(client, service, key, "first.pdf")
    client.get(key, "elsewhere/")
    assert tree(here) == ["elsewhere", "elsewhere/report.pdf"]


def test_it_may_go_into_a_stream(client: Client, service: FakeService, record: Record) -> None:
    key, out = service.share(record), io.BytesIO()
    break_off(client, service, key)
    client.get(key, out)
    assert out.getvalue() == CONTENT


def test_behind_a_pin_no_pin_is_asked_for(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record, pin="1a2s3d")
    break_off(client, service, key, pin="1a2s3d")
    (here / "report.pdf").write_bytes(b"mine")
    (saved,) = client.get(key)
    assert saved.path == Path("report (2).pdf")
    assert (here / "report.pdf").read_bytes() == b"mine"


@pytest.mark.parametrize("force", [False, True])
def test_only_missing_files_are_fetched(
    client: Client, service: FakeService, several: list[Record], here: Path, *, force: bool
) -> None:
    key, heard = service.share(*several), list[str]()
    service.fail(f"{GET}/files/{several[1].id}", times=999, status=503)
    service.fail(f"{GET}/files/{several[2].id}", times=999, status=503)
    with pytest.raises(StorageError):
        client.get(key, overwrite=force)
    assert tree(here) == ["a.txt"]
    service.faults.clear()
    service.log.clear()
    saved = client.get(key, overwrite=force, tell=heard.append)
    assert [file.path and file.path.name for file in saved] == ["a.txt", "b.txt", "a (2).txt"]
    for file, record in zip(saved, several, strict=True):
        assert file.path
        assert file.path.read_bytes() == CONTENT + record.name.encode()
    assert service.count(GET) == 2
    assert "1 of 3 files are there" in heard[0]
    assert kept() == []


def test_a_file_that_was_taken_away_meanwhile_is_fetched_again(
    client: Client, service: FakeService, several: list[Record], here: Path
) -> None:
    key = service.share(*several)
    service.fail(f"{GET}/files/{several[2].id}", times=999, status=503)
    with pytest.raises(StorageError):
        client.get(key)
    service.faults.clear()
    (here / "b.txt").unlink()
    (here / "a.txt").write_bytes(b"changed by its owner")
    saved = client.get(key)
    assert [file.path and file.path.name for file in saved] == ["a (2).txt", "b.txt", "a (3).txt"]
    assert (here / "a.txt").read_bytes() == b"changed by its owner"


def test_a_file_that_is_withdrawn_meanwhile_is_named(
    client: Client, service: FakeService, several: list[Record], here: Path
) -> None:
    key = service.share(*several)
    service.fail(GET, times=999, status=503)
    with pytest.raises(StorageError):
        client.get(key)
    service.faults.clear()
    del service.files[several[1].id]
    with pytest.raises(Gone, match=r"b\.txt: the file was withdrawn") as refusal:
        client.get(key)
    assert (refusal.value.again_until, kept()) == (None, []), "there is nothing to go on with"
    assert tree(here) == ["a (2).txt", "a.txt"]


def test_a_full_disk_costs_nothing(
    client: Client, service: FakeService, record: Record, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.share(record)

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("sealdrop.destination.os.fsync", lambda fd: refuse(fd) if tree(here) else None)
        with pytest.raises(LocalFileError, match="No space left") as refusal:
            client.get(key)
    assert refusal.value.again_until is not None
    client.get(key)
    assert (here / "report.pdf").read_bytes() == CONTENT


# What is said
def test_an_error_says_until_when(run: Run, service: FakeService, record: Record) -> None:
    key = service.share(record)
    service.fail(GET, times=999, status=503)
    failed = run("get", key)
    assert failed.code == 1
    assert re.search(r"\n  Run it again before \d\d:\d\d UTC to go on: no further use is spent\.\n$", failed.err)
    error = json.loads(run("get", key, "--json").err)["error"]
    assert datetime.fromisoformat(error["again_until"]) > datetime.now(UTC)
    service.faults.clear()
    going = run("get", key)
    assert (going.code, going.text) == (0, "report.pdf\n")
    assert going.err.startswith("sealdrop: going on with the download that was interrupted")


def test_it_is_said_only_where_it_is_true(
    run: Run, service: FakeService, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one's own file, before the use is spent, and where nothing can be kept."""
    service.fail(GET, times=999, status=503)
    assert "again before" not in run("get", record.id).err
    service.fail(PERFORM, status=410, code="gone")
    assert "again before" not in run("get", service.share(record)).err
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    assert "again before" not in run("get", service.share(record)).err
    assert json.loads(run("get", record.id, "--json").err)["error"]["again_until"] is None


def test_an_interrupt_says_until_when(client: Client, service: FakeService, record: Record) -> None:
    key, heard = service.share(record), list[str]()

    def progress(_done: int, _total: int) -> None:
        raise Power

    with pytest.raises(Power):
        client.get(key, progress=progress, tell=heard.append)
    assert re.fullmatch(r"Run it again before \d\d:\d\d UTC to go on: no further use is spent\.", heard[0])
    client.get(key)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_process_that_is_stopped(
    service: FakeService, record: Record, here: Path, started: list[Started], number: int, code: int
) -> None:
    key = service.share(record)
    service.fail(GET, drop_after=2 * MIB)
    service.fail(GET, before=lambda: started[0].process.send_signal(number))
    started.append(Started(service, "get", key))
    returned, _, err = started[0].finish()
    assert returned == code
    assert (b"Run it again before" in err) == (code > 0)
    assert "report.pdf" not in tree(here)
    started.append(Started(service, "get", key))
    returned, out, err = started[1].finish()
    assert (returned, out) == (0, b"report.pdf\n")
    assert b"going on" in err
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert tree(here) == ["report.pdf"], "and what the crash left is gone"
    assert (kept(), uses_left(service, key)) == ([], 0)


# Two at once
def test_two_at_once_spend_one_use(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record, uses=2)
    refused: list[SealdropError] = []

    def another() -> None:
        with pytest.raises(LocalFileError, match="another command on this machine") as refusal:
            Client(service.url, retry=AT_ONCE).get(key, "second.pdf")
        refused.append(refusal.value)

    service.fail(GET, before=another)
    client.get(key, "first.pdf")
    assert (len(refused), uses_left(service, key), tree(here)) == (1, 1, ["first.pdf"])


def test_of_many_at_once_one_goes_on(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record)
    break_off(client, service, key)
    outcomes: list[str] = []
    together = threading.Barrier(6)

    def go(number: int) -> None:
        together.wait()
        try:
            Client(service.url, retry=AT_ONCE).get(key, here / f"{number}.pdf")
            outcomes.append("got it")
        except (LocalFileError, Gone) as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("got it"), len(outcomes), len(tree(here))) == (1, 6, 1)
    assert kept() == []


def test_whoever_ends_between_our_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on a file that its last user has removed guards nothing: the next command would make another."""
    locks: list[Path] = []

    def flock(file: Any, operation: int) -> None:
        fcntl.flock(file, operation)
        locks.append(Path(file.name))
        if len(locks) == 1:
            locks[0].unlink()

    monkeypatch.setattr("sealdrop.state.fcntl", SimpleNamespace(flock=flock, LOCK_EX=2, LOCK_NB=4))
    with locked("downloads", "a key") as file:
        assert os.path.samestat(os.fstat(file.fileno()), locks[0].stat())
    assert len(locks) == 2


# What is kept, and attacks on it
def test_it_is_private_and_its_name_tells_nothing(client: Client, service: FakeService, record: Record) -> None:
    key = service.share(record)
    before = os.umask(0)
    try:
        break_off(client, service, key)
    finally:
        os.umask(before)
    (path,) = kept()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert key not in path.name
    assert service.token not in path.read_text()


def test_another_service_is_told_nothing(client: Client, service: FakeService, record: Record) -> None:
    """A link's text may be put behind any host."""
    key = service.share(record)
    break_off(client, service, key)
    session = json.loads(kept()[0].read_text().split("\n")[1])["session"]
    with FakeService() as other:
        sent: list[str] = []
        other.fail(PERFORM, before=lambda: sent.append("something"))
        with pytest.raises(SealdropError):
            client.get(f"{other.url}/public/downloads/{key}")
        assert sent == []
        assert not any(session in line for line in other.log)
    assert len(kept()) == 1


def test_a_session_that_has_ended(client: Client, service: FakeService, record: Record) -> None:
    """The service's word counts; what is kept of it goes, and the next use is a use."""
    key, heard = service.share(record, uses=2), list[str]()
    break_off(client, service, key)
    service.downloads[key]["sessions"].clear()
    client.get(key, tell=heard.append)
    assert heard == ["the download that was interrupted cannot go on, its session has ended: beginning anew"]
    assert (kept(), uses_left(service, key)) == ([], 0)


def test_what_has_ended_is_tidied_up_by_any_download(client: Client, service: FakeService, record: Record) -> None:
    break_off(client, service, service.share(record))
    (old,) = kept()
    changed(session_expires_at=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    garbled = old.with_name("0" * 64 + ".json")
    garbled.write_text("{")
    break_off(client, service, service.share(record))
    assert len(kept()) == 1
    assert not {old, garbled} & set(kept())
    break_off(client, service, service.share(record))
    assert len(kept()) == 2, "what is alive stays"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "\x00\xff\n{}", '{"key": 1}', '{"key": "k"}', '\n\n{"files": []}', "[" * 100_000],
    ids=lambda text: repr(text[:12]),
)
def test_a_garbled_one_is_not_used_and_removed(client: Client, service: FakeService, record: Record, text: str) -> None:
    key, heard = service.share(record, uses=2), list[str]()
    break_off(client, service, key)
    (path,) = kept()
    path.write_text(text, encoding="latin-1")
    client.get(key, tell=heard.append)
    assert heard[0].startswith("what is kept of an interrupted download is not used, and removed: ")
    assert (kept(), uses_left(service, key)) == ([], 0)


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o602])
def test_one_that_others_could_change_is_not_used(
    client: Client, service: FakeService, record: Record, mode: int
) -> None:
    key, heard = service.share(record, uses=2), list[str]()
    break_off(client, service, key)
    kept()[0].chmod(mode)
    client.get(key, tell=heard.append)
    assert "others on this machine could read or write it" in heard[0]
    assert uses_left(service, key) == 0


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o606])
def test_one_that_others_put_there_is_told_nothing(
    client: Client, service: FakeService, record: Record, mode: int
) -> None:
    """Where XDG_STATE_HOME is a folder of all: an empty file that waits for data keys."""
    key = service.share(record, uses=2)
    break_off(client, service, key)
    (path,) = kept()
    path.write_bytes(b"")
    path.chmod(mode)
    with path.open("rb") as waiting:
        break_off(client, service, key)
        assert waiting.read() == b""


def test_a_link_in_its_place_is_not_followed(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record, uses=2)
    break_off(client, service, key)
    (path,) = kept()
    path.rename(here / "moved")
    path.symlink_to(here / "moved")
    client.get(key, io.BytesIO())
    assert (uses_left(service, key), path.is_symlink()) == (0, True)


def test_another_data_key_opens_nothing(client: Client, service: FakeService, here: Path) -> None:
    key = service.share(service.add("report.pdf", CONTENT, "client"))
    break_off(client, service, key)
    (path,) = kept()
    path.write_text(re.sub(r'"data_key": "[^"]+"', f'"data_key": "{"A" * 43}="', path.read_text()))
    with pytest.raises(NotAuthentic):
        client.get(key)
    assert tree(here) == []


def test_a_service_that_turns_a_sealed_file_plain_later(client: Client, service: FakeService, here: Path) -> None:
    """What was told with the use holds on."""
    record = service.add("report.pdf", CONTENT, "client")
    key = service.share(record)
    break_off(client, service, key)
    record.mode, record.body = "server", CONTENT
    with pytest.raises(SealdropError):
        client.get(key)
    assert tree(here) == []


def test_what_was_handed_out_unlike_the_offer_is_not_kept(client: Client, service: FakeService, here: Path) -> None:
    record = service.add("report.pdf", CONTENT)
    key = service.share(record)
    service.tamper = lambda answer: answer["files"][0].update(size=5)
    with pytest.raises(NotAuthentic) as refusal:
        client.get(key)
    assert (refusal.value.again_until, kept(), tree(here)) == (None, [], [])


def test_only_our_own_temporary_files_are_removed(
    client: Client, service: FakeService, several: list[Record], here: Path
) -> None:
    """Whatever a file says that somebody wrote."""
    key = service.share(*several)
    break_off(client, service, key)
    (path,) = kept()
    precious, part = here / "precious.txt", here / ".sealdrop-0123456789abcdef.part"
    for file in (precious, part):
        file.write_bytes(b"x")
        with path.open("a") as notes:
            notes.write(json.dumps({"part": str(file)}) + "\n")
    with path.open("a") as notes:
        notes.write('{"id": "cut sho')
    client.get(key)
    assert precious.exists()
    assert not part.exists()


def test_without_a_place_for_it_downloads_work_all_the_same(
    client: Client, service: FakeService, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    client.get(service.share(record), io.BytesIO())


def test_a_full_disk_below_it_does_not_stop_a_download(
    client: Client, service: FakeService, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sealdrop.unfinished.os.fsync", refuse)
    out = io.BytesIO()
    client.get(service.share(record), out)
    assert (out.getvalue(), kept()) == (CONTENT, [])
