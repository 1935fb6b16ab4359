"""What the command line prints: JSON for programs, tables for people. Text of other people is made harmless here."""

import dataclasses
import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from sealdrop.durations import run_again
from sealdrop.errors import ApiError, SealdropError
from sealdrop.names import printable


def as_json(value: Any) -> Any:
    """A value of this library in JSON's terms, fields named as on the wire, times in UTC."""
    if dataclasses.is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {name: as_json(item) for name, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def print_json(value: Any) -> None:
    click.echo(json.dumps(as_json(value), indent=2))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what they hold. Nothing is cut or wrapped: `grep` and `awk` are readers too."""
    lines = [list(titles), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        padded = [cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(padded).rstrip())


def _width(text: str) -> int:
    """Columns on a terminal: none for what combines, two for the wide letters of East Asia and for emoji."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def local_time(moment: datetime | None) -> str:
    """In the reader's own zone, and with its name."""
    if moment is None:
        return "-"
    try:
        return moment.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    except (OverflowError, ValueError, OSError):  # the last day of the year 9999, east of Greenwich
        return moment.strftime("%Y-%m-%d %H:%M %Z")


def note(text: str) -> None:
    """A remark to a person at a terminal; a pipe's reader does not get it."""
    if sys.stderr.isatty():
        click.echo(printable(text), err=True)


def print_error(error: SealdropError, *, json_wanted: bool, about: str | None = None) -> None:
    """What went wrong and what to do next, on stderr."""
    errors = error.errors if isinstance(error, ApiError) else {}
    request_id = error.request_id if isinstance(error, ApiError) else None
    if json_wanted:
        record = {"code": error.code, "message": error.message, "hint": error.hint, "about": about}
        record |= {"again_until": as_json(error.again_until)}
        click.echo(json.dumps({"error": {**record, "errors": errors, "request_id": request_id}}), err=True)
        return
    lines = [f"sealdrop: {about}: {error.message}" if about else f"sealdrop: {error.message}"]
    lines += [f"  {name}: {reason}" for name, reasons in errors.items() for reason in reasons]
    lines += [f"  request id: {request_id}"] if request_id else []
    lines += [f"  {error.hint}"] if error.hint else []
    lines += [f"  {run_again(error.again_until)}"] if error.again_until else []
    click.echo("\n".join(printable(line) for line in lines), err=True)
