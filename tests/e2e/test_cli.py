"""The command line and the library against the running stack."""

import hashlib
import io
import json
import os
import secrets
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from infra.create_user import create_user, function_name
from sealdrop import ApiError, Client, Gone, NotFound
from tests.e2e.api_kit import Backstage, keyed
from tests.e2e.conftest import Stack, User
from tests.e2e.test_api_pins import PIN_GUARDED, guarded
from tests.support.warm import Warm

pytestmark = pytest.mark.e2e

MIB = 1 << 20
FRAME = 262_144
PART = 8 * MIB
MODES = ("client", "server")
PIN = "1a2s3d"  # Alice's, as the stack has it
PATIENCE_SECONDS = 120
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode().strip()


class Shell:
    """Somebody at a terminal: a home, a working directory, and perhaps a token."""

    def __init__(self, command: Warm, home: Path, url: str | None, token: str | None, pin: str | None = None) -> None:
        self.command = command("sealdrop")
        self.here = home / "here"
        self.here.mkdir(parents=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "client"),
            "HOME": str(home),
            "TZ": "UTC",
            **({"SEALDROP_URL": url} if url else {}),
            **({"SEALDROP_TOKEN": token} if token else {}),
            **({"SEALDROP_PIN": pin} if pin else {}),
        }

    def __call__(self, *words: str, stdin: bytes = b"") -> Done:
        done = subprocess.run(  # noqa: S603 - our own command
            [*self.command, *words],
            cwd=self.here,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def alice_shell(stack: Stack, tmp_path: Path) -> Shell:
    return Shell(stack.command, tmp_path / "alice", stack.api_url, stack.alice.token, stack.alice.pin)


@pytest.fixture
def bob_shell(stack: Stack, tmp_path: Path) -> Shell:
    return Shell(stack.command, tmp_path / "bob", stack.api_url, stack.bob.token, stack.bob.pin)


@pytest.fixture
def nobody(stack: Stack, tmp_path: Path) -> Shell:
    """Neither an account nor any configuration: what a recipient has is a link."""
    return Shell(stack.command, tmp_path / "nobody", None, None)


@pytest.fixture
def library(stack: Stack) -> Client:
    return Client(stack.api_url, stack.alice.token)


def download_key(alice: User, *file_ids: str) -> str:
    download = alice.api("POST", "/downloads", {"files": list(file_ids)}).data
    key: str = keyed(alice.api, download["id"]).data["key"]
    return key


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("mode", MODES)
def test_from_one_user_to_somebody_with_a_link(
    stack: Stack, alice_shell: Shell, nobody: Shell, alice: User, mode: str
) -> None:
    content = secrets.token_bytes(3 * FRAME + 7)
    (alice_shell.here / "report 1.pdf").write_bytes(content)
    put = alice_shell("put", "report 1.pdf", "--encryption", mode)
    assert (put.code, put.err) == (0, "")
    key = download_key(alice, put.text)
    link = f"{stack.api_url}/public/downloads/{key}"
    got = nobody("get", link)
    assert (got.code, got.text, got.err) == (0, "report 1.pdf", "")
    assert (nobody.here / "report 1.pdf").read_bytes() == content
    again = nobody("get", link, "-o", "again")
    assert again.code == 4
    assert [path.name for path in nobody.here.iterdir()] == ["report 1.pdf"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, PART - 1, PART, PART + 1, 3 * PART])
def test_every_size_comes_back(library: Client, mode: str, size: int) -> None:
    """Sealed beyond 8 MiB means several parts."""
    content = secrets.token_bytes(size)
    file = library.put(io.BytesIO(content), name="x.bin", encryption=mode)  # type: ignore[arg-type]
    out = io.BytesIO()
    library.get(file.id, out, pin=PIN)
    assert (file.status, out.getvalue() == content) == ("ready", True)
    library.purge(file.id)


