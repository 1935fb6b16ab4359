"""What is found is mended or accepted with a reason, and no exception outlives its cause; who cannot look says so."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import audit

FOUND = {("B1", "a.py"): "bad", ("B1", "b.py"): "bad", ("B2", "a.py"): "worse"}
BECAUSE = {"because": "it is a test"}


def accepted(**places: Any) -> dict[str, Any]:
    return {name: {"in": where, **BECAUSE} for name, where in places.items()}


class TestCompared:
    def test_what_is_accepted_is_silent(self) -> None:
        assert list(audit.compared(FOUND, accepted(B1=["a.py", "b.py"], B2="all"))) == []

    def test_what_is_not_is_told(self) -> None:
        assert list(audit.compared(FOUND, accepted(B1=["a.py"], B2="all"))) == ["B1 in b.py: bad"]
        assert len(list(audit.compared(FOUND, {}))) == 3

    @pytest.mark.parametrize("places", [{"B3": "all"}, {"B2": ["a.py", "c.py"]}, {"B3": ["a.py"]}])
    def test_what_is_accepted_and_gone_is_told(self, places: dict[str, Any]) -> None:
        told = list(audit.compared(FOUND, accepted(**{"B1": "all", "B2": "all"} | places)))
        assert [line.partition(", ")[2] for line in told] == ["and not found there any more"]


def test_whatever_is_accepted_says_why() -> None:
    written = yaml.safe_load(audit.ACCEPTED.read_text(encoding="utf-8"))
    assert written.keys() == {"checkov", "bandit", "secrets", "vulnerabilities"}
    for kind, entries in written.items():
        for name, entry in (entries or {}).items():
            assert entry.keys() == {"in", "because"} | ({"until"} if kind == "vulnerabilities" else set()), name
            assert len(entry["because"]) > 5


class TestVulnerabilities:
    @staticmethod
    def answering(monkeypatch: pytest.MonkeyPatch, *dependencies: dict[str, Any]) -> None:
        monkeypatch.setattr(audit, "LOCKS", ("requirements.txt",))
        monkeypatch.setattr(audit, "_run", lambda *_: json.dumps({"dependencies": dependencies}))

    FLAWED = {"name": "wax", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}  # noqa: RUF012 - not changed

    def test_a_flaw_is_told_with_its_way_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answering(monkeypatch, self.FLAWED, {"name": "string", "version": "1", "vulns": []})
        assert list(audit.vulnerabilities({})) == ["CVE-1 in wax: 1, mended in 2"]

    def test_it_can_be_accepted_for_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answering(monkeypatch, self.FLAWED)
        entry = {"in": ["wax"], **BECAUSE}
        assert list(audit.vulnerabilities({"CVE-1": {**entry, "until": date(9999, 1, 1)}})) == []
        told = list(audit.vulnerabilities({"CVE-1": {**entry, "until": date(2026, 1, 1)}}))
        assert told == ["CVE-1 was accepted until 2026-01-01"]

    @pytest.mark.parametrize("said", ["", json.dumps({"dependencies": [{"name": "wax", "skip_reason": "unknown"}]})])
    def test_who_could_ask_nobody_does_not_say_that_all_is_well(
        self, said: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "_run", lambda *_: said)
        with pytest.raises(audit.NotAudited):
            list(audit.vulnerabilities({}))


class TestTools:
    @staticmethod
    def tool(folder: Path, script: str) -> Path:
        path = folder / "tool"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def test_one_that_is_missing_or_fails_is_no_clean_report(self, tmp_path: Path) -> None:
        with pytest.raises(audit.NotAudited, match="make audit"):
            audit._run(tmp_path / "none")
        with pytest.raises(audit.NotAudited, match="no such rule"):
            audit._run(self.tool(tmp_path, "echo no such rule >&2; exit 2"))

    def test_one_that_finds_something_is_heard(self, tmp_path: Path) -> None:
        assert audit._run(self.tool(tmp_path, "echo found; exit 1")) == "found\n"

    def test_a_check_that_could_not_be_made_fails_the_audit(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def unheard(_: Any) -> Any:
            raise audit.NotAudited("nobody is there")

        monkeypatch.setattr(audit, "checks", lambda **_: {"bandit": unheard, "secrets": lambda _: iter(())})
        assert audit.main([]) == audit.UNCLEAN
        assert capsys.readouterr().out == "bandit: 1\n  not audited: nobody is there\nsecrets: nothing\n"
        monkeypatch.setattr(audit, "checks", lambda **_: {"secrets": lambda _: iter(())})
        assert audit.main([]) == audit.CLEAN


def test_offline_asks_nobody() -> None:
    assert set(audit.checks(offline=False)) - set(audit.checks(offline=True)) == {"vulnerabilities"}
