"""python -m infra.export: everything that is held about a person, and nothing that is not theirs to have."""

import hashlib
import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra import export, receipt
from infra.local.stack import EmulatedAws
from infra.recover import NotRecovered
from tests.integration.infra.conftest import Run
from tests.integration.infra.person_kit import ALICE, ALICES_IP, BODY, CAROL, CAROLS_IP, CONTENT, Scene, told_scene


@pytest.fixture(scope="module")
def scene(aws: EmulatedAws, clients: dict[str, Any]) -> Iterator[Scene]:
    with told_scene(aws, clients, datetime.now(UTC)) as scene:
        yield scene


@pytest.fixture
def run(command: Callable[..., Run]) -> Run:
    return command(export.main)


def lines(folder: Path, name: str) -> list[Any]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def one(folder: Path, name: str) -> Any:
    (line,) = lines(folder, name)
    return line


def test_everything_of_hers_is_there_and_no_secret(scene: Scene, run: Run, tmp_path: Path) -> None:
    status, _, err = run(ALICE.upper(), "-o", "alice", "--with-files")
    assert (status, err) == (0, "")
    folder = tmp_path / "alice"
    user = one(folder, "user")
    assert (user["email"], user["name"], user["has_pin"]) == (ALICE, "Alice Archer", False)
    assert user["account"] == {"id": scene.alice.account_id, "name": "Alice Archer"}
    assert {line["id"] for line in lines(folder, "tokens")} == set(scene.alices_tokens)
    file = one(folder, "files")
    assert (file["id"], file["filename"], file["content"]) == (scene.file.id, "plan.pdf", f"files/{scene.file.id}")
    assert (folder / file["content"]).read_bytes() == CONTENT
    assert one(folder, "categories")["name"] == "Contracts"
    assert {line["id"] for line in lines(folder, "mails-sent")} == {
        scene.sent.id,
        scene.to_carol.id,
        scene.hidden.id,
    }
    assert {line["id"] for line in lines(folder, "mails-received")} == {scene.received.id, scene.queued.id}
    assert [line["body"] for line in lines(folder, "mails-sent")] == [BODY] * 3
    received = {line["id"]: line for line in lines(folder, "mails-received")}
    assert (received[scene.received.id]["body"], received[scene.received.id]["subject"]) == (BODY, "The contract")
    assert not {"body", "subject"} & received[scene.queued.id].keys()  # it has not come yet
    assert one(folder, "inbox")["id"] == scene.received.id
    assert len(lines(folder, "downloads")) == 4
    assert len(lines(folder, "temporary-keys")) == 1
    events = lines(folder, "events")
    assert {"user.created", "file.created", "mail.opened", "inbox.received"} <= {event["type"] for event in events}
    ids = {event["id"] for event in events}
    assert len(ids) == len(events)
    text = "".join(path.read_text() for path in folder.glob("*.json*"))
    secrets = (scene.alice.text, scene.alice.token.secret_hash, "f" * 64, scene.bob.user_id, scene.bob.account_id)
    assert not any(secret in text for secret in secrets)
    assert "bobs" not in text
    self_described(folder, events)


def self_described(folder: Path, events: list[Any]) -> None:
    index = json.loads((folder / "index.json").read_text())
    assert index["problems"] == []
    assert {entry["name"] for entry in index["files"]} == {path.name for path in folder.glob("*.jsonl")}
    for entry in index["files"]:
        content = (folder / entry["name"]).read_bytes()
        assert (entry["lines"], entry["sha256"]) == (content.count(b"\n"), hashlib.sha256(content).hexdigest())
        assert stat.S_IMODE((folder / entry["name"]).stat().st_mode) == 0o600
    for name in ("index.json", "receipt.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert receipt.main([str(folder / "receipt.json"), "--email", ALICE]) == receipt.GOOD
    told = json.loads((folder / "receipt.json").read_text())
    assert (told["did"], told["counts"]["event"]) == ("export", len(events))


def test_somebody_without_an_account_gets_what_they_were_sent(scene: Scene, run: Run, tmp_path: Path) -> None:
    status, _, _ = run(CAROL, "-o", "carol")
    assert status == 0
    folder = tmp_path / "carol"
    mails = {line["id"]: line for line in lines(folder, "mails-received")}
    assert mails.keys() == {scene.to_carol.id, scene.withdrawn.id}
    mail = mails[scene.to_carol.id]
    assert (mail["body"], mail["author"]["name"]) == (BODY, "Alice Archer")
    assert "body" not in mails[scene.withdrawn.id]  # its sender has taken it back unread
    events = lines(folder, "events")
    assert [(event["type"], event["ip"]) for event in events] == [("mail.opened", CAROLS_IP)]
    text = "".join(path.read_text() for path in folder.iterdir())
    assert not any(secret in text for secret in (scene.alice.user_id, scene.alice.account_id, ALICES_IP))
    assert sorted(path.name for path in folder.iterdir()) == [
        "events.jsonl",
        "index.json",
        "mails-received.jsonl",
        "receipt.json",
    ]


def test_a_file_that_cannot_be_had_is_named_and_keeps_nothing_else_back(
    scene: Scene, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise NotRecovered("there is no such version of it")

    monkeypatch.setattr(export, "recover", gone)
    status, _, err = run(ALICE, "-o", "alice", "--with-files")
    assert (status, err) == (1, f"file {scene.file.id}: there is no such version of it\n")
    assert one(tmp_path / "alice", "files")["content"] is None
    assert json.loads((tmp_path / "alice" / "index.json").read_text())["problems"] == [err.strip()]


def test_a_folder_that_holds_something_is_left_alone(scene: Scene, run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert run(ALICE, "-o", ".") == (1, "", "not exported: . is not empty\n")
    assert run("nobody@example.com", "-o", "new") == (0, "nothing is held\n", "")


@pytest.mark.usefixtures("scene")
def test_one_that_is_broken_off_has_no_index(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export.Export, "run", interrupted)
    status, out, err = run(ALICE, "-o", "alice")
    assert (status, out) == (1, "")
    assert err == "broken off: alice is not whole. Run it again into another folder.\n"
    assert not (tmp_path / "alice" / "index.json").exists()
