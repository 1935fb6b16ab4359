"""Receiving files: what is verified, what a broken transfer costs, and what is left behind."""

import base64
import io
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sealdrop import (
    BadAnswer,
    Client,
    Gone,
    LocalFileError,
    LostAnswer,
    NotAuthentic,
    NotFound,
    SealdropError,
    StorageError,
    UsageError,
)
from tests.unit.client.conftest import AT_ONCE, tree
from tests.unit.client.fake_service import FakeService, Record

MIB = 1 << 20
FRAME = 262_144
MODES = ("client", "server")
GET = "GET /storage"
PERFORM = "POST /api/public/downloads"


@pytest.fixture(params=MODES)
def record(request: pytest.FixtureRequest, service: FakeService) -> Record:
    return service.add("report.pdf", CONTENT, request.param)


CONTENT = secrets.token_bytes(3 * MIB + 17)


def uses_left(service: FakeService, key: str) -> int:
    uses: int = service.downloads[key]["uses"]
    return uses


# Where files go
def test_into_the_working_directory(client: Client, record: Record, here: Path) -> None:
    (saved,) = client.get(record.id)
    assert saved.path == Path("report.pdf")
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert tree(here) == ["report.pdf"]


def test_to_a_named_path(client: Client, record: Record, here: Path) -> None:
    (here / "mine.pdf").write_bytes(b"old")
    client.get(record.id, here / "mine.pdf")
    assert (here / "mine.pdf").read_bytes() == CONTENT
    assert tree(here) == ["mine.pdf"]


@pytest.mark.parametrize("folder", ["there", "there/", "missing/"])
def test_into_a_directory(client: Client, record: Record, here: Path, folder: str) -> None:
    (here / "there").mkdir()
    client.get(record.id, folder)
    assert (here / folder / "report.pdf").read_bytes() == CONTENT


def test_the_new_file_has_the_usual_mode(client: Client, record: Record, here: Path) -> None:
    before = os.umask(0o027)
    try:
        client.get(record.id)
    finally:
        os.umask(before)
    assert stat.S_IMODE((here / "report.pdf").stat().st_mode) == 0o640


def test_into_a_stream(client: Client, record: Record) -> None:
    out = io.BytesIO()
    (saved,) = client.get(record.id, out)
    assert out.getvalue() == CONTENT
    assert saved.path is None


