"""PINs: one's own for files of one's own, the sender's for a download; what is asked, sent, kept, and never shown."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click.termui
import pytest

from sealdrop import (
    ApiError,
    Client,
    Gone,
    LocalFileError,
    LostAnswer,
    NotFound,
    PinLocked,
    PinRequired,
    SealdropError,
    UsageError,
    WrongPin,
)
from sealdrop.destination import choose
from tests.unit.client.conftest import AT_ONCE, Run, tree
from tests.unit.client.fake_service import FakeService, Record

PIN = "1a2s3d"
CLIENT = Path(__file__).parents[3] / "client"
BUY, PERFORM = "POST /api/keys", "POST /api/public/downloads"


@pytest.fixture
def record(service: FakeService) -> Record:
    service.pin = PIN
    return service.add("report.pdf", b"content", "client")


class TestOnesOwn:
    def test_with_it(self, client: Client, record: Record, here: Path) -> None:
        client.get(record.id, pin=PIN)
        assert (here / "report.pdf").read_bytes() == b"content"

    def test_without_it(self, client: Client, record: Record, here: Path) -> None:
        with pytest.raises(PinRequired) as refusal:
            client.get(record.id)
        assert (refusal.value.exit_code, refusal.value.code) == (3, "pin_required")
        assert tree(here) == []

    def test_with_a_wrong_one(self, client: Client, service: FakeService, record: Record, here: Path) -> None:
        with pytest.raises(WrongPin) as refusal:
            client.get(record.id, pin="0000")
        assert (refusal.value.exit_code, refusal.value.code, refusal.value.request_id) == (3, "wrong_pin", "r-2")
        assert service.tries == {"": 1}
        assert tree(here) == []

    def test_while_it_is_locked_nothing_is_repeated(self, client: Client, service: FakeService, record: Record) -> None:
        service.tries[""] = 5
        with pytest.raises(PinLocked) as refusal:
            client.get(record.id, pin=PIN)
        assert (refusal.value.exit_code, refusal.value.code) == (3, "pin_locked")
        assert refusal.value.retry_after_seconds == 900
        assert service.count(BUY) == 1

    def test_one_that_is_not_needed_is_not_sent(self, client: Client, service: FakeService, record: Record) -> None:
        service.pin = None
        client.get(record.id, io.BytesIO(), pin=PIN)
        assert service.count(BUY) == 0

    def test_what_it_bought_is_kept(self, client: Client, service: FakeService, record: Record) -> None:
        for _ in range(3):
            client.get(record.id, io.BytesIO(), pin=PIN)
        client.get(record.id, io.BytesIO())
        assert service.count(BUY) == 1

    def test_and_bought_again_when_it_has_ended(self, client: Client, service: FakeService, record: Record) -> None:
        client.get(record.id, io.BytesIO(), pin=PIN)
        service.temporary_keys.clear()
        with pytest.raises(PinRequired):
            client.get(record.id, io.BytesIO())
        client.get(record.id, io.BytesIO(), pin=PIN)
        assert service.count(BUY) == 2

    def test_many_threads_buy_one(self, client: Client, service: FakeService, record: Record) -> None:
        """More than five tries at one moment would lock the PIN."""
        meeting = threading.Barrier(8, timeout=20)
        service.fail("POST /api/downloads/.*/keys", times=8, before=meeting.wait)
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(client.get, record.id, io.BytesIO(), pin=PIN) for _ in range(8)]:
                done.result()
        assert service.count(BUY) == 1

    def test_a_lost_answer_is_not_asked_for_again(self, client: Client, service: FakeService, record: Record) -> None:
        """A wrong PIN would count twice."""
        service.fail(BUY, lose_answer=True)
        with pytest.raises(LostAnswer):
            client.get(record.id, io.BytesIO(), pin="0000")
        assert (service.count(BUY), service.tries) == (1, {"": 1})

    def test_a_file_that_is_not_there_is_told_before_a_pin_is_asked_for(
        self, client: Client, service: FakeService
    ) -> None:
        service.pin = PIN
        with pytest.raises(NotFound):
            client.get("0" * 8 + "-0000-4000-8000-" + "0" * 12)

    def test_download_keys_by_hand(self, client: Client, record: Record) -> None:
        download = client.create_download([record.id])
        with pytest.raises(PinRequired):
            client.create_download_key(download.id)
        key = client.create_download_key(download.id, pin=PIN)
        assert client.perform(key.key).files[0].id == record.id

    def test_temporary_keys_by_hand(self, client: Client, service: FakeService) -> None:
        service.pin = PIN
        bought = client.create_temporary_key(PIN)
        assert bought.key in service.temporary_keys
        assert bought.key not in repr(bought)
        client.drop_temporary_key(bought.key)
        assert service.temporary_keys == set()
        with pytest.raises(NotFound):
            client.drop_temporary_key(bought.key)
        with pytest.raises(UsageError):
            client.drop_temporary_key("../user")


class TestADownloads:
    def uses(self, service: FakeService, key: str) -> int:
        uses: int = service.downloads[key]["uses"]
        return uses

    @pytest.fixture
    def key(self, service: FakeService) -> str:
        return service.share(service.add("report.pdf", b"content", "client"), pin=PIN)

    def test_with_it(self, client: Client, key: str, here: Path) -> None:
        (saved,) = client.get(key, pin=PIN)
        assert (saved.full_filename, saved.path) == ("report.pdf", Path("report.pdf"))
        assert (here / "report.pdf").read_bytes() == b"content"
        with pytest.raises(Gone):
            client.get(key, pin=PIN)

    def test_without_it_or_with_a_wrong_one_nothing_is_spent(
        self, client: Client, service: FakeService, key: str, here: Path
    ) -> None:
        with pytest.raises(PinRequired):
            client.get(key)
        assert service.count(PERFORM) == 0
        with pytest.raises(WrongPin):
            client.get(key, pin="0000")
        assert self.uses(service, key) == 1
        assert tree(here) == []

    def test_locked(self, client: Client, service: FakeService, key: str) -> None:
        service.tries[key] = 5
        with pytest.raises(PinLocked):
            client.get(key, pin=PIN)
        assert service.count(PERFORM) == 1

    def test_a_broken_transfer_goes_on_without_it(self, client: Client, service: FakeService, key: str) -> None:
        service.fail("GET /storage", before=service.expire_addresses)
        out = io.BytesIO()
        client.get(key, out, pin=PIN)
        assert (out.getvalue(), service.count(PERFORM)) == (b"content", 2)

    def test_its_files_go_round_what_is_there(self, client: Client, service: FakeService, here: Path) -> None:
        """Their names come with the use: it must not be lost to a name."""
        for name in ("a.txt", "a (2).txt"):
            (here / name).write_text("mine")
        records = [service.add("a.txt", text.encode()) for text in ("first", "second")]
        saved = client.get(service.share(*records, pin=PIN), pin=PIN)
        assert [str(file.path) for file in saved] == ["a (3).txt", "a (4).txt"]
        assert [(here / name).read_text() for name in ("a.txt", "a (2).txt", "a (3).txt")] == ["mine", "mine", "first"]

    def test_several_files_do_not_go_into_a_file(self, client: Client, service: FakeService, here: Path) -> None:
        (here / "inbox").write_text("mine")
        records = [service.add(name, b"content") for name in ("a", "b")]
        client.get(service.share(*records, pin=PIN), "inbox", pin=PIN)
        assert tree(here) == ["inbox", "inbox (2)", "inbox (2)/a", "inbox (2)/b"]

    def test_what_is_there_is_replaced_where_that_is_asked_for(self, client: Client, key: str, here: Path) -> None:
        (here / "report.pdf").write_text("old")
        client.get(key, overwrite=True, pin=PIN)
        assert (here / "report.pdf").read_bytes() == b"content"
        assert tree(here) == ["report.pdf"]

    def test_a_place_that_cannot_be_written_is_told_before_a_use_is_spent(
        self, client: Client, service: FakeService, key: str, here: Path
    ) -> None:
        (here / "file").write_text("x")
        with pytest.raises(LocalFileError):
            client.get(key, "file/report.pdf", pin=PIN)
        assert self.uses(service, key) == 1

    def test_a_name_of_the_longest_kind_has_room_for_its_number(self, here: Path) -> None:
        name = "é" * 125 + ".pdf"
        (here / name).write_text("mine")
        (chosen,) = choose([name], None, overwrite=False, numbered=True)
        assert chosen.path.name.endswith("é (2).pdf")
        assert len(os.fsencode(chosen.path.name)) <= 255


class TestTheUser:
    def test_set_change_remove(self, client: Client, service: FakeService) -> None:
        assert client.user().has_pin is False
        assert client.set_pin(PIN).has_pin is True
        with pytest.raises(WrongPin):
            client.set_pin("another", "0000")
        client.set_pin("another", PIN)
        assert service.pin == "another"
        assert client.remove_pin("another").has_pin is False

    def test_what_cannot_be_a_pin(self, client: Client) -> None:
        with pytest.raises(ApiError) as refusal:
            client.set_pin("123")
        assert (type(refusal.value), list(refusal.value.errors)) == (ApiError, ["pin"])

    def test_a_lost_answer_is_not_asked_for_again(self, client: Client, service: FakeService) -> None:
        service.fail("PATCH /api/user", lose_answer=True)
        with pytest.raises(LostAnswer):
            client.set_pin(PIN)
        assert service.count("PATCH /api/user") == 1

    def test_another_name(self, client: Client, service: FakeService) -> None:
        service.fail("PATCH /api/user", lose_answer=True)
        assert client.update_user(name="Alice Adams").name == "Alice Adams"
        assert service.count("PATCH /api/user") == 2, "which is safe to repeat"


# -- the command line --------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What somebody at the terminal answers to the prompts that come."""
    answers: list[str] = []
    monkeypatch.setattr(click.termui, "hidden_prompt_func", lambda _prompt: answers.pop(0))
    return answers


