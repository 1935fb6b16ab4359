"""How a moment is written, wherever it is text: on the wire, in the tables, in the chain of events."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """In UTC, to the microsecond. Fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
