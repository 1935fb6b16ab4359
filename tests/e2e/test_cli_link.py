"""`sealdrop link` against the running stack, and the receiving page that its link opens."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.api_kit import content
from tests.e2e.browser import visit
from tests.e2e.conftest import Api, Stack
from tests.e2e.test_cli import Shell

pytestmark = pytest.mark.e2e

DATA = content(300_000, "by link")


@pytest.fixture
def alice(stack: Stack, tmp_path: Path) -> Shell:
    shell = Shell(stack.command, tmp_path / "alice", stack.api_url, stack.alice.token, stack.alice.pin)
    (shell.here / "invoice.pdf").write_bytes(DATA)
    return shell


@pytest.fixture
def stranger(stack: Stack, tmp_path: Path) -> Shell:
    return Shell(stack.command, tmp_path / "stranger", None, None)


def made(shell: Shell, *words: str) -> str:
    done = shell("link", *words)
    assert done.code == 0, done.err
    return done.text


def test_a_browser_has_it_once(alice: Shell, stack: Stack) -> None:
    link = made(alice, "invoice.pdf", "--encryption", "server")
    assert link.startswith(f"{stack.ready['web_url']}d#")
    with visit(link) as visiting:
        page = visiting.page
        expect(page.get_by_role("heading", level=1)).to_have_text("Files for you")
        expect(page.locator(".sender")).to_contain_text("Alice Archer")
        expect(page.locator("#body")).to_be_hidden()
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as saved:
            page.get_by_role("link", name="invoice.pdf").click()
        assert Path(saved.value.path()).read_bytes() == DATA
    with visit(link) as visiting:
        expect(visiting.page.get_by_role("heading", level=1)).to_have_text("This link cannot be used any more")


def test_the_command_has_what_was_sealed_and_what_was_there(alice: Shell, stranger: Shell) -> None:
    there = alice("put", "invoice.pdf").text
    link = made(alice, "invoice.pdf", there, "--max-downloads", "2")
    for folder in ("one", "two"):
        (stranger.here / folder).mkdir()
        assert stranger("get", link, "-o", folder).code == 0
        assert [path.read_bytes() for path in (stranger.here / folder).iterdir()] == [DATA, DATA]
    assert stranger("get", link, "-o", "one").code == 4


def test_its_pin_is_not_ones_own(alice: Shell, stranger: Shell) -> None:
    alice.environment["SEALDROP_MAIL_PIN"] = "7294"
    link = made(alice, "invoice.pdf")
    stranger.environment["SEALDROP_PIN"] = "7294"  # one's own, which no link is told
    for pin, is_right in ((alice.environment["SEALDROP_PIN"], False), ("7294", True)):
        stranger.environment["SEALDROP_MAIL_PIN"] = pin
        assert (stranger("get", link, "-o", "got.pdf").code == 0) is is_right
    assert (stranger.here / "got.pdf").read_bytes() == DATA


def test_whose_pin_is_missing_is_told(alice: Shell) -> None:
    del alice.environment["SEALDROP_PIN"]
    refused = alice("link", "invoice.pdf", "--pin", "7294")
    assert (refused.code, "SEALDROP_PIN, or with --own-pin" in refused.err) == (3, True)


def test_it_ends_when_it_is_revoked(alice: Shell, stranger: Shell, anyone: Api) -> None:
    record = json.loads(made(alice, "invoice.pdf", "--expires", "3d", "--max-downloads", "5", "--json"))
    key = record["link"].partition("#")[2]
    shown = anyone("GET", f"/public/downloads/{key}").data
    assert (shown["uses_left"], shown["expires_at"][:16]) == (5, record["expires_at"][:16])
    assert made(alice, "--revoke", record["id"]) == f"revoked {record['id']}"
    assert stranger("get", record["link"]).code == 4