def test_a_device_is_written_into_and_never_replaced(client: Client, record: Record) -> None:
    client.get(record.id, "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_link_is_followed_and_stays(client: Client, record: Record, here: Path) -> None:
    (here / "there").mkdir()
    (here / "there" / "real").write_bytes(b"old")
    (here / "second").symlink_to("there/real")
    (here / "first").symlink_to("second")
    (here / "dangling").symlink_to("there/new")
    for name in ("first", "dangling"):
        client.get(record.id, here / name)
        assert (here / name).is_symlink()
        assert (here / name).read_bytes() == CONTENT
    (here / "loop").symlink_to("loop")
    with pytest.raises(LocalFileError):
        client.get(record.id, here / "loop")


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_an_open_descriptor_is_written_into(client: Client, record: Record, here: Path, folder: str) -> None:
    """Through a link too, as /dev/stdout is one; what was in the file before stays in front."""
    with (here / "out").open("wb") as out:
        out.write(b"before")
        out.flush()
        (here / "stdout").symlink_to(f"{folder}/{out.fileno()}")
        client.get(record.id, here / "stdout")
        inode = os.fstat(out.fileno()).st_ino
    assert (here / "stdout").is_symlink()
    assert (here / "out").read_bytes() == b"before" + CONTENT
    assert (here / "out").stat().st_ino == inode


@pytest.mark.parametrize("output", [None, "/dev/null"])
def test_a_full_temporary_directory_is_seen_before_the_use_is_spent(
    client: Client, service: FakeService, record: Record, output: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.share(record)
    monkeypatch.setattr("sealdrop.destination.shutil.disk_usage", lambda _folder: _Usage(10))
    with pytest.raises(LocalFileError, match="10 B left"):
        client.get(key, output or io.BytesIO())
    assert uses_left(service, key) == 1


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_what_counts_as_verified(client: Client, service: FakeService) -> None:
    plain, undigested = service.add("a", b"content"), service.add("b", b"content")
    undigested.checksum = None
    saved = [client.get(file.id)[0] for file in (plain, undigested, service.add("c", b"content", "client"))]
    assert [file.verified for file in saved] == [True, False, True]


def test_several_files_into_a_directory(client: Client, service: FakeService, here: Path) -> None:
    """Of one name, and of names that some file systems take for one."""
    names = ["a.txt", "a.txt", "A.TXT", "b", "b", ".c", "\u00e9", "e\u0301"]
    records = [service.add(name, name.encode() + bytes([number])) for number, name in enumerate(names)]
    saved = client.get(service.share(*records), here / "inbox")
    assert [file.path.name for file in saved if file.path] == [
        "a.txt", "a (2).txt", "A (3).TXT", "b", "b (2)", "_c", "\u00e9", "e\u0301 (2)",
    ]  # fmt: skip
    assert [file.path.read_bytes() for file in saved if file.path] == [record.body for record in records]


def test_several_files_do_not_go_into_a_stream(client: Client, service: FakeService) -> None:
    key = service.share(service.add("a", b"a"), service.add("b", b"b"))
    with pytest.raises(UsageError):
        client.get(key, io.BytesIO())
    assert uses_left(service, key) == 1


# What is refused before the use is spent
def test_a_file_in_the_way(client: Client, service: FakeService, record: Record, here: Path) -> None:
    (here / "report.pdf").write_bytes(b"mine")
    key = service.share(record)
    with pytest.raises(LocalFileError, match="exists"):
        client.get(key)
    assert (here / "report.pdf").read_bytes() == b"mine"
    assert uses_left(service, key) == 1
    client.get(key, overwrite=True)
    assert (here / "report.pdf").read_bytes() == CONTENT


def test_a_dangling_link_in_the_way(client: Client, service: FakeService, record: Record, here: Path) -> None:
    (here / "report.pdf").symlink_to(here / "elsewhere")
    with pytest.raises(LocalFileError, match="exists"):
        client.get(record.id)
    assert tree(here) == ["report.pdf"]


def test_a_file_that_appears_meanwhile_is_not_replaced(
    client: Client, service: FakeService, record: Record, here: Path
) -> None:
    service.fail(GET, before=lambda: (here / "report.pdf").write_bytes(b"quicker"))
    with pytest.raises(LocalFileError):
        client.get(record.id)
    assert (here / "report.pdf").read_bytes() == b"quicker"
    assert tree(here) == ["report.pdf"]


def test_without_hard_links_a_rename_does(
    client: Client, record: Record, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    client.get(record.id)
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert tree(here) == ["report.pdf"]


@pytest.mark.parametrize("output", ["missing/report.pdf", "file/", "file/x"])
def test_a_place_that_cannot_be_written(client: Client, service: FakeService, here: Path, output: str) -> None:
    (here / "file").write_bytes(b"")
    key = service.share(service.add("report.pdf", b"x"))
    with pytest.raises(LocalFileError):
        client.get(key, output)
    assert uses_left(service, key) == 1
    assert tree(here) == ["file"]


def test_a_full_disk(
    client: Client, service: FakeService, record: Record, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: type("Usage", (), {"free": len(CONTENT) - 1}))
    key = service.share(record)
    with pytest.raises(LocalFileError, match="left"):
        client.get(key)
    assert (uses_left(service, key), tree(here)) == (1, [])


HOSTILE = {
    "../../etc/passwd": "passwd",
    "/etc/passwd": "passwd",
    "..\\..\\windows\\x.dll": "x.dll",
    "a/../b": "b",
    "~/x": "x",
    "-rf": "-rf",
    "a b'\"$(id)`.txt": "a b'\"$(id)`.txt",
}


@pytest.mark.parametrize(("name", "expected"), HOSTILE.items())
def test_names_stay_in_the_directory(
    client: Client, service: FakeService, here: Path, name: str, expected: str
) -> None:
    (here / "in").mkdir()
    client.get(service.add(name, b"x").id, here / "in")
    assert tree(here) == ["in", f"in/{expected}"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/", "x/..", "a\nb", "a\x1b[2Jb", "\u202efdp.exe", "a\u2028b", "\x00", "n" * 256, "\x7f"]
)
def test_names_that_cannot_be_used(client: Client, service: FakeService, here: Path, name: str) -> None:
    key = service.share(service.add(name, b"x"))
    with pytest.raises(LocalFileError) as refused:
        client.get(key)
    assert refused.value.message.isprintable()
    assert (uses_left(service, key), tree(here)) == (1, [])
    client.get(key, here / "named")
    assert tree(here) == ["named"]


# What goes wrong on the way
@pytest.mark.parametrize("after", [0, 1, 100, FRAME, 2 * MIB, 3 * MIB + 17])
def test_a_broken_transfer_goes_on_where_it_ended(
    client: Client, service: FakeService, record: Record, here: Path, after: int
) -> None:
    key = service.share(record)
    service.fail(GET, times=3, drop_after=after)
    client.get(key)
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert uses_left(service, key) == 0
    assert service.count(PERFORM) == 1  # the address still held


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503, "headers": {"retry-after": "0"}}, {"lose_answer": True}], ids=str
)
def test_a_storage_that_fails(
    client: Client, service: FakeService, record: Record, here: Path, fault: dict[str, Any]
) -> None:
    service.fail(GET, times=3, **fault)
    client.get(record.id)
    assert (here / "report.pdf").read_bytes() == CONTENT


def test_an_expired_address_is_renewed_by_the_session(
    client: Client, service: FakeService, record: Record, here: Path
) -> None:
    """In the middle of the file, and without another use."""
    key = service.share(record)
    service.fail(GET, drop_after=MIB)
    service.fail(GET, before=service.expire_addresses)
    client.get(key)
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert service.count(PERFORM) == 2
    assert uses_left(service, key) == 0


def test_an_address_whose_signers_credentials_have_ended(
    client: Client, service: FakeService, record: Record, here: Path
) -> None:
    """S3 answers 400 then, and another address does."""
    service.fail(GET, status=400, s3_code="ExpiredToken")
    client.get(service.share(record))
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert service.count(PERFORM) == 2


def test_a_session_that_has_ended(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record)

    def end() -> None:
        service.expire_addresses()
        service.downloads[key]["sessions"].clear()

    service.fail(GET, before=end)
    with pytest.raises(Gone):
        client.get(key)
    assert tree(here) == []


def test_patience_ends(client: Client, service: FakeService, record: Record, here: Path) -> None:
    service.fail(GET, times=99, status=503)
    with pytest.raises(StorageError):
        client.get(record.id)
    assert service.count(GET) == AT_ONCE.tries
    assert tree(here) == []


def test_an_interrupt_leaves_nothing(client: Client, record: Record, here: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done > MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.get(record.id, "new/", progress=interrupt)
    assert tree(here) == []


def test_a_lost_answer_spends_a_use_once(client: Client, service: FakeService, record: Record, here: Path) -> None:
    """It is not sent again: a download with several uses would lose another."""
    key = service.share(record, uses=5)
    service.fail(PERFORM, lose_answer=True)
    with pytest.raises(LostAnswer):
        client.get(key)
    assert uses_left(service, key) == 4


def test_ones_own_file_takes_another_download_instead(
    client: Client, service: FakeService, record: Record, here: Path
) -> None:
    service.fail(PERFORM, times=2, lose_answer=True)
    client.get(record.id)
    assert (here / "report.pdf").read_bytes() == CONTENT
    assert service.count("POST /api/downloads$") == 3


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}], ids=str)
def test_a_perform_that_was_throttled_did_nothing_and_is_repeated(
    client: Client, service: FakeService, record: Record, fault: dict[str, Any]
) -> None:
    key = service.share(record)
    service.fail(PERFORM, times=2, **fault)
    client.get(key)
    assert uses_left(service, key) == 0


