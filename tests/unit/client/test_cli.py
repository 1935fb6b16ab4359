"""The command line as sessions at a terminal, and in a pipe."""

import json
import os
import re
from pathlib import Path
from typing import Any

import click
import pytest

from sealdrop.cli import COMMANDS, cli
from tests.unit.client.conftest import Run, tree
from tests.unit.client.fake_service import FakeService

UNKNOWN = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_put_and_get(run: Run, here: Path, service: FakeService) -> None:
    (here / "report.pdf").write_bytes(b"content")
    put = run("put", "report.pdf")
    assert (put.code, put.err) == (0, "")
    assert UUID.fullmatch(put.text.strip())
    assert service.files[put.text.strip()].mode == "client"
    (here / "report.pdf").unlink()
    got = run("get", put.text.strip())
    assert (got.code, got.text, got.err) == (0, "report.pdf\n", "")
    assert (here / "report.pdf").read_bytes() == b"content"


def test_get_says_what_became_of_a_hidden_name(run: Run, here: Path, service: FakeService) -> None:
    record = service.add(".bash_profile", b"echo owned")
    got = run("get", record.id)
    assert (got.text, tree(here)) == ("_bash_profile\n", ["_bash_profile"])
    assert "saved as _bash_profile" in got.err


def test_get_says_verified_only_of_what_was(run: Run, here: Path, service: FakeService) -> None:
    record = service.add("a", b"content")
    assert "verified" in run("get", record.id, tty=True).err
    record.checksum = None
    said = run("get", record.id, "--force", tty=True).err
    assert "size checked" in said
    assert "verified" not in said


def test_put_several(run: Run, here: Path, service: FakeService) -> None:
    for name in "abc":
        (here / name).write_text(name)
    put = run("put", "a", "b", "c", "--encryption", "server", "--expires", "7d")
    assert put.code == 0
    assert [service.files[line].name for line in put.lines] == ["a", "b", "c"]
    assert all(record.mode == "server" and record.expires_at for record in service.files.values())


def test_put_through_a_pipe_and_get_to_one(run: Run, service: FakeService, here: Path) -> None:
    data = bytes(range(256)) * 5000
    put = run("put", "-", "--name", "stream.bin", stdin=data)
    assert put.code == 0
    got = run("get", put.text.strip(), "-o", "-")
    assert (got.code, got.out, got.err) == (0, data, "")
    assert tree(here) == []


def test_put_one_that_fails_among_others(run: Run, here: Path, service: FakeService) -> None:
    (here / "a").write_text("a")
    (here / "b").write_text("b")
    put = run("put", "a", "missing", "b")
    assert put.code == 1
    assert [service.files[line].name for line in put.lines] == ["a", "b"]
    assert put.err == "sealdrop: missing: cannot read missing: No such file or directory\n"


NOT_TEXT = os.fsdecode(b"caf\xe9.txt")  # as an old file system may hold it


def test_put_of_a_name_that_is_not_utf_8(run: Run, here: Path, service: FakeService) -> None:
    (here / NOT_TEXT).write_bytes(b"x")
    for words in (("put", NOT_TEXT), ("send", NOT_TEXT, "--to", "carol@example.net"), ("put", "-", "--name", NOT_TEXT)):
        refused = run(*words)
        assert (refused.code, refused.out) == (1, b"")
        assert "the file's name is not text in UTF-8: caf\\udce9.txt" in refused.err
        assert "--name NAME" in refused.err
    assert service.log == []
    assert run("put", NOT_TEXT, "--name", "café.txt").code == 0
    assert [record.name for record in service.files.values()] == ["café.txt"]


def test_get_into_a_name_that_is_not_utf_8(run: Run, here: Path, service: FakeService) -> None:
    got = run("get", service.add("a.txt", b"content").id, "-o", NOT_TEXT)
    assert (got.code, got.out) == (0, b"caf\xe9.txt\n")
    assert (here / NOT_TEXT).read_bytes() == b"content"


