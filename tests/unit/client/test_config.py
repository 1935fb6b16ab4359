"""Where the address and the token come from, and who can read them."""

import json
import os
import stat
from pathlib import Path

import pytest

from sealdrop.config import Settings, config_path, load, read_file, store
from sealdrop.errors import LocalFileError, UsageError

HERE, THERE = "https://here.example/api", "https://there.example/api"


def test_the_environment_comes_first() -> None:
    store(Settings(HERE, "sdt_file"))
    assert load({"SEALDROP_URL": HERE, "SEALDROP_TOKEN": "sdt_env"}) == Settings(HERE, "sdt_env")
    assert load({"SEALDROP_TOKEN": "sdt_env"}) == Settings(HERE, "sdt_env")
    assert load({"SEALDROP_URL": "https://here.example/"}) == Settings(HERE, "sdt_file")
    assert load({}) == Settings(HERE, "sdt_file")


def test_a_stored_token_goes_nowhere_else() -> None:
    store(Settings(HERE, "sdt_file"))
    assert load({"SEALDROP_URL": THERE}) == Settings(THERE, None)


def test_nothing_configured() -> None:
    assert read_file() is None
    with pytest.raises(UsageError, match="no service"):
        load({})
    assert load({"SEALDROP_URL": HERE}) == Settings(HERE, None)


def test_the_file_is_private_from_its_first_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    replace = Path.replace

    def look(self: Path, target: Path) -> Path:
        seen.append(stat.S_IMODE(self.stat().st_mode))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", look)
    before = os.umask(0)
    try:
        path = store(Settings(HERE, "sdt_file"))
    finally:
        os.umask(before)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["config.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_not_used(mode: int) -> None:
    store(Settings(HERE, "sdt_file")).chmod(mode)
    with pytest.raises(LocalFileError, match="others") as refused:
        load({})
    assert "sdt_file" not in f"{refused.value}{refused.value.hint}"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1, "token": "x"}', '{"url": "x"}', "\xff"])
def test_a_damaged_file(text: str) -> None:
    path = store(Settings(HERE, "sdt_file"))
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LocalFileError, match="settings"):
        load({})


def test_a_directory_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/nowhere")
    with pytest.raises(LocalFileError):
        store(Settings(HERE, "sdt_file"))


def test_without_xdg_it_is_in_the_home_directory(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert config_path() == world / "home" / ".config" / "sealdrop" / "config.json"


def test_what_is_stored() -> None:
    assert json.loads(store(Settings(HERE, "sdt_file")).read_text()) == {"url": HERE, "token": "sdt_file"}


def test_the_token_is_not_shown() -> None:
    assert "sdt_file" not in repr(Settings(HERE, "sdt_file"))
