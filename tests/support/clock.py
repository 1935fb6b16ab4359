"""A clock that moves only when it is told to."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from chalicelib.routes import call, mail_triggers, triggers, webhook_triggers
from tests.support.builders import NOW


class Clock:
    def __init__(self, start: datetime = NOW) -> None:
        self.now = start

    def tick(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        self.now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.now

    def rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The edge asks `datetime.now` in these modules; below them `now` is an argument."""
        clock = self

        class Ruled(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return clock.now.astimezone(tz or UTC)

        for module in (call, mail_triggers, triggers, webhook_triggers):
            monkeypatch.setattr(module, "datetime", Ruled)