@pytest.mark.xdist_group("big")
def test_a_plain_multipart_upload_is_resumed(library: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "big.bin"
    path.write_bytes(secrets.token_bytes(MIB) * 120)

    def interrupt(done: int, _total: int) -> None:
        if done > 60 * MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.put(path, encryption="server", progress=interrupt)
    (pending,) = [file for file in library.files(status="pending") if file.full_filename == "big.bin"]
    seen: list[int] = []
    file = library.put(path, encryption="server", progress=lambda done, _total: seen.append(done))
    assert file.id == pending.id
    assert 0 < seen[0] < file.size, "what had arrived is not sent again"
    library.get(file.id, tmp_path / "back.bin", pin=PIN)
    assert digest(tmp_path / "back.bin") == digest(path)
    library.purge(file.id)


def test_through_pipes(alice_shell: Shell) -> None:
    content = secrets.token_bytes(PART + 5)
    put = alice_shell("put", "-", "--name", "stream.bin", stdin=content)
    assert put.code == 0, put.err
    assert alice_shell("get", put.text, "-o", "-").out == content
    assert list(alice_shell.here.iterdir()) == []


NAMES = [
    'quote\'s "double" `back`.txt',
    "émoji 👩‍👩‍👧 日本語.txt",
    "a; rm -rf ~ && $(id) | x.txt",
    "-n",
    "no extension",
    "x" * 251 + ".txt",
    "é" * 127 + "a",
    "%2e%2e%2f.txt",
    "[bold red]x.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_come_back_as_they_went(alice_shell: Shell, nobody: Shell, stack: Stack, alice: User, name: str) -> None:
    (alice_shell.here / name).write_bytes(b"content")
    put = alice_shell("put", "--", name)
    assert put.code == 0, put.err
    key = download_key(alice, put.text)
    assert nobody("get", f"{stack.api_url}/public/downloads/{key}").code == 0
    assert [path.name for path in nobody.here.iterdir()] == [name]


def test_no_sender_hides_a_file(alice_shell: Shell, nobody: Shell, stack: Stack, alice: User) -> None:
    """A `.bash_profile` in a home directory would run at the next login."""
    (alice_shell.here / ".bash_profile").write_bytes(b"content")
    key = download_key(alice, alice_shell("put", ".bash_profile").text)
    got = nobody("get", f"{stack.api_url}/public/downloads/{key}")
    assert got.code == 0
    assert "_bash_profile" in got.err
    assert [path.name for path in nobody.here.iterdir()] == ["_bash_profile"]


@pytest.mark.parametrize("name", ["../evil", "a/b", "a\\b", "a\r\nb", "..", "\u202efdp.exe", "x" * 256])
def test_names_that_the_service_refuses(alice_shell: Shell, name: str) -> None:
    put = alice_shell("put", "-", "--name", name, stdin=b"x")
    assert (put.code, put.out) == (1, b"")
    assert "  filename: " in put.err
    assert "\r" not in put.err
    assert "\u202e" not in put.err


def test_listing_removing_and_what_is_left(alice_shell: Shell, library: Client) -> None:
    (alice_shell.here / "a.txt").write_bytes(b"x" * 43_390)
    file_id = alice_shell("put", "a.txt", "--expires", "7d").text
    (row,) = [line for line in alice_shell("ls").text.splitlines() if line.startswith(file_id)]
    assert "42.4 KiB" in row
    assert row.endswith("a.txt")
    assert alice_shell("rm", file_id).text == f"trashed {file_id}"
    assert alice_shell("rm", file_id).code == 0, "repeating it is no purge"
    trashed = json.loads(alice_shell("ls", "--trashed", "--json").out)
    assert file_id in [file["id"] for file in trashed]
    assert not library.restore(file_id).trashed
    assert alice_shell("rm", "--permanent", file_id).text == f"purged {file_id}"
    gone = alice_shell("get", file_id)
    assert gone.code == 4
    assert list(alice_shell.here.iterdir()) == [alice_shell.here / "a.txt"]


def test_a_file_is_edited(alice_shell: Shell, alice: User) -> None:
    (alice_shell.here / "a.txt").write_bytes(b"x")
    file_id = alice_shell("put", "a.txt", "--expires", "7d").text
    category = alice.api("POST", "/categories", {"name": f"edited {secrets.token_hex(6)}"}).data["id"]
    changed = alice_shell("edit", file_id, "--name", "b.pdf", "--no-expiry", "--category", category)
    assert changed.text == f"changed {file_id}: b.pdf, does not expire, category {category}", changed.err
    file = json.loads(alice_shell("edit", file_id, "--expires", "1h", "--no-category", "--json").out)
    assert (file["full_filename"], file["category_id"], file["expires_at"] is None) == ("b.pdf", None, False)
    refused = alice_shell("edit", file_id, "--name", "a/b")
    assert (refused.code, "  filename: " in refused.err) == (1, True)
    alice_shell("rm", "--permanent", file_id)


def test_an_empty_account(stack: Stack, tmp_path: Path) -> None:
    """Somebody who was made a moment ago: other tests put things into Alice's and Bob's accounts."""
    functions = boto3.Session().client(
        "lambda",
        endpoint_url=stack.ready["aws_endpoint_url"],
        region_name=stack.ready["region"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    order = {"email": f"{secrets.token_hex(6)}@example.com", "name": "Newcomer"}
    with closing(functions):
        token = create_user(order, function_name("dev"), functions=functions)["token"]
    empty = Shell(stack.command, tmp_path / "newcomer", stack.api_url, token)("ls")
    assert (empty.code, empty.out, empty.err) == (0, b"", "no files yet: sealdrop put FILE\n")


def test_another_account_sees_nothing(alice_shell: Shell, bob_shell: Shell) -> None:
    (alice_shell.here / "a.txt").write_bytes(b"private")
    file_id = alice_shell("put", "a.txt").text
    for words in (("get", file_id), ("rm", file_id), ("rm", "--permanent", file_id)):
        assert bob_shell(*words).code == 4
    assert alice_shell("get", file_id, "-o", "-").out == b"private"


def test_tokens_and_their_scopes(stack: Stack, alice_shell: Shell, tmp_path: Path) -> None:
    made = alice_shell("token", "create", "reader", "--scope", "files:read", "--expires", "1h")
    assert made.text.startswith("sdt_")
    reader = Shell(stack.command, tmp_path / "reader", stack.api_url, made.text)
    assert reader("ls").code == 0
    (reader.here / "x").write_bytes(b"x")
    refused = reader("put", "x")
    assert refused.code == 3
    assert made.text not in refused.err
    listed = json.loads(alice_shell("token", "ls", "--json").out)
    (token,) = [token for token in listed if token["name"] == "reader"]
    assert token["scopes"] == ["files:read"]
    assert alice_shell("token", "rm", token["id"]).code == 0
    assert reader("ls").code == 3


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        ("files:write", ("put", "a.txt")),
        ("files:read", ("ls",)),
        ("downloads", ("get", "ID", "-o", "copy.txt")),
        ("files:write", ("edit", "ID", "--name", "b.txt")),
        ("files:write", ("rm", "ID")),
        ("files:write", ("restore", "ID")),
        ("files:write mails:send", ("send", "a.txt", "--to", "carol@example.net")),
        ("files:read mails:send", ("send", "ID", "--to", "carol@example.net")),
        ("mails:read", ("mails",)),
        ("inbox:read", ("inbox",)),
        ("events", ("events",)),
        ("tokens", ("token", "ls")),
        ("account", ("whoami",)),
    ],
    ids=str,
)
def test_the_scopes_that_a_command_needs(
    stack: Stack, alice_shell: Shell, tmp_path: Path, scopes: str, words: tuple[str, ...]
) -> None:
    """As docs/cli.md has it: these do, and none of them is too much."""
    (alice_shell.here / "a.txt").write_bytes(b"x")
    file_id = alice_shell("put", "a.txt").text
    for missing in ("", *scopes.split()):
        left = [scope for scope in [*scopes.split(), "webhooks"] if scope != missing]
        token = alice_shell("token", "create", "narrow", *(word for scope in left for word in ("--scope", scope))).text
        narrow = Shell(stack.command, tmp_path / f"narrow{missing}", stack.api_url, token, stack.alice.pin)
        (narrow.here / "a.txt").write_bytes(b"x")
        done = narrow(*(file_id if word == "ID" else word for word in words))
        assert done.code == (3 if missing else 0), (missing, done.err)


def test_logging_in(stack: Stack, nobody: Shell) -> None:
    assert nobody("whoami").code == 2
    assert nobody("login", stack.api_url, stdin=b"sdt_wrong\n").code == 3
    done = nobody("login", stack.api_url, stdin=f"{stack.alice.token}\n".encode())
    assert done.code == 0, done.err
    me = json.loads(nobody("whoami", "--json").out)
    assert (me["email"], me["account"]["name"]) == ("alice@example.com", "Archer & Co")


def test_several_files_at_once(stack: Stack, alice_shell: Shell, nobody: Shell, alice: User) -> None:
    contents = {name: secrets.token_bytes(1000 * number) for number, name in enumerate(["a", "b", "c.txt"])}
    for name, content in contents.items():
        (alice_shell.here / name).write_bytes(content)
    ids = [
        alice_shell("put", name, "--encryption", mode).text
        for name, mode in zip(contents, (*MODES, "client"), strict=True)
    ]
    link = f"{stack.api_url}/public/downloads/{download_key(alice, *ids)}"
    assert nobody("get", link, "-o", "inbox").code == 0
    assert {path.name: path.read_bytes() for path in (nobody.here / "inbox").iterdir()} == contents


def test_the_library_sees_a_download_through(library: Client, alice: User) -> None:
    file = library.put(io.BytesIO(b"content"), name="x")
    download = library.create_download([file.id])
    key = library.create_download_key(download.id, pin=PIN).key
    view = library.show_download(key)
    assert (view.uses_left, view.sender_email, view.files[0].size) == (1, "alice@example.com", 7)
    performed = library.perform(key)
    assert library.perform(key, performed.session).files[0].url
    with pytest.raises(Gone):
        library.perform(key)
    library.purge(file.id)
    with pytest.raises(NotFound):
        library.file(file.id)


def test_a_second_upload_cannot_replace_the_first(library: Client, alice: User) -> None:
    """What a 412 is for: `complete` is asked, and says that the first one stands."""
    file = library.put(io.BytesIO(b"first"), name="x", encryption="server")
    with pytest.raises(ApiError) as refused:
        library._api.sign_parts(file.id, {1: None})
    assert refused.value.status == 409


# PINs


def test_get_asks_for_the_pin_that_its_user_has(stack: Stack, alice_shell: Shell, tmp_path: Path) -> None:
    (alice_shell.here / "a.txt").write_bytes(b"private")
    file_id = alice_shell("put", "a.txt").text
    for pin, said in ((None, "asks for your PIN"), ("guessed 1", "that is not the PIN")):
        thief = Shell(stack.command, tmp_path / f"thief {pin}", stack.api_url, stack.alice.token, pin)
        refused = thief("get", file_id)
        assert refused.code == 3
        assert said in refused.err
        assert "guessed 1" not in refused.err
        assert list(thief.here.iterdir()) == []
    assert alice_shell("get", file_id, "-o", "-").out == b"private", "and a right PIN forgets the wrong one"


def test_a_pin_is_changed_removed_and_set(stack: Stack, bob_shell: Shell, tmp_path: Path) -> None:
    """And is in the end what it was before."""
    (bob_shell.here / "a.txt").write_bytes(b"bob's")
    file_id = bob_shell("put", "a.txt").text
    assert bob_shell("pin", "set", "--pin", "another one").text == "the PIN is changed"
    assert bob_shell("get", file_id, "-o", "-").code == 3
    assert bob_shell("get", file_id, "-o", "-", "--pin", "another one").out == b"bob's"
    assert bob_shell("pin", "rm", "--current-pin", "another one").text == "there is no PIN any more"
    without = Shell(stack.command, tmp_path / "without", stack.api_url, stack.bob.token)
    assert without("get", file_id, "-o", "-").out == b"bob's"
    assert without("pin", "set", "--pin", stack.bob.pin).text == "the PIN is set"
    assert json.loads(without("whoami", "--json").out)["has_pin"] is True
    assert without("get", file_id, "-o", "-").code == 3
    bob_shell("rm", "--permanent", file_id)


def test_a_link_behind_a_pin(stack: Stack, alice: User, nobody: Shell, backstage: Backstage) -> None:
    key = guarded(alice, backstage)
    link = f"{stack.api_url}/public/downloads/{key}"
    assert nobody("get", link).code == 3
    assert nobody("get", link, "--pin", "0000").code == 3
    (nobody.here / "secret plans.pdf").write_bytes(b"mine")
    got = nobody("get", link, "--pin", PIN_GUARDED)
    assert (got.code, got.text) == (0, "secret plans (2).pdf"), got.err
    assert (nobody.here / "secret plans.pdf").read_bytes() == b"mine"
    assert nobody("get", link, "--pin", PIN_GUARDED).code == 4
