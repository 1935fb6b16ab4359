"""Downloads whose command was killed in the middle, against the running stack."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.api_kit import eventually
from tests.e2e.conftest import Stack, User
from tests.e2e.mail_kit import Outbox, link_in, somebody
from tests.e2e.test_cli import MIB, PATIENCE_SECONDS, Shell, alice_shell, bob_shell, download_key, nobody

__all__ = ["alice_shell", "bob_shell", "nobody"]

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("big")]

SIZE = 192 * MIB  # long enough on its way to be met there


@pytest.fixture
def data() -> bytes:
    return secrets.token_bytes(MIB) * (SIZE // MIB)


def killed(shell: Shell, *words: str) -> None:
    """The command is killed when some of the bytes are here."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "sealdrop", *words],
        cwd=shell.here,
        env=shell.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: any(part.stat().st_size for part in parts(shell)), "the first bytes")
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
    assert [path for path in shell.here.rglob("*") if path.is_file()] == parts(shell), "nothing is in its place"


def parts(shell: Shell) -> list[Path]:
    return list(shell.here.rglob(".sealdrop-*.part"))


def kept(shell: Shell) -> list[Path]:
    return list((shell.here.parent / ".local" / "state" / "sealdrop" / "downloads").iterdir())


@pytest.mark.parametrize("mode", ["client", "server"])
def test_a_download_that_works_once(
    stack: Stack, alice: User, alice_shell: Shell, nobody: Shell, data: bytes, mode: str
) -> None:
    (alice_shell.here / "big.bin").write_bytes(data)
    file_id = alice_shell("put", "big.bin", "--encryption", mode).text
    key = download_key(alice, file_id)
    link = f"{stack.api_url}/public/downloads/{key}"
    killed(nobody, "get", link)
    assert stack.anyone("GET", f"/public/downloads/{key}").status == 410, "the use is spent"
    (state,) = kept(nobody)
    assert (state.stat().st_mode & 0o777, state.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    got = nobody("get", link)
    assert (got.code, got.text) == (0, "big.bin"), got.err
    assert got.err.startswith("sealdrop: going on with the download that was interrupted: 0 of 1 files are there")
    assert (nobody.here / "big.bin").read_bytes() == data
    assert (parts(nobody), kept(nobody)) == ([], [])
    assert nobody("get", link, "-o", "again").code == 4
    alice_shell("rm", "--permanent", file_id)


def test_a_mail_in_the_inbox_costs_one_use_and_one_pin(
    stack: Stack, alice_shell: Shell, bob_shell: Shell, data: bytes
) -> None:
    """Its download key is a new one with every command: the kept one is that which the session belongs to."""
    (alice_shell.here / "big.bin").write_bytes(data)
    mail_id = alice_shell("send", "big.bin", "--to", stack.bob.email, "--pin", "1q2w3e4r").text
    eventually(lambda: mail_id in bob_shell("inbox").text, "the mail to arrive")
    killed(bob_shell, "get", mail_id, "--mail-pin", "1q2w3e4r")
    del bob_shell.environment["SEALDROP_PIN"]
    got = bob_shell("get", mail_id)
    assert (got.code, got.text) == (0, "big.bin"), got.err
    assert (bob_shell.here / "big.bin").read_bytes() == data
    assert "9 of 10 left" in alice_shell("mails", mail_id).text


def test_a_mail_that_is_revoked_meanwhile_is_not_gone_on_with(
    stack: Stack, alice_shell: Shell, nobody: Shell, data: bytes
) -> None:
    (alice_shell.here / "big.bin").write_bytes(data)
    carol = somebody()
    mail_id = alice_shell("send", "big.bin", "--to", carol).text
    link = link_in(Outbox(stack.ready).first(carol))
    killed(nobody, "get", link)
    alice_shell("mails", mail_id, "--revoke")
    refused = nobody("get", link, "--json")
    assert (refused.code, json.loads(refused.err)["error"]["again_until"]) == (4, None)
    assert (kept(nobody), list(nobody.here.iterdir())) == ([], [])