def test_put_json(run: Run, here: Path) -> None:
    (here / "report.pdf").write_bytes(b"content")
    (file,) = json.loads(run("put", "report.pdf", "--json").out)
    assert (file["full_filename"], file["size"], file["status"]) == ("report.pdf", 7, "ready")
    assert file["created_by"]["email"] == "alice@example.com"
    assert file["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("put",), "Missing argument"),
        (("put", "-"), "standard input has no file name"),
        (("put", "a", "b", "--name", "c"), "names one file"),
        (("put", "a", "--encryption", "none"), "Invalid value"),
        (("put", "a", "--expires", "soon"), "not a time of expiry"),
        (("put", "a", "--expires", "2020-01-01"), "has passed"),
        (("put", "a", "--name", " "), "the name is empty"),
        (("get",), "Missing argument"),
        (("get", "what is this"), "neither a file id"),
        (("get", "k" * 43, "--nonsense"), "No such option"),
        (("ls", "--limit", "0"), "Invalid value"),
        (("ls", "--sort", "size"), "Invalid value"),
        (("ls", "--keyword", ""), "the keyword is empty"),
        (("ls", "--trashed", "--status", "ready"), "ready files only"),
        (("edit", "k"), "nothing to change"),
        (("edit", "k", "--expires", "7d", "--no-expiry"), "cannot both be"),
        (("edit", "k", "--category", "x", "--no-category"), "cannot both be"),
        (("edit", "k", "--expires", "soon"), "not a time of expiry"),
        (("rm",), "Missing argument"),
        (("rm", "../x"), "neither an id nor a key"),
        (("token", "create", "x"), "Missing option '--scope'"),
        (("token", "create", "x", "--scope", "all"), "Invalid value"),
        (("link",), "name the files"),
        (("link", "a", "--revoke", "b"), "name the files"),
        (("link", "a", "--max-downloads", "0"), "Invalid value"),
        (("link", "a", "--expires", "never"), "not a time of expiry"),
        (("frobnicate",), "No such command"),
    ],
)
def test_usage(run: Run, service: FakeService, words: tuple[str, ...], complaint: str) -> None:
    session = run(*words)
    assert (session.code, session.out) == (2, b"")
    assert complaint in session.err
    assert service.log == []


@pytest.mark.parametrize("words", [("send", "--to", "carol@example.net"), ("link",)], ids=" ".join)
def test_nothing_is_uploaded_where_one_file_is_missing(
    run: Run, service: FakeService, here: Path, words: tuple[str, ...]
) -> None:
    (here / "a.txt").write_bytes(b"a")
    session = run(*words, "a.txt", "nowhere.txt")
    assert (session.code, session.err) == (1, "sealdrop: there is no file nowhere.txt\n")
    assert service.files == {}


def test_what_was_uploaded_before_a_refusal_need_not_be_uploaded_again(
    run: Run, service: FakeService, here: Path
) -> None:
    (here / "a.txt").write_bytes(b"a")
    service.fail("POST /api/downloads", status=422, code="invalid")
    refused = run("link", "a.txt")
    (file_id,) = service.files
    assert refused.err.endswith(f"  Nothing need be sent again: name {file_id} instead of the files.\n")
    service.fail("POST /api/downloads", status=422, code="invalid")
    assert "sent again" not in run("link", file_id).err, "nothing was uploaded"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("rm", UNKNOWN), "sealdrop ls"),
        (("mails", UNKNOWN), "sealdrop mails"),
        (("mails", UNKNOWN, "--revoke"), "sealdrop mails"),
        (("inbox", UNKNOWN), "sealdrop inbox"),
        (("inbox", UNKNOWN, "--hide"), "sealdrop inbox"),
        (("link", "--revoke", UNKNOWN), "sealdrop events --type download.created"),
        (("token", "rm", UNKNOWN), "sealdrop token ls"),
    ],
)
def test_of_an_unknown_id_it_says_where_the_right_one_is(run: Run, words: tuple[str, ...], where: str) -> None:
    session = run(*words)
    assert session.code == 4
    assert f"  Check the id with: {where}" in session.err


