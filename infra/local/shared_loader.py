"""One botocore loader for a whole process, and so one reading of AWS's models: each boto3 session would read them anew.

A Lambda has one session, which gains nothing by it; here and in tests there are many in a process. They share, too,
what botocore changes in a model when it makes a client, the same for each.
"""

import functools

from botocore import session
from botocore.loaders import Loader

_create_loader = session.create_loader


def install() -> None:
    """Idempotent; for the sessions that are made from now on."""
    session.create_loader = _shared


@functools.cache
def _shared(search_path: str | None = None) -> Loader:
    loader: Loader = _create_loader(search_path)
    vars(loader)["_search_paths"] = _EachOnce(loader.search_paths)
    return loader


class _EachOnce(list[str]):
    """Every session appends boto3's folder."""

    def append(self, path: str) -> None:
        if path not in self:
            super().append(path)