class TestGet:
    def test_by_option_and_by_variable(self, run: Run, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
        assert run("get", record.id, "-o", "-", "--pin", PIN).out == b"content"
        monkeypatch.setenv("SEALDROP_PIN", PIN)
        assert run("get", record.id, "-o", "-").out == b"content"

    def test_in_a_pipe_nobody_is_asked(self, run: Run, record: Record) -> None:
        session = run("get", record.id)
        assert (session.code, session.out) == (3, b"")
        assert "SEALDROP_PIN" in session.err

    def test_at_a_terminal_it_is_asked_for(self, run: Run, record: Record, typed: list[str], here: Path) -> None:
        typed.append(PIN)
        session = run("get", record.id, tty=True)
        assert (session.code, typed) == (0, [])
        assert PIN not in session.text + session.err
        assert tree(here) == ["report.pdf"]

    def test_once(self, run: Run, record: Record, typed: list[str]) -> None:
        typed += ["0000", PIN]
        session = run("get", record.id, tty=True)
        assert (session.code, typed) == (3, [PIN])
        assert "0000" not in session.text + session.err
        assert "that is not the PIN" in session.err
        assert "15 minutes" in session.err

    def test_for_a_link(self, run: Run, service: FakeService, typed: list[str], here: Path) -> None:
        key = service.share(service.add("a", b"x"), pin=PIN)
        typed.append(PIN)
        assert run("get", f"{service.url}/public/downloads/{key}", tty=True).code == 0
        assert tree(here) == ["a"]

    def test_a_link_is_not_told_ones_own(
        self, run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch, here: Path
    ) -> None:
        key = service.share(service.add("a", b"x"), pin=PIN)
        monkeypatch.setenv("SEALDROP_PIN", PIN)
        for what in (key, f"{service.url}/public/downloads/{key}"):
            session = run("get", what)
            assert (session.code, "SEALDROP_MAIL_PIN" in session.err) == (3, True)
        assert service.count(f"POST /api/public/downloads/{key}") == 0, "whoever is there has learnt nothing"
        monkeypatch.setenv("SEALDROP_MAIL_PIN", PIN)
        assert run("get", key).code == 0
        assert tree(here) == ["a"]

    def test_another_host_is_told_nothing_that_is_not_typed(
        self, run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch, here: Path
    ) -> None:
        link = f"{service.url}/public/downloads/{service.share(service.add('a', b'x'), pin=PIN)}"
        monkeypatch.setenv("SEALDROP_MAIL_PIN", PIN)
        monkeypatch.setenv("SEALDROP_URL", "https://own.example/api")
        assert run("get", link).code == 3
        assert service.count("POST /api/public/downloads/") == 0
        monkeypatch.delenv("SEALDROP_URL")
        assert run("get", link).code == 0, "who has no service of their own has set it for this"
        assert tree(here) == ["a"]

    def test_what_is_typed_goes_before_a_variable(
        self, run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch, here: Path
    ) -> None:
        key = service.share(service.add("a", b"x"), pin=PIN)
        monkeypatch.setenv("SEALDROP_MAIL_PIN", "0000")
        assert run("get", key, "--pin", PIN).code == 0
        assert tree(here) == ["a"]

    def test_what_is_typed_for_a_link_is_the_links(self, run: Run, service: FakeService, here: Path) -> None:
        key = service.share(service.add("a", b"x"), pin=PIN)
        assert run("get", key, "--pin", PIN).code == 0
        assert tree(here) == ["a"]

    def test_nobody_is_asked_where_none_is_needed(self, run: Run, service: FakeService, typed: list[str]) -> None:
        typed.append(PIN)
        assert run("get", service.add("a", b"x").id, tty=True).code == 0
        assert typed == [PIN]

    def test_locked(self, run: Run, service: FakeService, record: Record) -> None:
        service.tries[""] = 5
        session = run("get", record.id, "--pin", PIN, "--json")
        assert session.code == 3
        assert json.loads(session.err)["error"]["code"] == "pin_locked"
        assert PIN not in session.err


class TestPin:
    def test_set_at_a_terminal(self, run: Run, service: FakeService, typed: list[str]) -> None:
        typed += [PIN, PIN]
        session = run("pin", "set", tty=True)
        assert (session.code, session.text, service.pin) == (0, "the PIN is set\n", PIN)
        assert PIN not in session.err

    def test_typed_differently_the_second_time(self, run: Run, service: FakeService, typed: list[str]) -> None:
        typed += [PIN, "a slip", PIN, PIN]
        assert run("pin", "set", tty=True).code == 0
        assert service.pin == PIN

    def test_change_at_a_terminal(self, run: Run, service: FakeService, typed: list[str]) -> None:
        service.pin = "old one"
        typed += ["old one", PIN, PIN]
        assert run("pin", "set", tty=True).text == "the PIN is changed\n"
        assert (service.pin, typed) == (PIN, [])

    def test_by_variables(self, run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
        service.pin = "old one"
        monkeypatch.setenv("SEALDROP_PIN", "old one")
        monkeypatch.setenv("SEALDROP_NEW_PIN", PIN)
        assert json.loads(run("pin", "set", "--json").out) == {"has_pin": True}
        assert service.pin == PIN

    def test_by_options(self, run: Run, service: FakeService) -> None:
        assert run("pin", "set", "--pin", "old one").code == 0
        assert run("pin", "set", "--pin", PIN, "--current-pin", "old one").code == 0
        assert service.pin == PIN

    def test_the_first_one_needs_no_current_one(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEALDROP_PIN", "left from elsewhere")
        assert run("pin", "set", "--pin", PIN).text == "the PIN is set\n"

    @pytest.mark.parametrize("words", [("set",), ("set", "--pin", "new one"), ("rm",)])
    def test_in_a_pipe_nobody_is_asked(self, run: Run, service: FakeService, words: tuple[str, ...]) -> None:
        service.pin = PIN
        session = run("pin", *words)
        assert (session.code, service.pin) == (3, PIN)
        assert "SEALDROP_PIN" in session.err
        assert "new one" not in session.err

    def test_a_wrong_current_one(self, run: Run, service: FakeService) -> None:
        service.pin = PIN
        session = run("pin", "set", "--pin", "new one", "--current-pin", "guessed")
        assert (session.code, service.pin) == (3, PIN)
        assert not [word for word in ("new one", "guessed") if word in session.err]

    def test_one_that_cannot_be(self, run: Run) -> None:
        session = run("pin", "set", "--pin", "123")
        assert session.code == 1
        assert "  pin: A PIN has 4 to 64 characters." in session.err
        assert "123" not in session.err.replace("  request id: r-2", "")

    def test_remove(self, run: Run, service: FakeService, typed: list[str]) -> None:
        service.pin = PIN
        typed.append(PIN)
        assert run("pin", "rm", tty=True).text == "there is no PIN any more\n"
        assert service.pin is None
        assert json.loads(run("pin", "rm", "--json").out) == {"has_pin": False}
        assert service.count("PATCH /api/user") == 1


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)


# The first terminal that a session's leader opens is its own: `/dev/tty`, which is where passwords are read from.
ITS_TERMINAL = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
from sealdrop.__main__ import main
sys.exit(main())
"""


def test_at_a_real_terminal_what_is_typed_is_not_shown(
    service: FakeService, record: Record, here: Path, terminal: tuple[int, int]
) -> None:
    master, slave = terminal
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", ITS_TERMINAL, "get", record.id],
        env={**os.environ, "PYTHONPATH": str(CLIENT), "SEALDROP_URL": service.url, "SEALDROP_TOKEN": service.token},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    try:
        while b"PIN" not in shown:
            shown += os.read(master, 4096)
        os.write(master, PIN.encode() + b"\n")
        while piece := os.read(master, 4096):
            shown += piece
    except OSError:  # how a terminal whose other side is closed ends
        process.wait(60)
    assert process.returncode == 0, shown
    assert PIN.encode() not in shown
    assert (here / "report.pdf").read_bytes() == b"content"


def test_no_pin_is_logged_or_told_by_errors(
    service: FakeService, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, told = service.share(record, pin=PIN), list[str]()
    secrets = [PIN, "guessed 1", "new one", key]
    faults: list[Callable[[], object]] = [
        lambda: None,
        lambda: service.fail("/api/keys", times=9, status=500),
        lambda: service.fail("/api/keys", times=9, drop_after=0),
        lambda: service.fail("/api/user", times=9, lose_answer=True),
        lambda: service.tries.update({"": 5, key: 5}),
    ]
    for fault in faults:
        service.faults.clear()
        fault()
        client = Client(service.url, service.token, retry=AT_ONCE)
        for call in (
            lambda: client.get(record.id, io.BytesIO(), pin="guessed 1"),  # noqa: B023
            lambda: client.get(record.id, io.BytesIO(), pin=PIN),  # noqa: B023
            lambda: client.get(key, io.BytesIO(), pin="guessed 1"),  # noqa: B023
            lambda: client.drop_temporary_key(client.create_temporary_key(PIN).key),  # noqa: B023
            lambda: client.set_pin("new one", "guessed 1"),  # noqa: B023
        ):
            try:
                call()
            except SealdropError as error:
                told.append("".join(traceback.format_exception(error)) + repr(error) + str(vars(error)))
    assert len(told) > 12
    everything = caplog.text + "".join(line for text in told for line in text.splitlines() if "lambda" not in line)
    assert [secret for secret in [*secrets, *service.temporary_keys] if secret in everything] == []