@pytest.mark.parametrize(("encryption", "goes_on"), [("server", True), ("client", False)])
def test_an_interrupted_upload_says_whether_it_goes_on(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, encryption: str, *, goes_on: bool
) -> None:
    def interrupted(*_words: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sealdrop.client.Client.put", interrupted)
    (here / "a.txt").write_bytes(b"a")
    session = run("put", "a.txt", "--encryption", encryption)
    assert (session.code, "run it again to go on" in session.err) == (130, goes_on)


def test_a_directory_is_to_be_packed(run: Run) -> None:
    session = run("put", ".")
    assert session.err.startswith("sealdrop: . is a directory\n  Send its files, or pack it: tar ")


def test_no_words_at_all(run: Run) -> None:
    session = run()
    assert session.code == 2
    assert "Commands:" in session.err


def test_version(run: Run) -> None:
    session = run("--version")
    assert session.code == 0
    assert re.fullmatch(r"sealdrop, version \d+\.\d+\.\d+\n", session.text)


def commands(group: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(group, click.Group):
        return [path]
    context = click.Context(group)
    below = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [path, *(found for name, command in below if command for found in commands(command, (*path, name)))]


@pytest.mark.parametrize("path", commands(cli), ids=" ".join)
def test_every_command_has_help_with_examples(run: Run, path: tuple[str, ...]) -> None:
    session = run(*path, "--help")
    assert session.code == 0
    if path not in (("token",), ("pin",), ("webhook",)):
        assert f"  sealdrop {' '.join(path)}" in session.text.split("Examples:")[1]
    assert all(len(line) <= 100 for line in session.lines)


@pytest.mark.parametrize(
    "words", [("ls",), ("mails",), ("inbox",), ("events",), ("token", "ls"), ("webhook", "deliveries")], ids=" ".join
)
def test_every_list_can_be_had_whole(run: Run, words: tuple[str, ...]) -> None:
    shown = run(*words, "--help").text
    assert "--limit " in shown
    assert "--all " in shown


def test_every_verb_has_its_module() -> None:
    folder = Path(__file__).parents[3] / "client" / "sealdrop" / "commands"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__", "common"} == set(COMMANDS)


# ls
def test_ls(run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    record = service.add("report.pdf", b"x" * 43_390, "client", created_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
    session = run("ls")
    assert session.code == 0
    assert session.lines[0].split() == ["ID", "SIZE", "SEALED", "CREATED", "EXPIRES", "NAME"]
    assert session.lines[1] == f"{record.id}  42.4 KiB  yes     2026-03-01 12:00 UTC  -        report.pdf"


def test_ls_in_ones_own_time_zone(run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    import time
    from datetime import UTC, datetime

    service.add("a", b"x", created_at=datetime(2026, 7, 1, 12, tzinfo=UTC))
    monkeypatch.setenv("TZ", "XYZ-5:30")
    time.tzset()
    try:
        assert "2026-07-01 17:30 XYZ" in run("ls").text
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("words", "remark"),
    [
        ((), "no files yet: sealdrop put FILE\n"),
        (("--trashed",), "the trash is empty\n"),
        (("--status", "rejected"), "no rejected files\n"),
        (("--keyword", "x"), "no name there holds this\n"),
    ],
)
def test_ls_of_nothing(run: Run, words: tuple[str, ...], remark: str) -> None:
    session = run("ls", *words)
    assert (session.code, session.out, session.err) == (0, b"", remark)
    assert json.loads(run("ls", *words, "--json").out) == []


def test_ls_up_to_a_limit(run: Run, service: FakeService) -> None:
    for number in range(130):
        service.add(f"{number}", b"x")
    service.page_size = 100
    assert len(json.loads(run("ls", "--json").out)) == 50
    assert len(json.loads(run("ls", "--limit", "120", "--json").out)) == 120
    assert len(json.loads(run("ls", "--limit", "500", "--json").out)) == 130
    assert len(json.loads(run("ls", "--all", "--json").out)) == 130
    assert len(run("ls", "--all").lines) == 131


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_ls_says_that_there_are_more(run: Run, service: FakeService, words: tuple[str, ...]) -> None:
    for number in range(51):
        service.add(f"{number}", b"x")
    for tty in (True, False):
        said = run("ls", *words, tty=tty).err
        assert said == "sealdrop: there are more than these 50: see them with --all, or with a larger --limit\n"
    for enough in (("--all",), ("--limit", "51")):
        assert run("ls", *words, *enough).err == ""
    service.files.popitem()
    assert run("ls", *words).err == "", "fifty of fifty"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), ["Delta.pdf", "alpha.pdf", "Beta.txt", "gamma.PDF"]),
        (("--sort", "newest"), ["Delta.pdf", "alpha.pdf", "Beta.txt", "gamma.PDF"]),
        (("--sort", "oldest"), ["gamma.PDF", "Beta.txt", "alpha.pdf", "Delta.pdf"]),
        (("--sort", "name"), ["alpha.pdf", "Beta.txt", "Delta.pdf", "gamma.PDF"]),
        (("--sort", "largest"), ["alpha.pdf", "gamma.PDF", "Delta.pdf", "Beta.txt"]),
        (("--sort", "smallest"), ["Beta.txt", "Delta.pdf", "gamma.PDF", "alpha.pdf"]),
        (("--keyword", "pdf", "--sort", "name"), ["alpha.pdf", "Delta.pdf", "gamma.PDF"]),
        (("--keyword", "PDF", "--sort", "oldest"), ["gamma.PDF", "alpha.pdf", "Delta.pdf"]),
        (("--keyword", "ta."), ["Delta.pdf", "Beta.txt"]),
        (("--keyword", "zip"), []),
        (("--trashed", "--keyword", "a"), ["trash.pdf"]),
    ],
)
def test_ls_in_order_and_by_keyword(run: Run, service: FakeService, words: tuple[str, ...], names: list[str]) -> None:
    from datetime import UTC, datetime

    for minute, (name, size) in enumerate([("gamma.PDF", 3), ("Beta.txt", 1), ("alpha.pdf", 4), ("Delta.pdf", 2)]):
        service.add(name, b"x" * size, created_at=datetime(2026, 3, 1, 12, minute, tzinfo=UTC))
    service.add("trash.pdf", b"x").trashed = True
    service.page_size = 2
    listed = json.loads(run("ls", *words, "--json").out)
    assert [file["full_filename"] for file in listed] == names


