"""A mail as it is shown at a terminal. Other people's text is made harmless here."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sealdrop.mail_models import MailFile
from sealdrop.names import printable
from sealdrop.units import human_size


def state_of(revoked_at: datetime | None, expires_at: datetime) -> str:
    if revoked_at:
        return "revoked"
    return "expired" if expires_at <= datetime.now(UTC) else "open"


def writing(lines: Sequence[tuple[str, str]], body: str, files: Sequence[MailFile]) -> str:
    """Its heading, its text, and the names of its files."""
    width = max(len(title) for title, _ in lines) + 2
    heading = [f"{title + ':':<{width}}{text}" for title, text in lines]
    text = body.split("\n") if body else []
    listed = [f"  {file.full_filename} ({human_size(file.size)})" for file in files]
    parts = [heading, text, listed]
    return "\n\n".join("\n".join(printable(line) for line in part) for part in parts if part)
