"""When a file, a token, a mail or a download may end: not in the past, and not too far ahead."""

from datetime import datetime, timedelta

from chalicelib.domain.download import MAX_LIFETIME
from chalicelib.domain.errors import invalid

MAX_YEARS = 10
MAX_AHEAD = timedelta(days=3653)  # ten years; later ones are slips, and the last days of 9999 do not exist in all zones
PASSED = "The time of expiry has passed: name a later one."


def check_expiry(expires_at: datetime | None, now: datetime, *, passed: str = PASSED) -> None:
    """None is no expiry. Raises Invalid naming `expires_at`, with the words of `passed` for a time that has."""
    if expires_at is None:
        return
    if expires_at <= now:
        raise invalid("expires_at", passed)
    if expires_at - now > MAX_AHEAD:
        raise invalid("expires_at", f"An expiry is at most {MAX_YEARS} years ahead; leave it out for none.")


def end_of_grant(expires_at: datetime | None, unless_said: timedelta, now: datetime) -> datetime:
    """When a mail or a download ends: as asked for, or after its usual time. Raises Invalid naming `expires_at`."""
    ends_at = now + unless_said if expires_at is None else expires_at
    if ends_at <= now:
        raise invalid("expires_at", PASSED)
    if ends_at > now + MAX_LIFETIME:
        raise invalid("expires_at", f"Name a time within {MAX_LIFETIME.days} days.")
    return ends_at
