"""A few seconds of bench/load.py: no 5xx, and what must be exact is exact."""

import pytest

from bench import load
from tests.e2e.conftest import Stack


def test_what_must_be_exact_is_exact_under_load(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "USES", 10)
    user = {"token": stack.alice.token, "pin": stack.alice.pin}
    tally, _ = load.run(stack.api_url, user, seconds=1, workers=4)
    assert tally.won == 10
    assert len(tally.seconds) > 8
    assert min(map(len, tally.seconds.values())) > 0


def test_a_use_too_many_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run, where one answer counts for two."""
    monkeypatch.setattr(load, "USES", 4)
    monkeypatch.setattr(load.Tally, "win", lambda self, status: setattr(self, "won", self.won + 2 * (status == 200)))
    user = {"token": stack.bob.token, "pin": stack.bob.pin}
    with pytest.raises(load.Broken, match="8 of 4 uses"):
        load.run(stack.api_url, user, seconds=0, workers=2)
