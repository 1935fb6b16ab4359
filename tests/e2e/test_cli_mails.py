"""Mails by command line against the running stack."""

import json
from pathlib import Path

import pytest

from tests.e2e.api_kit import content, eventually
from tests.e2e.conftest import Stack
from tests.e2e.mail_kit import Outbox, link_in, somebody
from tests.e2e.test_cli import Shell

pytestmark = pytest.mark.e2e

DATA = content(300_000, "by mail")


@pytest.fixture
def outbox(stack: Stack) -> Outbox:
    return Outbox(stack.ready)


@pytest.fixture
def alice(stack: Stack, tmp_path: Path) -> Shell:
    """With a PIN of her own in the environment, which is nothing that her readers are asked for."""
    shell = Shell(stack.command, tmp_path / "alice", stack.api_url, stack.alice.token, stack.alice.pin)
    (shell.here / "invoice.pdf").write_bytes(DATA)
    return shell


@pytest.fixture
def bob(stack: Stack, tmp_path: Path) -> Shell:
    return Shell(stack.command, tmp_path / "bob", stack.api_url, stack.bob.token, stack.bob.pin)


@pytest.fixture
def stranger(stack: Stack, tmp_path: Path) -> Shell:
    return Shell(stack.command, tmp_path / "stranger", None, None)


def test_to_a_stranger_who_has_the_link(alice: Shell, stranger: Shell, outbox: Outbox) -> None:
    carol = somebody()
    sent = alice("send", "invoice.pdf", "--to", f"Carol <{carol}>", "--body", "Dear Carol,\n\n1 < 2.")
    assert sent.code == 0, sent.err
    message = outbox.first(carol)
    assert message["Subject"] == "invoice.pdf"
    got = stranger("get", link_in(message), "-o", "got.pdf")
    assert got.code == 0, got.err
    assert (stranger.here / "got.pdf").read_bytes() == DATA
    shown = alice("mails", sent.text)
    for words in ("Carol", carol, "Dear Carol,", "1 < 2.", "invoice.pdf", "opened", "9 of 10 left"):
        assert words in shown.text


def test_into_an_inbox(alice: Shell, bob: Shell, stack: Stack) -> None:
    mail_id = alice("send", "invoice.pdf", "--to", stack.bob.email, "--subject", "For Bob").text
    eventually(lambda: mail_id in bob("inbox").text, "the mail to arrive")
    (listed,) = [row for row in json.loads(bob("inbox", "--json").out) if row["id"] == mail_id]
    assert (listed["subject"], listed["opened"], listed["body"]) == ("For Bob", False, None)
    shown = bob("inbox", mail_id)
    assert all(words in shown.text for words in ("Alice Archer", "For Bob", "invoice.pdf", f"sealdrop get {mail_id}"))
    got = bob("get", mail_id, "-o", "got.pdf")
    assert got.code == 0, got.err
    assert (bob.here / "got.pdf").read_bytes() == DATA
    assert bob("inbox", mail_id, "--hide").code == 0
    assert bob("inbox", mail_id).code == 4
    assert bob("get", mail_id).code == 4


def test_with_the_senders_pin_as_well(alice: Shell, bob: Shell, stack: Stack) -> None:
    mail_id = alice("send", "invoice.pdf", "--to", stack.bob.email, "--pin", "1q2w3e4r").text
    eventually(lambda: mail_id in bob("inbox").text, "the mail to arrive")
    refused = bob("get", mail_id)
    assert (refused.code, "PIN" in refused.err) == (3, True)
    got = bob("get", mail_id, "--mail-pin", "1q2w3e4r", "-o", "got.pdf")
    assert got.code == 0, got.err
    assert (bob.here / "got.pdf").read_bytes() == DATA


def test_many_recipients_options_and_json(alice: Shell, outbox: Outbox) -> None:
    addresses = [somebody(), somebody()]
    to = [word for address in addresses for word in ("--to", address)]
    options = ["--expires", "3d", "--max-downloads", "1", "--body-file", "-", "--json"]
    sent = alice("send", "invoice.pdf", *to, *options, stdin=b"Hello\n")
    assert sent.code == 0, sent.err
    mails = json.loads(sent.out)
    assert [mail["recipient"]["email"] for mail in mails] == addresses
    assert {mail["max_downloads"] for mail in mails} == {1}
    assert len({outbox.key(address) for address in addresses}) == 2


def test_a_file_that_is_there_already_goes_by_its_id(alice: Shell, outbox: Outbox) -> None:
    file_id = alice("put", "invoice.pdf").text
    carol = somebody()
    assert alice("send", file_id, "--to", carol).code == 0
    assert outbox.first(carol)["Subject"] == "invoice.pdf"
    assert len(alice("ls", "--json").out) > 0


def test_revoking(alice: Shell, stranger: Shell, outbox: Outbox) -> None:
    carol = somebody()
    mail_id = alice("send", "invoice.pdf", "--to", carol).text
    link = link_in(outbox.first(carol))
    for _ in range(2):
        assert alice("mails", mail_id, "--revoke").text == f"revoked {mail_id}"
    refused = stranger("get", link)
    assert refused.code == 4
    assert link.partition("#")[2] not in refused.err
    eventually(lambda: "revoked" in alice("mails", "--keyword", carol).text, "the index to follow")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("send", "invoice.pdf"), 2),
        (("send", "--to", "a@b.example"), 2),
        (("send", "invoice.pdf", "--to", "nobody"), 2),
        (("send", "absent.pdf", "--to", "a@b.example"), 1),
        (("send", "invoice.pdf", "--to", "a@b.example", "--max-downloads", "101"), 2),
        (("send", "invoice.pdf", "--to", "a@b.example", "--body", "x", "--body-file", "invoice.pdf"), 2),
        (("mails", "--revoke"), 2),
        (("inbox", "--hide"), 2),
        (("inbox", "00000000-0000-8000-8000-000000000000"), 4),
        (("mails", "00000000-0000-8000-8000-000000000000"), 4),
    ],
)
def test_what_is_refused(alice: Shell, words: tuple[str, ...], code: int) -> None:
    refused = alice(*words)
    assert (refused.code, bool(refused.err), refused.out) == (code, True, b"")
