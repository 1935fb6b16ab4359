"""Progress bars, on a terminal's stderr only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sealdrop.flow import Progress
from sealdrop.names import printable


@contextmanager
def bar(label: str) -> Iterator[Progress | None]:
    """A bar for one transfer; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress  # loaded late: it takes as long as all of a short command
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(binary_units=True),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(printable(label), total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
