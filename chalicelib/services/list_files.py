"""GET /files."""

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.file import File, Shelf
from chalicelib.domain.ids import AccountId
from chalicelib.domain.page import Page, Position
from chalicelib.ports import FileStore


def list_files(
    account_id: AccountId,
    shelf: Shelf,
    limit: int,
    after: Position | None,
    now: datetime,
    *,
    files: FileStore,
) -> Page[File]:
    """One page, newest first. Files past their expiry are left out, so a page can be short and not the last."""
    page = files.list_of(account_id, shelf, limit, after)
    return replace(page, rows=[file for file in page.rows if file.is_visible(now)])