def test_ls_tells_why_a_file_was_rejected(run: Run, service: FakeService) -> None:
    record = service.add("bad.bin", b"x")
    record.status, record.rejected_reason = "rejected", "7 bytes arrived instead of 8."
    assert "bad.bin: 7 bytes arrived instead of 8." in run("ls", "--status", "rejected").text


HOSTILE = "\x1b]0;owned\x07\x1b[2Jinvoice\u202efdp.exe\r\n[red]x[/red]"


@pytest.mark.parametrize("tty", [True, False])
def test_hostile_names_are_harmless_when_shown(run: Run, service: FakeService, tty: bool) -> None:
    record = service.add(HOSTILE, b"x")
    for words in (("ls",), ("ls", "--json"), ("get", record.id), ("get", record.id, "--json")):
        session = run(*words, tty=tty)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", session.err) if tty else session.err  # the bar's own colours
        for character in "\x1b\x07\r\u202e":
            assert character not in session.text + shown.replace("\r", "")
    table = run("ls")
    assert len(table.lines) == 2
    assert "[red]x[/red]" in table.lines[1]


def test_wide_names_keep_the_columns(run: Run, service: FakeService) -> None:
    from sealdrop.output import print_table
    from tests.unit.client.conftest import _Stream

    with pytest.MonkeyPatch.context() as patched:
        out = _Stream(b"", tty=False)
        patched.setattr("sys.stdout", out)
        print_table(("A", "B"), [("日本", "x"), ("e\u0301", "x"), ("plain", "x")])
    assert out.written().decode().splitlines() == ["A      B", "日本   x", "e\u0301      x", "plain  x"]


