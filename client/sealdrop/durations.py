"""Times as people type them, a span from now or a time, as they are told, and as the API takes them."""

import re
from datetime import UTC, datetime, timedelta

from sealdrop.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhdw])")


def expiry(text: str, now: datetime) -> datetime:
    """`30m`, `12h`, `7d`, `2w` from `now`, or a time in ISO 8601; one without a zone is local. As UTC.

    Raises UsageError where it is neither, or has passed.
    """
    if span := _SPAN.fullmatch(text):
        return now.astimezone(UTC) + timedelta(**{_UNITS[span.group(2)]: int(span.group(1))})
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"not a time of expiry: {text!r}", hint="Write 30m, 12h, 7d, 2w, or a time such as 2026-12-31T18:00"
        ) from None
    if moment <= now:
        raise UsageError(f"the time of expiry has passed: {text}")
    return moment


def run_again(until: datetime) -> str:
    """What to do about an interrupted download, and until when: a time of day, as it is a few hours away at most."""
    return f"Run it again before {until.astimezone():%H:%M %Z} to go on: no further use is spent."


def rfc3339(moment: datetime) -> str:
    """In UTC. A time without a zone is refused: guessing one would move an expiry by hours."""
    if moment.tzinfo is None:
        raise ValueError("expires_at needs a time zone")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