def test_a_spent_key(client: Client, service: FakeService, record: Record, here: Path) -> None:
    key = service.share(record)
    client.get(key, here / "first")
    with pytest.raises(Gone):
        client.get(key, here / "second")
    assert tree(here) == ["first"]


def test_an_unknown_key_and_an_unknown_file(client: Client) -> None:
    with pytest.raises(NotFound):
        client.get("k" * 43)
    with pytest.raises(NotFound):
        client.get("0b7a1f3e-5d5b-4d0e-8e6a-3f0a3f1b2c4d")


# Bytes that are not the file
def flipped(body: bytes, offset: int) -> bytes:
    return body[:offset] + bytes([body[offset] ^ 1]) + body[offset + 1 :]


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "a byte flipped": lambda body: flipped(body, len(body) // 2),
    "the last byte flipped": lambda body: flipped(body, len(body) - 1),
    "the first byte flipped": lambda body: flipped(body, 0),
    "a byte missing": lambda body: body[:-1],
    "a byte more": lambda body: body + b"\0",
    "nothing": lambda body: b"",  # noqa: ARG005
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_tampered_bytes_are_refused(
    client: Client, service: FakeService, record: Record, here: Path, tamper: Callable[[bytes], bytes]
) -> None:
    record.body = tamper(record.body or b"")
    with pytest.raises(NotAuthentic):
        client.get(record.id)
    assert tree(here) == []
    out = io.BytesIO()
    with pytest.raises(NotAuthentic):
        client.get(record.id, out)
    assert out.getvalue() == b""


def test_a_byte_more_that_the_service_vouches_for(client: Client, service: FakeService, here: Path) -> None:
    """Sizes agree all along the way; what is sealed does not."""
    record = service.add("x", CONTENT, "client")
    record.body = (record.body or b"") + b"\0"
    stored = service.stored_size
    service.stored_size = lambda record: stored(record) + 1  # type: ignore[method-assign]
    with pytest.raises(NotAuthentic, match="something follows"):
        client.get(record.id)
    assert tree(here) == []


def change(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda answer: answer["files"][0].update(fields)


def change_terms(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda answer: answer["files"][0]["encryption"].update(fields)


SEALED_ANSWERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "another data key": change_terms(data_key=base64.b64encode(bytes(32)).decode()),
    "another wrapped key": change_terms(encrypted_data_key=base64.b64encode(bytes(184)).decode()),
    "another key's ARN": change_terms(key_arn="arn:aws:kms:eu-west-1:123456789012:key/other"),
    "another plaintext size": change(size=5),
    "another account": lambda answer: answer["files"][0]["encryption"]["encryption_context"].update(account="x"),
    "another file's terms": lambda answer: answer["files"][0]["encryption"]["encryption_context"].update(file="x"),
    "no terms": change(encryption=None),
    "said to be plain": change(encryption_mode="server"),
    "another suite": change_terms(algorithm="AES_128_GCM_IV12_TAG16"),
    "another frame length": change_terms(frame_length=1 << 20),
}


@pytest.mark.parametrize("tamper", SEALED_ANSWERS.values(), ids=SEALED_ANSWERS)
def test_answers_that_do_not_fit_the_sealed_file(
    client: Client, service: FakeService, here: Path, tamper: Callable[[dict[str, Any]], None]
) -> None:
    record = service.add("report.pdf", CONTENT, "client")
    service.tamper = tamper
    with pytest.raises((NotAuthentic, BadAnswer)):
        client.get(record.id)
    assert tree(here) == []


def test_a_file_that_is_not_the_one_that_was_shown(client: Client, service: FakeService, here: Path) -> None:
    """Shown as sealed, handed out as plain: of anybody's bytes, with a digest that fits them. Or of another size."""
    sealed, plain, longer = (
        service.add("a", b"wanted", "client"), service.add("a", b"forged"), service.add("a", b"forged!")
    )  # fmt: skip
    for shown, handed_out in ((sealed, plain), (plain, longer), (plain, sealed)):
        forged = {**_performed(service, handed_out), "id": shown.id}
        service.tamper = lambda answer: answer.update(files=[forged])  # noqa: B023
        for key in (shown.id, service.share(shown)):
            with pytest.raises((NotAuthentic, BadAnswer), match=r"offered|another"):
                client.get(key)
        assert tree(here) == []
    assert service.count(GET) == 0


def test_another_file_than_was_asked_for(client: Client, service: FakeService, here: Path) -> None:
    """Sealed, complete, and under its own key: but not the one."""
    wanted, other = service.add("a", b"wanted", "client"), service.add("a", b"other!", "client")
    for answers in ("show", "perform"):
        client_view = service.view
        if answers == "show":
            service.view = lambda record: client_view(other)  # type: ignore[method-assign] # noqa: ARG005, B023
        else:
            service.tamper = lambda answer: answer.update(files=[_performed(service, other)])
        with pytest.raises(SealdropError):
            client.get(wanted.id)
        service.view = client_view  # type: ignore[method-assign]
        assert tree(here) == []


def _performed(service: FakeService, record: Record) -> dict[str, Any]:
    files = {"url": service.sign("GET", record), "url_expires_at": "2099-01-01T00:00:00Z"}
    return {**service.view(record), **files, "encryption": service.encryption(record)}


@pytest.mark.parametrize(
    "url", ["http://evil.example/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://user@127.0.0.1/x", "//x", ""]
)
def test_addresses_that_are_not_followed(client: Client, service: FakeService, here: Path, url: str) -> None:
    record = service.add("a", b"content")
    service.tamper = change(url=url)
    with pytest.raises(BadAnswer):
        client.get(record.id)
    assert tree(here) == []


def test_redirects_are_not_followed(client: Client, service: FakeService, here: Path) -> None:
    record = service.add("a", b"content")
    service.fail(GET, status=302, headers={"location": f"{service.origin}/elsewhere"})
    with pytest.raises(StorageError, match="302"):
        client.get(record.id)
    assert service.count("elsewhere") == 0


# Several files of which some fail
def test_one_bad_file_does_not_cost_the_others(client: Client, service: FakeService, here: Path) -> None:
    bad, good, gone = service.add("bad", b"x" * 10), service.add("good", b"y" * 10), service.add("gone", b"z")
    key = service.share(bad, good, gone)
    bad.body = b"!" * 10
    service.fail(PERFORM, before=lambda: service.files.pop(gone.id))
    with pytest.raises(NotAuthentic, match="bad: "):
        client.get(key)
    assert tree(here) == ["good"]


def test_progress_runs_over_all_files(client: Client, service: FakeService, here: Path) -> None:
    records = [service.add("a", bytes(2 * MIB), "client"), service.add("b", bytes(MIB))]
    seen: list[tuple[int, int]] = []
    client.get(service.share(*records), progress=lambda done, total: seen.append((done, total)))
    total = sum(map(service.stored_size, records))
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)


def test_a_link_names_its_service_and_takes_no_token(service: FakeService, here: Path) -> None:
    key = service.share(service.add("a", b"x"))
    elsewhere = Client("https://other.example/api", "sdt_secret", retry=AT_ONCE)
    elsewhere.get(f"{service.url}/public/downloads/{key}")
    assert tree(here) == ["a"]