# get
def test_get_by_key_takes_no_token(run: Run, service: FakeService, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEALDROP_TOKEN")
    key = service.share(service.add("a.txt", b"content"))
    assert run("get", key).lines == ["a.txt"]
    spent = run("get", key, "-o", "again.txt")
    assert spent.code == 4
    assert "Ask the sender for a new one" in spent.err
    assert tree(here) == ["a.txt"]


def test_get_by_link_takes_no_configuration(
    run: Run, service: FakeService, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEALDROP_TOKEN")
    monkeypatch.delenv("SEALDROP_URL")
    key = service.share(service.add("a.txt", b"a"), service.add("b.txt", b"b"))
    session = run("get", f"{service.url}/public/downloads/{key}", "-o", "inbox")
    assert (session.code, session.lines) == (0, ["inbox/a.txt", "inbox/b.txt"])
    assert tree(here) == ["inbox", "inbox/a.txt", "inbox/b.txt"]


def test_get_does_not_replace_unasked(run: Run, service: FakeService, here: Path) -> None:
    record = service.add("a.txt", b"new")
    (here / "a.txt").write_text("mine")
    session = run("get", record.id)
    assert (session.code, session.err) == (
        1,
        "sealdrop: a.txt exists\n  Name another path with -o, or replace it with --force.\n",
    )
    assert (here / "a.txt").read_text() == "mine"
    assert run("get", record.id, "--force").code == 0
    assert (here / "a.txt").read_text() == "new"
    (here / "a.txt").write_text("mine")
    assert run("get", record.id, "-o", "a.txt").code == 0
    assert (here / "a.txt").read_text() == "new"


def test_get_json(run: Run, service: FakeService) -> None:
    record = service.add("a.txt", b"content")
    expected = {"id": record.id, "full_filename": "a.txt", "size": 7, "path": "a.txt", "verified": True}
    assert json.loads(run("get", record.id, "--json").out) == [expected]


def test_get_to_standard_output_prints_nothing_else(run: Run, service: FakeService) -> None:
    record = service.add("a.txt", b"content", "client")
    assert run("get", record.id, "-o", "-", "--json").out == b"content"


@pytest.mark.parametrize("device", ["/dev/null", "/dev/stdout"])
def test_get_into_a_device_prints_no_path(run: Run, service: FakeService, device: str) -> None:
    assert run("get", service.add("a.txt", b"content").id, "-o", device).out == b""


def test_get_of_damaged_bytes(run: Run, service: FakeService, here: Path) -> None:
    record = service.add("a.txt", b"content", "client")
    record.body = (record.body or b"")[:-1] + b"!"
    for words in (("get", record.id), ("get", record.id, "-o", "-")):
        session = run(*words)
        assert (session.code, session.out) == (1, b"")
        assert "Nothing was saved" in session.err
    assert tree(here) == []


@pytest.mark.parametrize("json_wanted", [False, True])
def test_get_of_several_says_which_arrived(run: Run, service: FakeService, here: Path, json_wanted: bool) -> None:
    good, bad, gone, last = (service.add(name, b"content") for name in ("good", "bad", "gone", "last"))
    key = service.share(good, bad, gone, last)
    bad.body = b"nonsens"
    service.fail("POST /api/public", before=lambda: service.files.pop(gone.id))
    session = run("get", key, *(["--json"] if json_wanted else []))
    assert session.code == 1, "of the first failure"
    if json_wanted:
        assert [file["path"] for file in json.loads(session.out)] == ["good", "last"]
        told = [json.loads(line)["error"]["message"] for line in session.err.splitlines()]
    else:
        assert session.lines == ["good", "last"]
        told = [line.removeprefix("sealdrop: ") for line in session.err.splitlines() if line.startswith("sealdrop: ")]
    assert [message.split(":")[0] for message in told] == ["bad", "gone"]


def test_get_tells_of_files_that_were_not_tried(run: Run, service: FakeService) -> None:
    first, second = service.add("first", b"x"), service.add("second", b"x")
    service.fail("GET /storage", times=99, drop_after=0)
    session = run("get", service.share(first, second))
    assert session.code == 5
    assert "sealdrop: first: " in session.err
    assert "sealdrop: second: not tried after that" in session.err


# edit
def test_edit(run: Run, service: FakeService) -> None:
    record = service.add("a.txt", b"x")
    category = "3f0d2b6e-8c1a-4c57-9d21-5a7e6f1b0c42"
    assert run("edit", record.id, "--name", "b.txt").text == (
        f"changed {record.id}: b.txt, does not expire, no category\n"
    )
    (changed,) = [
        json.loads(run("edit", record.id, "--expires", "2099-01-01T00:00Z", "--category", category, "--json").out)
    ]
    assert (changed["full_filename"], changed["expires_at"], changed["category_id"]) == (
        "b.txt",
        "2099-01-01T00:00:00Z",
        category,
    )
    assert run("edit", record.id, "--no-expiry").text.endswith(f": b.txt, does not expire, category {category}\n")
    assert run("edit", record.id, "--no-category").text.endswith(": b.txt, does not expire, no category\n")
    refused = run("edit", record.id, "--name", "a/b")
    assert (refused.code, "  filename: It cannot be used." in refused.err) == (1, True)
    assert run("edit", "0b7a1f3e-5d5b-4d0e-8e6a-3f0a3f1b2c4d", "--name", "x").code == 4


# rm
def test_rm(run: Run, service: FakeService) -> None:
    record = service.add("a", b"x")
    assert run("rm", record.id).text == f"trashed {record.id}\n"
    assert run("rm", record.id).code == 0, "repeating it is no purge"
    assert json.loads(run("ls", "--trashed", "--json").out)[0]["id"] == record.id
    assert run("rm", "--permanent", record.id).text == f"purged {record.id}\n"
    assert service.files == {}


def test_restore(run: Run, service: FakeService) -> None:
    record = service.add("a", b"x")
    run("rm", record.id)
    for _ in range(2):
        assert run("restore", record.id).text == f"restored {record.id}\n"
    assert not record.trashed
    assert json.loads(run("restore", record.id, "--json").out) == [{"id": record.id, "outcome": "restored"}]


@pytest.mark.parametrize("status", ["pending", "rejected"])
def test_rm_of_what_never_became_ready_purges_it(run: Run, service: FakeService, status: str) -> None:
    record = service.add("a", b"x")
    record.status = status
    assert run("rm", record.id).text == f"purged {record.id}\n"
    assert service.files == {}


def test_rm_that_lost_a_race_purges_nothing_ready(run: Run, service: FakeService) -> None:
    record = service.add("a", b"x")
    service.fail("PATCH", status=409, code="conflict")
    assert run("rm", record.id).code == 1
    assert list(service.files) == [record.id]


def test_a_conflict_is_told_in_the_services_words_alone(run: Run, service: FakeService) -> None:
    """Some are lost races, and some stay: "run the command again" would be a lie of half of them."""
    record = service.add("a", b"x")
    service.fail("DELETE", status=409, code="conflict")
    refused = run("rm", "--permanent", record.id)
    assert refused.code == 1
    assert "again" not in refused.err
    assert list(service.files) == [record.id]


def test_hints_name_what_would_help(run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "sealdrop token ls" in run("token", "rm", "0b7a1f3e-5d5b-4d0e-8e6a-3f0a3f1b2c4d").err
    monkeypatch.setenv("SEALDROP_TOKEN", "sdt_mistyped")
    refused = run("ls").err
    assert "mistyped, revoked or expired" in refused
    monkeypatch.delenv("SEALDROP_TOKEN")
    assert "no token is set for" in run("ls").err
    assert "mistyped" not in run("ls").err


def test_rm_of_several_with_one_missing(run: Run, service: FakeService) -> None:
    first, last, missing = service.add("a", b"x"), service.add("b", b"x"), "0b7a1f3e-5d5b-4d0e-8e6a-3f0a3f1b2c4d"
    session = run("rm", first.id, missing, last.id, "--json")
    assert session.code == 4
    assert [item["id"] for item in json.loads(session.out)] == [first.id, last.id]
    assert json.loads(session.err)["error"]["about"] == missing


def test_rm_stops_where_going_on_is_pointless(run: Run, service: FakeService) -> None:
    service.fail("PATCH", times=99, status=401)
    assert run("rm", service.add("a", b"x").id, service.add("b", b"x").id).code == 3
    assert service.count("PATCH") == 1


# token, whoami, login
def test_tokens(run: Run) -> None:
    assert "no tokens yet" in run("token", "ls").err
    made = run("token", "create", "backup", "--scope", "files:write", "--scope", "downloads", "--expires", "30d")
    assert re.fullmatch(r"sdt_\w+\n", made.text)
    assert made.err == ""
    (token,) = json.loads(run("token", "ls", "--json").out)
    assert (token["name"], token["scopes"]) == ("backup", ["files:write", "downloads"])
    assert "token" not in token
    assert "files:write downloads" in run("token", "ls").text
    assert run("token", "rm", token["id"]).text == f"revoked {token['id']}\n"
    assert run("token", "rm", token["id"]).code == 4
    assert "shown this once" in run("token", "create", "x", "--scope", "account", tty=True).err
    assert json.loads(run("token", "create", "x", "--scope", "account", "--json").out)["token"].startswith("sdt_")


def test_more_tokens_than_a_page_holds(run: Run) -> None:
    for number in range(51):
        run("token", "create", f"{number}", "--scope", "account")
    short = run("token", "ls", "--json")
    assert (len(json.loads(short.out)), "see them with --all" in short.err) == (50, True)
    assert len(json.loads(run("token", "ls", "--all", "--json").out)) == 51
    assert len(run("token", "ls", "--limit", "2").lines) == 3


def test_whoami(run: Run, service: FakeService) -> None:
    session = run("whoami")
    assert session.lines[0] == "user     Alice Archer <alice@example.com>"
    assert "PIN      not set" in session.lines
    assert session.lines[-1] == f"service  {service.url}"
    assert service.token not in session.text
    assert json.loads(run("whoami", "--json").out)["account"]["name"] == "Archer & Co"


def test_login_from_a_pipe(run: Run, service: FakeService, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEALDROP_TOKEN")
    monkeypatch.delenv("SEALDROP_URL")
    refused = run("login", service.url, stdin=b"sdt_wrong\n")
    assert refused.code == 3
    assert "sdt_wrong" not in refused.err
    assert tree(world / "config") == []
    session = run("login", service.url, stdin=f"{service.token}\n".encode())
    assert session.code == 0
    assert "alice@example.com" in session.err
    assert service.token not in session.text + session.err
    assert run("whoami").code == 0


def test_login_with_a_token_that_may_not_read_its_user(run: Run, service: FakeService, world: Path) -> None:
    handler: Any = service.server.RequestHandlerClass
    body = b'{"code": "missing_scope", "message": "This token may not do that."}'
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(handler, "do_GET", lambda self: self.answer(403, body))
        assert run("login", service.url, stdin=b"sdt_other\n").code == 0
    assert tree(world / "config") == ["sealdrop", "sealdrop/config.json"]


def test_login_needs_an_address_in_a_pipe(run: Run) -> None:
    assert run("login", stdin=b"sdt_x\n").code == 2


# Exit codes and errors
def test_no_configuration(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEALDROP_TOKEN")
    missing = run("ls")
    assert (missing.code, "sealdrop login" in missing.err) == (3, True)
    monkeypatch.delenv("SEALDROP_URL")
    unset = run("ls")
    assert (unset.code, "sealdrop login" in unset.err) == (2, True)


@pytest.mark.parametrize(
    ("status", "code"), [(401, 3), (403, 3), (404, 4), (410, 4), (422, 1), (429, 5), (500, 1), (503, 5)]
)
def test_exit_codes(run: Run, service: FakeService, status: int, code: int) -> None:
    service.fail("/api/", times=99, status=status)
    assert run("whoami").code == code
    assert run("ls").code == code
    assert run("get", "0b7a1f3e-5d5b-4d0e-8e6a-3f0a3f1b2c4d").code == code


def test_nobody_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDROP_URL", "http://127.0.0.1:1/api")
    session = run("ls")
    assert session.code == 5
    assert session.err == (
        "sealdrop: could not connect to 127.0.0.1:1: nothing listens there\n"
        "  Check the network, and that SEALDROP_URL is right; then run the command again.\n"
    )


def test_a_host_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDROP_URL", "https://sealdrop.invalid/api")
    session = run("ls")
    assert session.code == 5
    assert "could not connect to sealdrop.invalid: no such host is known\n" in session.err
    assert "typing errors" in session.err


def test_an_error_names_fields_request_and_what_to_do(run: Run, here: Path) -> None:
    (here / "x").write_text("x")
    session = run("put", "x", "--name", "a/b")
    assert session.code == 1
    assert session.err.splitlines() == [
        "sealdrop: The given data was invalid.",
        "  filename: It cannot be used.",
        "  request id: r-2",
        "  Give it another name with: --name NAME",
    ]


def test_an_error_as_json(run: Run, here: Path) -> None:
    (here / "x").write_text("x")
    error = json.loads(run("put", "x", "--name", "a/b", "--json").err)["error"]
    assert (error["code"], error["errors"]) == ("invalid", {"filename": ["It cannot be used."]})


def test_a_full_disk_on_the_way_is_told_in_a_line(
    run: Run, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    session = run("get", service.add("x", b"x").id, "-o", "-")
    assert session.code == 1
    assert "No space left on device" in session.err
    assert "Traceback" not in session.err


def test_plain_http_needs_insisting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALDROP_URL", "http://files.example.com/api")
    session = run("ls")
    assert session.code == 2
    assert "plain http" in session.err


def test_no_bar_in_a_pipe_and_one_on_a_terminal(run: Run, here: Path, service: FakeService) -> None:
    (here / "x").write_bytes(os.urandom(100))
    assert run("put", "x").err == ""
    shown = run("put", "x", tty=True)
    assert "x: 100 B, sealed" in shown.err
    assert UUID.fullmatch(shown.text.strip())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "bob@example.com,carol@example.com"), "not an e-mail address"),
        (("--to", "carol@example.com", "--to", "bob@exa mple.com"), "not an e-mail address"),
        (("--to", "carol@example.com", "--body-file", "latin-1.txt"), "not text in UTF-8"),
    ],
)
def test_what_a_mail_cannot_have_is_refused_before_anything_is_sent(
    run: Run, service: FakeService, here: Path, words: tuple[str, ...], told: str
) -> None:
    (here / "a.txt").write_text("a")
    (here / "latin-1.txt").write_bytes("Grüße".encode("latin-1"))
    session = run("send", "a.txt", *words)
    assert (session.code, told in session.err) == (2, True), session.err
    assert service.log == []
