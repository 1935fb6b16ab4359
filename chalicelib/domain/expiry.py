"""When a file or a token may end: not in the past, and not too far ahead."""

from datetime import datetime, timedelta

from chalicelib.domain.errors import invalid

MAX_YEARS = 10
MAX_AHEAD = timedelta(days=3653)  # ten years; later ones are slips, and the last days of 9999 do not exist in all zones
PASSED = "The time of expiry has passed."


def check_expiry(expires_at: datetime | None, now: datetime, *, passed: str = PASSED) -> None:
    """None is no expiry. Raises Invalid naming `expires_at`, with the words of `passed` for a time that has."""
    if expires_at is None:
        return
    if expires_at <= now:
        raise invalid("expires_at", passed)
    if expires_at - now > MAX_AHEAD:
        raise invalid("expires_at", f"An expiry is at most {MAX_YEARS} years ahead; leave it out for none.")
