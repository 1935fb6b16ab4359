"""What an account may hold and send, what it holds and has sent, and the rule between the two."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from chalicelib.domain.errors import QuotaExceeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most that an account may use."""

    stored_bytes: int  # of objects in S3, the trash and pending uploads among them
    files: int
    mails_a_day: int  # of a day in UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an account uses of its quota, or what one creation takes of it."""

    stored_bytes: int = 0
    files: int = 0
    mails: int = 0  # on one day

    def __add__(self, more: "Usage") -> "Usage":
        return Usage(
            stored_bytes=self.stored_bytes + more.stored_bytes,
            files=self.files + more.files,
            mails=self.mails + more.mails,
        )


def day_of(now: datetime) -> date:
    """The day that a mail counts for: in UTC, whatever the user's time zone."""
    return now.astimezone(UTC).date()


def refusal(quota: Quota, used: Usage, more: Usage) -> QuotaExceeded | None:
    """Why `more` may not be taken on top of `used`. What takes nothing of a quota never meets its limit."""
    errors = {
        name: [f"{held:,} of {limit:,} {unit} are used, and this takes {taken:,}. {advice}"]
        for name, held, taken, limit, unit, advice in (
            ("bytes", used.stored_bytes, more.stored_bytes, quota.stored_bytes, "bytes", _MAKE_ROOM),
            ("files", used.files, more.files, quota.files, "files", _MAKE_ROOM),
            ("mails_today", used.mails, more.mails, quota.mails_a_day, "mails a day", _WAIT),
        )
        if taken and held + taken > limit
    }
    if not errors:
        return None
    return QuotaExceeded(f"The account's quota would be exceeded: {', '.join(errors)}.", errors=errors)


_OPERATOR = "or ask whoever runs the service for a larger quota."
_MAKE_ROOM = f"Purge files, for those in the trash count too, {_OPERATOR}"
_WAIT = f"Wait for the next day, which begins at midnight UTC, {_OPERATOR}"
